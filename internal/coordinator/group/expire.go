package group

import (
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
)

// scheduleCleanup lets offsets and groups expire every offsets.retention.check.interval.ms.
func (m *Machine) scheduleCleanup(now time.Time) {
	interval := time.Duration(m.config().OffsetsRetentionCheckIntervalMs) * time.Millisecond
	m.timers.Set(&m.cleanupTimer, now.Add(interval), func(now time.Time) machine.Result {
		m.scheduleCleanup(now)
		return m.cleanUp(now)
	})
}

// cleanUp removes expired offsets, and groups that have neither members nor offsets (KIP-211).
func (m *Machine) cleanUp(now time.Time) machine.Result {
	var records []machine.Record
	retentionMs := m.config().OffsetsRetentionMs
	for _, id := range m.groupIDs() {
		g := m.groups[id]
		base, mayExpire := g.expiryBase()
		kept := 0
		m.offsets.each(id, func(topic string, partition int32, o offset) {
			expired := mayExpire && !g.isSubscribedTo(topic) && o.isExpired(now.UnixMilli(), base, retentionMs)
			if expired && !m.pending.has(id, topic, partition) {
				records = append(records, offsetTombstone(id, topic, partition))
				return
			}
			kept++
		})
		if kept == 0 && g.state == Empty && !m.pending.hasGroup(id) {
			records = append(records, groupTombstone(id))
		}
	}
	if len(records) == 0 {
		return machine.Result{}
	}
	return machine.Result{Records: records, Split: true, Done: func(_ time.Time, err error) {
		if err != nil {
			m.log.Warn("could not store the expiry of offsets, trying again at the next check", "err", err)
			return
		}
		m.log.Info("removed expired offsets and groups", "tombstones", len(records))
	}}
}

// expiryBase returns the time from which the retention of the group's offsets counts, -1 for the time of each commit;
// mayExpire is false while nothing of the group expires.
func (g *group) expiryBase() (baseMs int64, mayExpire bool) {
	switch {
	case g.protocolType == "": // a simple group
		return -1, true
	case g.state == Empty: // since the last member left; groups written by very old brokers do not say when
		return g.stateSinceMs, true
	case g.usesConsumerProtocol() && g.topicsKnown && g.state == Stable: // only of topics that nobody consumes any more
		return -1, true
	default:
		return 0, false
	}
}

func (o offset) isExpired(nowMs, baseMs, retentionMs int64) bool {
	if o.expireMs >= 0 {
		return nowMs >= o.expireMs
	}
	if baseMs < 0 {
		baseMs = o.commitMs
	}
	return nowMs-baseMs >= retentionMs
}
