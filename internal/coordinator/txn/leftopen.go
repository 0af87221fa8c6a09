package txn

import "math"

// Lost is what is known after the machine went down without writing out what was in its memory.
type Lost struct {
	// Below is the producer id below which all were given out before.
	Below int64
	// LeftOpen returns what a producer's transactions have left open in partitions; nil: nobody has looked. The log's decisions about these are kept for
	// Fates while it is loaded.
	LeftOpen func(producerID int64) []OpenTransaction
	// MarkedSince reports whether a partition has a marker of the producer that is not older than the time.
	MarkedSince func(tp TopicPartition, producerID, sinceMs int64) bool
}

// OpenTransaction is a transaction that is open in a partition.
type OpenTransaction struct {
	TopicPartition
	ProducerID    int64
	ProducerEpoch int16
}

// Fate is what a coordinator knows of an open transaction.
type Fate struct {
	// Busy: the producer has a transaction that the coordinator is about to end. What is open may be that one.
	Busy bool
	// Decisions are those in the log that it may be about, oldest first.
	Decisions []Decision
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

// Fates returns what is known of each of the transactions.
func (m *Machine) Fates(open []OpenTransaction) []Fate {
	busy := make(map[int64]bool)
	for _, t := range m.transactions {
		if m.lost(t.latest.producerID) && (t.busy != idle || t.latest.state == Ongoing || t.latest.state.isPrepared()) {
			busy[t.latest.producerID] = true
		}
	}
	fates := make([]Fate, len(open))
	for i, o := range open {
		fates[i] = Fate{Busy: busy[o.ProducerID], Decisions: m.decisions[o]}
	}
	return fates
}

// markedAlready reports whether a decision of before the machine went down has been carried out in a partition. Where a version before 2 is the client's, what
// is open there may be its next transaction, in the same epoch, which this marker must not end.
func (m *Machine) markedAlready(md *metadata, tp TopicPartition) bool {
	return m.lost(md.producerID) && md.clientVersion < versionWithEpochBump && m.options.Lost.MarkedSince != nil &&
		m.options.Lost.MarkedSince(tp, md.producerID, md.updatedMs)
}
