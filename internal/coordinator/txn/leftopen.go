package txn

import (
	"math"
	"slices"
)

// Lost is what is known after the machine went down without writing out what was in its memory.
type Lost struct {
	// Below is the producer id below which all were given out before.
	Below int64
	// LeftOpen returns what a producer's transactions have left open in partitions; nil: nobody has looked. These are ended by somebody else, who asks for Decisions:
	// what is open there need not be the transaction that the coordinator knows.
	LeftOpen func(producerID int64) []OpenTransaction
}

// OpenTransaction is a transaction that is open in a partition.
type OpenTransaction struct {
	TopicPartition
	ProducerID    int64
	ProducerEpoch int16
}

// Decision is one about the end of a transaction.
type Decision struct {
	Commit             bool
	ProducerEpoch      int16 // of the markers
	TransactionVersion int16
	AtMs               int64
}

// noteDecision keeps what a loaded record says about transactions that are open in partitions. The record of a completion says nothing new where that of the
// decision came before it.
func (m *Machine) noteDecision(before, md *metadata) {
	if m.options.Lost == nil || m.options.Lost.LeftOpen == nil || md.state == Empty || md.state == Ongoing {
		return
	}
	if !md.state.isPrepared() && before != nil && before.state.isPrepared() {
		return
	}
	for _, open := range m.options.Lost.LeftOpen(md.producerID) {
		if !md.mayEnd(open) {
			continue
		}
		if m.decisions == nil {
			m.decisions = make(map[OpenTransaction][]Decision)
		}
		m.decisions[open] = append(m.decisions[open], Decision{
			Commit: md.state == PrepareCommit || md.state == CompleteCommit, ProducerEpoch: md.producerEpoch, TransactionVersion: md.clientVersion, AtMs: md.updatedMs,
		})
	}
}

// mayEnd reports whether the decision may be about the open transaction. With version 2 the epochs tell, and so does the record of the completion, where that
// of the decision has been compacted away. Before it several transactions have the same epoch.
func (md *metadata) mayEnd(open OpenTransaction) bool {
	if md.clientVersion >= versionWithEpochBump && md.producerEpoch < math.MaxInt16 {
		return md.producerEpoch == open.ProducerEpoch+1 && (!md.state.isPrepared() || contains(md.topics, open.TopicPartition))
	}
	return md.producerEpoch == open.ProducerEpoch && md.state.isPrepared() && contains(md.topics, open.TopicPartition)
}

// Decisions returns for each of the transactions the decisions in the log that may be about it, oldest first.
func (m *Machine) Decisions(open []OpenTransaction) [][]Decision {
	decisions := make([][]Decision, len(open))
	for i, o := range open {
		decisions[i] = m.decisions[o]
	}
	return decisions
}

// leftToOthers reports whether somebody else ends what the producer has open in the partition.
func (m *Machine) leftToOthers(producerID int64, tp TopicPartition) bool {
	return m.lost(producerID) && m.options.Lost.LeftOpen != nil &&
		slices.ContainsFunc(m.options.Lost.LeftOpen(producerID), func(o OpenTransaction) bool { return o.TopicPartition == tp })
}
