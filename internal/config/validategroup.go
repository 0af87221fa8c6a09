package config

// groupBounds name the broker settings between which a group's setting must lie.
var groupBounds = []struct {
	name, min, max string
	onlyWhenSet    bool // the default may lie outside
}{
	{"consumer.heartbeat.interval.ms", "group.consumer.min.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms", false},
	{"consumer.session.timeout.ms", "group.consumer.min.session.timeout.ms", "group.consumer.max.session.timeout.ms", false},
	{"consumer.assignment.interval.ms", "group.consumer.min.assignment.interval.ms", "group.consumer.max.assignment.interval.ms", true},
	{"share.heartbeat.interval.ms", "group.share.min.heartbeat.interval.ms", "group.share.max.heartbeat.interval.ms", false},
	{"share.session.timeout.ms", "group.share.min.session.timeout.ms", "group.share.max.session.timeout.ms", false},
	{"share.record.lock.duration.ms", "group.share.min.record.lock.duration.ms", "group.share.max.record.lock.duration.ms", false},
	{"share.delivery.count.limit", "group.share.min.delivery.count.limit", "group.share.max.delivery.count.limit", false},
	{"share.partition.max.record.locks", "group.share.min.partition.max.record.locks", "group.share.max.partition.max.record.locks", false},
	{"share.assignment.interval.ms", "group.share.min.assignment.interval.ms", "group.share.max.assignment.interval.ms", true},
	{"streams.heartbeat.interval.ms", "group.streams.min.heartbeat.interval.ms", "group.streams.max.heartbeat.interval.ms", false},
	{"streams.session.timeout.ms", "group.streams.min.session.timeout.ms", "group.streams.max.session.timeout.ms", false},
	{"streams.num.standby.replicas", "", "group.streams.max.standby.replicas", false},
	{"streams.assignment.interval.ms", "group.streams.min.assignment.interval.ms", "group.streams.max.assignment.interval.ms", true},
}

// validateGroup checks the settings of a group against the bounds that the broker sets.
func (s *Snapshot) validateGroup(props map[string]string) error {
	if unknown := unknownName(groupTable, props); unknown != "" {
		return invalidConfig("Unknown group config name: " + unknown)
	}
	values, err := s.groupValues(props)
	if err != nil {
		return asProtocol(err)
	}
	for _, b := range groupBounds {
		if _, own := props[b.name]; b.onlyWhenSet && !own {
			continue
		}
		if b.min != "" && values[b.name].n < s.Long(b.min) {
			return invalidConfig(b.name + " must be greater than or equal to " + b.min)
		}
		if values[b.name].n > s.Long(b.max) {
			return invalidConfig(b.name + " must be less than or equal to " + b.max)
		}
	}
	for _, kind := range []string{"consumer", "share", "streams"} {
		session, heartbeat := kind+".session.timeout.ms", kind+".heartbeat.interval.ms"
		if values[session].n <= values[heartbeat].n {
			return invalidConfig(session + " must be greater than " + heartbeat)
		}
	}
	return nil
}
