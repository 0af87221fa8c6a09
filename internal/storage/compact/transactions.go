package compact

import (
	"cmp"
	"slices"

	"ottla.dev/ottla/internal/record"
)

// AbortedTransaction is an entry of a transaction index.
type AbortedTransaction struct {
	ProducerID       int64
	FirstOffset      int64
	LastOffset       int64 // of the abort marker
	LastStableOffset int64
}

// Transactions follows the transactions of a log while its batches are read in order: which data were aborted, and which markers have
// nothing left to mark. The zero value is ready.
type Transactions struct {
	coming    []AbortedTransaction // by first offset; those from next on have not begun
	next      int
	aborting  map[int64]*aborting // by producer
	committed map[int64]struct{}  // the producers of whose transaction data have been seen
	kept      []AbortedTransaction
}

// aborting is an aborted transaction whose marker has not come yet.
type aborting struct {
	AbortedTransaction
	seen bool // some of its data are still there
}

// Add makes aborted transactions known: all that overlap the batches which come next. One may be added more than once before it begins.
func (t *Transactions) Add(aborted []AbortedTransaction) {
	if len(aborted) == 0 {
		return
	}
	t.coming = append(slices.Delete(t.coming, 0, t.next), aborted...)
	t.next = 0
	slices.SortStableFunc(t.coming, func(a, b AbortedTransaction) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
}

// begin takes in the aborted transactions that begin up to an offset.
func (t *Transactions) begin(offset int64) {
	for ; t.next < len(t.coming) && t.coming[t.next].FirstOffset <= offset; t.next++ {
		a := t.coming[t.next]
		if t.aborting == nil {
			t.aborting = map[int64]*aborting{}
		}
		if t.aborting[a.ProducerID] == nil {
			t.aborting[a.ProducerID] = &aborting{AbortedTransaction: a}
		}
	}
}

// Data takes a batch of data, and tells whether its transaction was aborted.
func (t *Transactions) Data(b record.Batch) bool {
	t.begin(b.LastOffset())
	if !b.IsTransactional() {
		return false
	}
	if a := t.aborting[b.ProducerID()]; a != nil && b.LastOffset() <= a.LastOffset {
		a.seen = true
		return true
	} else if a != nil {
		delete(t.aborting, b.ProducerID()) // its marker is gone, and this is of another transaction
	}
	if t.committed == nil {
		t.committed = map[int64]struct{}{}
	}
	t.committed[b.ProducerID()] = struct{}{}
	return false
}

// Control takes a control batch and tells whether it may go: none of the data that it speaks of are left. known is false for kinds of control
// records that say nothing about transactions; empty tells that the batch has no record any more.
func (t *Transactions) Control(b record.Batch, kind record.ControlType, known, empty bool) bool {
	t.begin(b.LastOffset())
	switch {
	case empty:
		return true
	case !known:
		return false
	case kind == record.ControlCommit:
		_, seen := t.committed[b.ProducerID()]
		delete(t.committed, b.ProducerID())
		return !seen
	}
	a := t.aborting[b.ProducerID()]
	delete(t.aborting, b.ProducerID())
	if a == nil || !a.seen {
		return true
	}
	t.kept = append(t.kept, a.AbortedTransaction)
	return false
}

// TakeKept returns the aborted transactions whose markers have been kept since it was last called: the transaction index of what was read.
func (t *Transactions) TakeKept() []AbortedTransaction {
	kept := t.kept
	t.kept = nil
	return kept
}
