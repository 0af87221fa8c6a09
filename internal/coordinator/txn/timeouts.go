package txn

import (
	"slices"
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

func (m *Machine) scheduleTimeouts(now time.Time) {
	interval := time.Duration(m.options.Config().AbortTimedOutIntervalMs) * time.Millisecond
	m.timers.Set(&m.timeoutTimer, now.Add(interval), m.findTimedOut)
}

// findTimedOut has every transaction aborted that took longer than its producer wanted.
func (m *Machine) findTimedOut(now time.Time) machine.Result {
	m.scheduleTimeouts(now)
	m.abortEach(now, func(t *transaction) bool { return m.timedOut(now, t) })
	return machine.Result{}
}

// abortEach has those of the open transactions aborted that are asked for, each as an operation of its own.
func (m *Machine) abortEach(now time.Time, wanted func(*transaction) bool) {
	var late []*transaction
	for t := range m.ongoing {
		if wanted(t) {
			late = append(late, t)
		}
	}
	slices.SortFunc(late, byID)
	for _, t := range late {
		m.timers.Set(&t.timer, now, func(now time.Time) machine.Result { return m.abortTimedOut(now, t) })
	}
}

// timedOut also says so of a transaction that was open when the machine went down.
func (m *Machine) timedOut(now time.Time, t *transaction) bool {
	md := t.committed
	if t.busy != idle || t.awaitsID || md.state != Ongoing {
		return false
	}
	return m.lost(md.producerID) || md.timeoutMs != noTimeoutMs && md.startMs+int64(md.timeoutMs) < now.UnixMilli()
}

func (m *Machine) abortTimedOut(now time.Time, t *transaction) machine.Result {
	if !m.timedOut(now, t) {
		return machine.Result{} // something else came first
	}
	t.awaitsID = true
	why := "a transaction that timed out"
	if m.lost(t.committed.producerID) {
		why = "a transaction that was open when the machine went down"
	}
	failed := func(_ time.Time, code protocol.Code) {
		t.awaitsID = false
		m.log.Warn(why+" could not be aborted yet", "transactional_id", t.id, "code", code.Name())
	}
	again := parked{fail: failed, run: func(now time.Time) machine.Result {
		t.awaitsID = false
		if m.transactions[t.id] != t {
			return machine.Result{}
		}
		return m.abortTimedOut(now, t)
	}}
	producerID := t.committed.producerID
	return m.fence(now, t, again, func(now time.Time, code protocol.Code) {
		if code != protocol.None {
			failed(now, code)
			return
		}
		t.awaitsID = false
		m.log.Info("aborted "+why, "transactional_id", t.id, "producer_id", producerID)
	})
}
