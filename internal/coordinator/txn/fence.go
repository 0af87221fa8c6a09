package txn

import (
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// fence aborts the open transaction of a producer that is given up, and raises the epoch so that it can do nothing more.
// The finalized transaction.version says how; the producer is not asked. done is called when that is committed, before
// the markers are written.
func (m *Machine) fence(now time.Time, t *transaction, again parked, done func(now time.Time, code protocol.Code)) machine.Result {
	version := m.options.TransactionVersion()
	if version < versionWithEpochBump {
		return m.prepare(t, t.committed.fenced(now.UnixMilli()), done)
	}
	nextProducerID := int64(noProducerID)
	if epochExhausted(t.committed.producerEpoch) {
		var ok bool
		if nextProducerID, ok = m.takeProducerID(); !ok {
			return m.park(t.id, again)
		}
	}
	return m.prepare(t, t.committed.prepared(false, version, nextProducerID, now.UnixMilli()), done)
}
