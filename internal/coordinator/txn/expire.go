package txn

import (
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
)

func (m *Machine) scheduleExpiry(now time.Time) {
	interval := time.Duration(m.options.Config().RemoveExpiredIntervalMs) * time.Millisecond
	m.timers.Set(&m.expiryTimer, now.Add(interval), m.expire)
}

// expire forgets the transactional ids that were not used for long.
func (m *Machine) expire(now time.Time) machine.Result {
	m.scheduleExpiry(now)
	before := now.UnixMilli() - m.options.Config().IDExpirationMs
	expired := m.sorted(func(t *transaction) bool {
		return t.busy == idle && t.committed.state.isExpirable() && t.committed.updatedMs <= before
	})
	if len(expired) == 0 {
		return machine.Result{}
	}
	result := machine.Result{Split: true, Done: func(_ time.Time, err error) {
		if err != nil {
			m.log.Warn("could not remove all expired transactional ids; the next round will", "expired", len(expired), "err", err)
		}
	}}
	for _, t := range expired {
		result.Records = append(result.Records, machine.Record{Key: encodeKey(t.id)})
	}
	return result
}
