package txn

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// When the machine goes down, the log of this partition may lose its newest part, and each partition's log its own. What is left of a
// transactional id may then be older than what partitions have seen of its producer: epochs would be given out a second time, and batches in them
// be taken for repeated ones. So a producer id of before is not used again. Options.Lost says which those are:
//
//   - Whoever asks for a producer id gets a fresh one, as where the epochs are exhausted.
//   - A transaction that was open is aborted: some of its records may be lost, and nobody knows which.
//   - A producer that goes on as if nothing had happened is refused with an error after which clients abort their transaction and ask for a producer
//     id, or get one with the end of it.
//   - A decision that there is gets its markers. A partition that refuses one has seen later epochs of the producer, so that transaction is over there. One in
//     which something is open gets none, but is left to whoever finds out what that is (Lost.LeftOpen).

// lost reports whether a producer id was given out before the machine went down.
func (m *Machine) lost(producerID int64) bool {
	return producerID != noProducerID && m.options.Lost != nil && producerID < m.options.Lost.Below
}

// exhausted reports that no further epoch of the producer id may be given to a client.
func (m *Machine) exhausted(md *metadata) bool {
	return epochExhausted(md.producerEpoch) || m.lost(md.producerID)
}

// replaced reports whether the producer is the one whose producer id, a lost one, was replaced by the present one.
func (m *Machine) replaced(md *metadata, producerID int64, producerEpoch int16) bool {
	return m.lost(producerID) && producerID == md.previousProducerID && producerID != md.producerID && producerEpoch == md.lastProducerEpoch
}

// presentOrLater reports whether a lost producer is the present one of its transactional id, or one after it that was forgotten: producer ids and epochs rise.
func (m *Machine) presentOrLater(md *metadata, producerID int64, producerEpoch int16) bool {
	return m.lost(md.producerID) && m.lost(producerID) &&
		(producerID > md.producerID || producerID == md.producerID && producerEpoch >= md.producerEpoch)
}

// mayReplace reports whether the caller may have the present producer id, a lost one, replaced by a fresh one: it claims none, or that of the present producer, or of one
// after it, or of the one whose transaction was aborted because the machine went down.
func (m *Machine) mayReplace(md *metadata, producerID int64, producerEpoch int16) bool {
	return m.lost(md.producerID) && (producerID == noProducerID || m.presentOrLater(md, producerID, producerEpoch) || md.abortedFrom(producerID, producerEpoch))
}

// abortedFrom reports whether the last transaction was that of the producer, in the epoch before the present one, and was aborted.
func (md *metadata) abortedFrom(producerID int64, producerEpoch int16) bool {
	return md.state == CompleteAbort && producerID == md.producerID && int32(producerEpoch)+1 == int32(md.producerEpoch)
}

// refuseLost is what a producer is told that would go on with a lost producer id.
func refuseLost(clientVersion int16) protocol.Code {
	if clientVersion >= versionWithEpochBump {
		return protocol.TransactionAbortable
	}
	return protocol.UnknownProducerID // older clients do not know the other; they abort, and ask for a producer id
}

// refuseUnknown is what a producer is told whose transactional id is not known. If that was forgotten, older clients go on with a new producer id.
func (m *Machine) refuseUnknown(producerID int64, clientVersion int16) protocol.Code {
	if m.lost(producerID) && clientVersion < versionWithEpochBump {
		return refuseLost(clientVersion)
	}
	return protocol.InvalidProducerIDMapping
}

// checkEndOfLost changes what a producer with a lost producer id may do by EndTxn up to v4: nothing but abort, and learn what had been decided.
func (m *Machine) checkEndOfLost(md *metadata, req *kmsg.EndTxnRequest, code protocol.Code) protocol.Code {
	switch {
	case code == protocol.None && md.state == Ongoing:
		return protocol.ConcurrentTransactions // it is being aborted
	case code != protocol.ProducerFenced || !md.abortedFrom(req.ProducerID, req.ProducerEpoch):
		return code
	case req.Commit:
		return refuseLost(0)
	default:
		return protocol.None
	}
}

// checkBumpOfLost is the same for EndTxn from v5 on, where the abort brings a fresh producer id.
func (m *Machine) checkBumpOfLost(md *metadata, req *kmsg.EndTxnRequest, code protocol.Code, end bool) (protocol.Code, bool) {
	switch {
	case code == protocol.ConcurrentTransactions:
		return code, end
	case req.Commit && code == protocol.None && md.state != Ongoing:
		return code, false
	case !m.presentOrLater(md, req.ProducerID, req.ProducerEpoch) && !md.abortedFrom(req.ProducerID, req.ProducerEpoch):
		return code, end
	case md.state == Ongoing:
		return protocol.ConcurrentTransactions, false
	case req.Commit:
		return protocol.TransactionAbortable, false
	default:
		return protocol.None, true
	}
}
