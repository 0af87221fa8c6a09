package storage

import (
	"math"
	"slices"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
)

// abort appends a transaction of one record and its end. It returns what the index must say of it when no other is open.
func (b *bench) abort(l *Log, id int64) AbortedTransaction {
	b.t.Helper()
	first := b.begin(l, id)
	last := b.end(l, id, record.ControlAbort)
	return AbortedTransaction{id, first, last, last + 1}
}

// begin appends a batch of a transaction, with the producer's next sequence number.
func (b *bench) begin(l *Log, id int64) int64 {
	b.t.Helper()
	sequence := int32(0)
	if e := l.producers.entries[id]; e != nil {
		sequence = e.lastSequence() + 1
	}
	guard, err := l.StartVerification(id, 0, sequence, false)
	if err != nil {
		b.t.Fatal(err)
	}
	info, err := l.Append(batchWith(b.t, b.clock.Now(), func(r *record.Builder) {
		r.ProducerID, r.ProducerEpoch, r.BaseSequence, r.Transactional = id, 0, sequence, true
	}, "in a transaction"), AppendOptions{Guard: guard})
	if err != nil {
		b.t.Fatal(err)
	}
	b.commit(l)
	return info.FirstOffset
}

func (b *bench) end(l *Log, id int64, how record.ControlType) int64 {
	b.t.Helper()
	info, err := l.Append(record.AppendMarkerBatch(nil, id, 0, record.Marker{Type: how}, b.clock.Now().UnixMilli()), AppendOptions{Origin: OriginCoordinator})
	if err != nil {
		b.t.Fatal(err)
	}
	b.commit(l)
	return info.FirstOffset
}

func sliceAborted(t testing.TB, l *Log, offset int64, maxBytes int) []AbortedTransaction {
	t.Helper()
	slice, err := l.Read(offset, maxBytes, math.MaxInt64, true)
	if err != nil {
		t.Fatal(err)
	}
	defer slice.Release()
	list, err := slice.AbortedTransactions(nil, offset)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestAbortedTransactionsOfASlice holds the bounds to what Apache Kafka takes: the next index entry after the slice, the next segment, or the end.
func TestAbortedTransactionsOfASlice(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.IndexIntervalBytes = 300 }))
	l := b.log()
	var all []AbortedTransaction
	for range 20 {
		all = append(all, b.abort(l, 7))
	}
	if err := l.Roll(); err != nil {
		t.Fatal(err)
	}
	all = append(all, b.abort(l, 8))
	whole := sliceAborted(t, l, 0, math.MaxInt)
	if !slices.Equal(whole, all[:20]) {
		t.Errorf("a whole segment: %v", whole)
	}
	if list := sliceAborted(t, l, 40, math.MaxInt); !slices.Equal(list, all[20:]) {
		t.Errorf("the last segment: %v", list)
	}
	// One batch from the start: up to the index entry after it, of which there are some.
	entries := l.list()[0].offsets.count()
	if entries < 5 {
		t.Fatalf("%d index entries", entries)
	}
	few := sliceAborted(t, l, 0, 1)
	if len(few) == 0 || len(few) > 20/entries+2 || !slices.Equal(few, all[:len(few)]) {
		t.Errorf("the first batch, with %d index entries for 20 transactions: %v", entries, few)
	}
	// From the middle on none that ended before.
	for from := int64(0); from < 40; from++ {
		list := sliceAborted(t, l, from, 1)
		if len(list) == 0 || list[0] != all[from/2] {
			t.Errorf("from offset %d: %v", from, list)
		}
	}
	// A transaction that spans segments is known to the first, whatever comes in between.
	open := b.begin(l, 9)
	b.append(l, "x")
	for range 3 {
		if err := l.Roll(); err != nil {
			t.Fatal(err)
		}
		b.append(l, "x")
	}
	last := b.end(l, 9, record.ControlAbort)
	if list := sliceAborted(t, l, open, math.MaxInt); !slices.Equal(list, []AbortedTransaction{{9, open, last, last + 1}}) {
		t.Errorf("a transaction over segments: %v", list)
	}
	if slice, err := l.Read(l.LogEndOffset(), 100, math.MaxInt64, true); err != nil {
		t.Error(err)
	} else if list, err := slice.AbortedTransactions(nil, 0); len(list) != 0 || err != nil {
		t.Errorf("an empty slice: %v, %v", list, err)
	}
}

