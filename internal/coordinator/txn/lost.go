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
//   - A decision that there is gets its markers. A partition that refuses one has seen later epochs of the producer, so that transaction is over there.

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

// claimsLost reports whether a lost producer id may belong to who claims it: the epoch is not older than what is known.
func claimsLost(md *metadata, producerEpoch int16) bool {
	return producerEpoch >= md.producerEpoch || producerEpoch == md.lastProducerEpoch && producerEpoch != noProducerEpoch
}

// refuseLost is what a producer is told that would go on with a lost producer id.
func refuseLost(clientVersion int16) protocol.Code {
	if clientVersion >= versionWithEpochBump {
		return protocol.TransactionAbortable
	}
	return protocol.UnknownProducerID // older clients do not know the other; they abort, and ask for a producer id
}

// checkEndOfLost changes what a producer with a lost producer id may do, by EndTxn from v5 on: nothing but abort, for which it gets a fresh one.
func checkEndOfLost(md *metadata, req *kmsg.EndTxnRequest, code protocol.Code, end bool) (protocol.Code, bool) {
	aborted := md.state == CompleteAbort && md.clientVersion >= versionWithEpochBump && int32(md.producerEpoch) == int32(req.ProducerEpoch)+1
	switch {
	case code == protocol.ConcurrentTransactions || req.ProducerID != md.producerID:
		return code, end
	case md.state == Ongoing:
		return protocol.ConcurrentTransactions, false // it is being aborted
	case req.Commit && code == protocol.None:
		return code, false // it had been decided
	case req.ProducerEpoch < md.producerEpoch && !aborted:
		return code, end
	case req.Commit:
		return protocol.TransactionAbortable, false
	default:
		return protocol.None, true
	}
}
