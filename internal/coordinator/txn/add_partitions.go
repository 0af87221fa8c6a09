package txn

import (
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// AddPartitions adds partitions to the transaction of a producer, which begins with the first. clientVersion is the
// level of transaction.version that the client goes by: 2 when a partition leader asks on its behalf, else 0.
func (m *Machine) AddPartitions(now time.Time, transactionalID string, producerID int64, producerEpoch int16, partitions []TopicPartition, clientVersion int16, done func(protocol.Code)) machine.Result {
	if transactionalID == "" {
		done(protocol.InvalidRequest)
		return machine.Result{}
	}
	t := m.transactions[transactionalID]
	if t == nil {
		done(m.refuseUnknown(producerID, clientVersion))
		return machine.Result{}
	}
	if t.busy != idle {
		// Before the producer is looked at: it may already use the next producer id, which is to come.
		done(protocol.ConcurrentTransactions)
		return machine.Result{}
	}
	md := t.committed
	if m.lost(md.producerID) && (producerID == md.producerID || m.presentOrLater(md, producerID, producerEpoch)) {
		done(refuseLost(clientVersion))
		return machine.Result{}
	}
	if code := checkProducer(md, producerID, producerEpoch); code != protocol.None {
		done(code)
		return machine.Result{}
	}
	absent := missing(md.topics, partitions)
	if md.state == Ongoing && len(absent) == 0 {
		done(protocol.None)
		return machine.Result{}
	}
	if !m.keeps(clientVersion) {
		done(protocol.UnsupportedVersion)
		return machine.Result{}
	}
	return m.transition(t, md.added(absent, clientVersion, now.UnixMilli()), func(_ time.Time, code protocol.Code) { done(code) })
}

// keeps reports whether records say what level of transaction.version a client goes by. At the finalized level 0 they do
// not, so clients of a higher one cannot be served. (Kafka finds that out late, and their transactional ids stay busy.)
func (m *Machine) keeps(clientVersion int16) bool {
	return clientVersion == 0 || m.options.TransactionVersion() >= 1
}

func checkProducer(md *metadata, producerID int64, producerEpoch int16) protocol.Code {
	switch {
	case md.producerID != producerID:
		return protocol.InvalidProducerIDMapping
	case md.producerEpoch != producerEpoch:
		return protocol.ProducerFenced
	case md.state.isPrepared():
		return protocol.ConcurrentTransactions
	case md.state == Dead || md.state == PrepareEpochFence:
		return protocol.UnknownServerError // no coordinator writes these
	default:
		return protocol.None
	}
}

// VerifyPartitions tells for each partition whether it is part of the producer's transaction. A transition that is under
// way does not count: the partition's log decides last.
func (m *Machine) VerifyPartitions(transactionalID string, producerID int64, producerEpoch int16, partitions []TopicPartition) []protocol.Code {
	codes := make([]protocol.Code, len(partitions))
	common := protocol.None
	t := m.transactions[transactionalID]
	switch {
	case transactionalID == "":
		common = protocol.InvalidRequest
	case t == nil:
		common = protocol.InvalidProducerIDMapping
	default:
		common = checkProducer(t.committed, producerID, producerEpoch)
	}
	if common != protocol.None {
		for i := range codes {
			codes[i] = common
		}
		return codes
	}
	var absent map[TopicPartition]bool // usually none is
	for _, tp := range missing(t.committed.topics, partitions) {
		if absent == nil {
			absent = make(map[TopicPartition]bool)
		}
		absent[tp] = true
	}
	for i, tp := range partitions {
		if absent[tp] {
			codes[i] = protocol.TransactionAbortable
		}
	}
	return codes
}