// TestASliceKeepsItsTransactionIndex: whatever happens to the segment after it was read.
func TestASliceKeepsItsTransactionIndex(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	want := b.abort(l, 7)
	if err := l.Roll(); err != nil {
		t.Fatal(err)
	}
	slice, err := l.Read(0, 1000, math.MaxInt64, true)
	if err != nil {
		t.Fatal(err)
	}
	defer slice.Release()
	if err := l.DeleteRecordsBefore(2); err != nil {
		t.Fatal(err)
	}
	if list, err := slice.AbortedTransactions(nil, 0); err != nil || !slices.Equal(list, []AbortedTransaction{want}) {
		t.Errorf("after its segment was retired: %v, %v", list, err)
	}
	b.clock.Advance(2 * time.Minute)
	if _, err := slice.AbortedTransactions(nil, 0); err == nil {
		t.Error("the index is there after its segment was removed")
	}
	if err := l.dir.online(); err != nil {
		t.Error(err)
	}
}

// TestManyAborts makes an index of many chunks, and looks into it at every place.
func TestManyAborts(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	var all []AbortedTransaction
	for range 3*txnChunkEntries + 5 {
		all = append(all, b.abort(l, 7))
	}
	check := func() {
		t.Helper()
		l := b.log()
		for from := int64(0); from < l.LogEndOffset(); from += 13 {
			for _, upTo := range []int64{from + 1, from + 3, from + 300, math.MaxInt64} {
				var want []AbortedTransaction
				for _, a := range all {
					if a.LastOffset >= from && a.FirstOffset < upTo {
						want = append(want, a)
					}
				}
				if list, err := l.AbortedTransactions(nil, from, upTo); err != nil || !slices.Equal(list, want) {
					t.Fatalf("from %d up to %d: %d transactions, want %d, %v", from, upTo, len(list), len(want), err)
				}
			}
		}
	}
	check()
	b.restart()
	check()
	b.kill()
	check()
}

func TestTransactionsDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	b := onDisk(t)
	l := b.log()
	values := make([][]byte, 3000)
	for i := range values {
		values[i] = batchWith(t, b.clock.Now(), func(r *record.Builder) {
			r.ProducerID, r.ProducerEpoch, r.BaseSequence, r.Transactional = 1, 0, int32(i), true
		}, "x")
	}
	marker := make([]byte, 0, record.MarkerBatchBytes)
	next := 0
	// A transaction: the question to the coordinator, two batches, its end; every second one is aborted.
	transaction := func() {
		for range 2 {
			guard, err := l.StartVerification(1, 0, int32(next), false)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Append(values[next], AppendOptions{Guard: guard}); err != nil {
				t.Fatal(err)
			}
			next++
		}
		marker = record.AppendMarkerBatch(marker[:0], 1, 0, record.Marker{Type: record.ControlType(next / 2 % 2)}, 5)
		if _, err := l.Append(marker, AppendOptions{Origin: OriginCoordinator}); err != nil {
			t.Fatal(err)
		}
		l.SetHighWatermark(l.LogEndOffset())
		if l.LastStableOffset() != l.LogEndOffset() {
			t.Fatal(l.LastStableOffset())
		}
	}
	for range 100 {
		transaction()
	}
	if n := testing.AllocsPerRun(1000, transaction); n > 0 {
		t.Errorf("a transaction allocates %v times", n)
	}
	into := make([]AbortedTransaction, 0, 10000)
	if n := testing.AllocsPerRun(1000, func() {
		s, err := l.Read(1000, 4096, l.LastStableOffset(), true)
		if err != nil {
			t.Fatal(err)
		}
		if into, err = s.AbortedTransactions(into[:0], 1000); err != nil || len(into) == 0 {
			t.Fatal(len(into), err)
		}
		s.Release()
	}); n > 0 {
		t.Errorf("a look at aborted transactions allocates %v times", n)
	}
	plain := b.logOf(TopicPartition{"plain", 0})
	b.append(plain, "x")
	into = nil
	if n := testing.AllocsPerRun(1000, func() {
		s, err := plain.Read(0, 4096, plain.LastStableOffset(), true)
		if err != nil {
			t.Fatal(err)
		}
		if into, err = s.AbortedTransactions(into, 0); err != nil {
			t.Fatal(err)
		}
		if into, err = plain.AbortedTransactions(into, 0, 1); err != nil || len(into) > 0 {
			t.Fatal(into, err)
		}
		s.Release()
	}); n > 0 {
		t.Errorf("a look where no transaction was aborted allocates %v times", n)
	}
}
