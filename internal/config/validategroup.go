package config

import "fmt"

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
	if unknown, found := unknownName(groupTable, props); found {
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

// validateGroupDefaults checks the broker's own group settings: the bounds against each other, the defaults against the
// bounds, and heartbeats against sessions.
func (r *resolver) validateGroupDefaults(*Snapshot) error {
	for _, kind := range []string{"consumer", "share", "streams"} {
		prefix := "group." + kind + "."
		steps := []error{
			r.ordered(prefix+"%sheartbeat.interval.ms", true),
			r.ordered(prefix+"%ssession.timeout.ms", true),
			r.atMost(prefix+"heartbeat.interval.ms", prefix+"session.timeout.ms", true),
			r.ordered(prefix+"%sassignment.interval.ms", true),
		}
		for _, err := range steps {
			if err != nil {
				return err
			}
		}
	}
	if n := len(r.list("group.share.assignors")); n != 1 {
		return configError(fmt.Sprintf("group.share.assignors must contain exactly one assignor, but found %d", n))
	}
	for _, err := range []error{
		r.atMost("group.streams.num.standby.replicas", "group.streams.max.standby.replicas", false),
		r.ordered("group.share.%sdelivery.count.limit", false),
		r.ordered("group.share.%spartition.max.record.locks", false),
		r.ordered("group.share.%srecord.lock.duration.ms", false),
		r.atLeast("group.share.max.share.sessions", "group.share.max.size"),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// ordered checks that a default lies between its bounds; name has a place for "min." and "max.". With bounds, they are
// compared with each other first.
func (r *resolver) ordered(name string, bounds bool) error {
	low, plain, high := fmt.Sprintf(name, "min."), fmt.Sprintf(name, ""), fmt.Sprintf(name, "max.")
	if bounds {
		if err := r.atLeast(high, low); err != nil {
			return err
		}
		if err := r.atLeast(plain, low); err != nil {
			return err
		}
		return r.atMost(plain, high, false)
	}
	if err := r.atLeast(high, plain); err != nil {
		return err
	}
	return r.atLeast(plain, low)
}

func (r *resolver) atLeast(name, other string) error {
	if r.long(name) < r.long(other) {
		return configError(name + " must be greater than or equal to " + other)
	}
	return nil
}

func (r *resolver) atMost(name, other string, strictly bool) error {
	switch {
	case strictly && r.long(name) >= r.long(other):
		return configError(name + " must be less than " + other)
	case r.long(name) > r.long(other):
		return configError(name + " must be less than or equal to " + other)
	}
	return nil
}
