package txn

import (
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// transition appends the record of a transaction's next metadata. While it is not committed, the transaction is busy.
// done is called once: with None when the record is committed and the transaction is idle again, else with what a
// client is told.
func (m *Machine) transition(t *transaction, next *metadata, done func(now time.Time, code protocol.Code)) machine.Result {
	t.busy = writing
	return m.append(t, next, func(now time.Time, code protocol.Code) {
		if code == protocol.None || t.latest != next {
			t.busy = idle
		}
		if done != nil {
			done(now, code)
			done = nil // it is told only once, though the record may be committed later than it was waited for
		}
	})
}

// append appends the record of a transaction's next metadata. done is told what became of it, and again with None when
// the record is committed after all: it stays in the log although nobody waits for it any more.
func (m *Machine) append(t *transaction, next *metadata, done func(now time.Time, code protocol.Code)) machine.Result {
	m.appending.t, m.appending.next = t, next
	var record machine.Record
	record, m.scratch = encodeRecord(t.id, next, valueVersion(m.options.TransactionVersion(), next), m.scratch)
	return machine.Result{
		Records: []machine.Record{record},
		Undo:    m.undoAppend,
		Done:    func(now time.Time, err error) { m.settle(now, t, next, err, done) },
	}
}

// undo takes back what append prepared: the log refused the record.
func (m *Machine) undo(time.Time) {
	t := m.appending.t
	m.appending.t, m.appending.next = nil, nil
	if t.latest.producerEpoch == noProducerEpoch {
		// Its first record: the id is unknown as before, and the producer id serves the next one.
		m.keepProducerID(t.latest.producerID)
		m.remove(t.id)
	}
}

// settle is called when the record is committed, or cannot be waited for.
func (m *Machine) settle(now time.Time, t *transaction, next *metadata, err error, done func(now time.Time, code protocol.Code)) {
	if err == nil {
		t.committed = next
		done(now, protocol.None)
		return
	}
	if t.latest == next {
		// It is in the log, and will be committed unless another leader cuts it off, which ends this machine.
		m.timers.Set(&t.timer, now.Add(m.retryBackoff()), func(time.Time) machine.Result {
			return machine.Result{Done: func(now time.Time, err error) { m.settle(now, t, next, err, done) }}
		})
	}
	done(now, machine.ResponseCode(err))
}

func (m *Machine) retryBackoff() time.Duration {
	return time.Duration(m.options.Config().MarkerRetryBackoffMs) * time.Millisecond
}
