package storage

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// TestPowerCutsOfTransactions compares, after power cuts at random moments, what is stable, aborted and open with what the batches say that are left.
func TestPowerCutsOfTransactions(t *testing.T) {
	eachCrashSeed(t, func(t *testing.T, seed uint64) { playCrashes(t, seed, true) })
}

// txnOutcome is what a list of batches says of transactions.
type txnOutcome struct {
	aborted []AbortedTransaction
	open    map[int64]int64 // first offsets, by producer
	hidden  map[int64]bool  // the offsets of records that were aborted
	undone  map[int64]bool  // the offsets of records whose transaction is open
}

// outcomeOf works it out the long way.
func outcomeOf(batches map[int64]string) txnOutcome {
	out := txnOutcome{open: map[int64]int64{}, hidden: map[int64]bool{}, undone: map[int64]bool{}}
	records := map[int64][]int64{}
	for _, base := range slices.Sorted(maps.Keys(batches)) {
		b := record.Batch(batches[base])
		id := b.ProducerID()
		first, isOpen := out.open[id]
		switch {
		case !b.IsTransactional():
		case !b.IsControl():
			if !isOpen {
				out.open[id] = base
			}
			for offset := base; offset <= b.LastOffset(); offset++ {
				records[id] = append(records[id], offset)
			}
		case isOpen:
			delete(out.open, id)
			if m, _, _, _ := b.Marker(); m.Type == record.ControlAbort {
				stable := base + 1
				for _, other := range out.open {
					stable = min(stable, other)
				}
				out.aborted = append(out.aborted, AbortedTransaction{id, first, base, stable})
				for _, offset := range records[id] {
					out.hidden[offset] = true
				}
			}
			delete(records, id)
		}
	}
	for _, offsets := range records {
		for _, offset := range offsets {
			out.undone[offset] = true
		}
	}
	return out
}

// transactionalStep appends something that has to do with transactions, or nothing that has.
func (r *crashRun) transactionalStep(m *crashModel, l *Log) {
	id := int64(1 + r.random.IntN(4))
	state := r.producerState(l, id)
	version := int16(1 + r.random.IntN(2))
	options := AppendOptions{LeaderEpoch: max(0, int32(m.end/50)), TransactionVersion: version}
	var batch []byte
	switch n := r.random.IntN(10); {
	case n < 2:
		batch = batchOf(r.t, r.clock.Now(), "of no transaction")
	case n < 6 || state.CurrentTxnFirstOffset < 0 && n < 9:
		batch = r.transactionalBatch(state)
		guard, err := l.StartVerification(id, state.ProducerEpoch, state.LastSequence+1, false)
		r.must(err)
		options.Guard = guard
	default:
		batch = record.AppendMarkerBatch(nil, id, state.ProducerEpoch+version-1, record.Marker{Type: record.ControlType(r.random.IntN(2))}, r.clock.Now().UnixMilli())
		options.Origin = OriginCoordinator
	}
	info, err := l.Append(batch, options)
	b := record.Batch(batch)
	r.note("append to %s at %d: producer %d epoch %d, transactional %t, control %t: %v", m.tp, m.end, b.ProducerID(), b.ProducerEpoch(), b.IsTransactional(), b.IsControl(), err)
	r.must(err)
	if info.FirstOffset != m.end || info.Duplicate {
		r.fail("the append went to %+v, want offset %d", info, m.end)
	}
	m.batches[m.end], m.end = string(batch), info.LastOffset+1
	l.SetHighWatermark(m.end)
	if b.IsControl() {
		r.lateWrite(l, id)
	}
	r.compareTransactions(m, l)
}

func (r *crashRun) transactionalBatch(state ProducerState) []byte {
	values := make([]string, 1+r.random.IntN(3))
	return batchWith(r.t, r.clock.Now(), func(b *record.Builder) {
		b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Transactional = state.ProducerID, state.ProducerEpoch, state.LastSequence+1, true
	}, values...)
}

// lateWrite tries to go on with a transaction that has just ended.
func (r *crashRun) lateWrite(l *Log, id int64) {
	_, err := l.Append(r.transactionalBatch(r.producerState(l, id)), AppendOptions{})
	if ErrorCode(err) != protocol.InvalidTxnState {
		r.fail("a write after the end of its transaction: %v", err)
	}
}

func (r *crashRun) producerState(l *Log, id int64) ProducerState {
	states, err := l.ActiveProducers()
	r.must(err)
	for _, s := range states {
		if s.ProducerID == id {
			return s
		}
	}
	return ProducerState{ProducerID: id, LastSequence: -1, CurrentTxnFirstOffset: -1}
}

// compareTransactions holds what the log says of transactions against its batches. Where the segments with the start of a transaction have
// been removed, the log may have forgotten that start, but never shows what it must not.
func (r *crashRun) compareTransactions(m *crashModel, l *Log) {
	r.t.Helper()
	want := outcomeOf(m.batches)
	stable := m.end
	for _, first := range want.open {
		stable = min(stable, first)
	}
	got := l.LastStableOffset()
	if base := l.list()[0].base; base == 0 {
		r.compareExactly(m, l, want)
		if got != max(stable, m.start) {
			r.fail("%s: the last stable offset is %d, want %d in %d to %d, open are %v", m.tp, got, stable, m.start, m.end, want.open)
		}
	} else if got < m.start || stable >= base && got != max(stable, m.start) {
		r.fail("%s: the last stable offset is %d, want %d in %d to %d, open are %v", m.tp, got, stable, m.start, m.end, want.open)
	}
	seen := visible(r.t, l, m.start)
	for base, data := range m.batches {
		b := record.Batch(data)
		for offset := base; offset <= b.LastOffset() && !b.IsControl(); offset++ {
			if offset < m.start || offset >= got {
				continue
			}
			if want.undone[offset] {
				r.fail("%s: offset %d is said to be stable, and its transaction is open; the last stable offset is %d", m.tp, offset, got)
			}
			if seen[offset] == want.hidden[offset] {
				r.fail("%s: offset %d is visible: %t; aborted: %t", m.tp, offset, seen[offset], want.hidden[offset])
			}
		}
	}
}

func (r *crashRun) compareExactly(m *crashModel, l *Log, want txnOutcome) {
	r.t.Helper()
	list, err := l.AbortedTransactions(nil, 0, m.end)
	r.must(err)
	if !slices.Equal(list, want.aborted) {
		r.fail("%s: aborted are\n%v, want\n%v", m.tp, list, want.aborted)
	}
	states, err := l.ActiveProducers()
	r.must(err)
	open := map[int64]int64{}
	for _, s := range states {
		if s.CurrentTxnFirstOffset >= 0 {
			open[s.ProducerID] = s.CurrentTxnFirstOffset
		}
	}
	if !maps.Equal(open, want.open) {
		r.fail("%s: open are %s, want %s", m.tp, fmt.Sprint(open), fmt.Sprint(want.open))
	}
}
