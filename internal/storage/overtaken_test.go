package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// TestALookupByTimeOutlivesRetention removes the segment at which a lookup has come, files and all.
func TestALookupByTimeOutlivesRetention(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1000)))
	b.fill(b.log(), 20)
	b.clock.Advance(time.Second)
	later := b.clock.Now()
	b.fill(b.log(), 60)
	b.restart() // nothing of the segments is known then
	l := b.log()
	old := l.list()
	at := floor(old, 20)
	rebuilding, reached := make(chan struct{}), make(chan struct{})
	old[at].rebuilding.Store(&rebuilding) // the lookup waits here
	var once sync.Once
	b.mem.Inject(func(op vfs.Op, name string) vfs.Fault {
		if op == vfs.OpOpen && strings.HasSuffix(name, fileName(old[at-1].base, timeIndexSuffix)) {
			once.Do(func() { close(reached) })
		}
		return vfs.Fault{}
	})
	type answer struct {
		found TimestampOffset
		ok    bool
		err   error
	}
	answers := make(chan answer)
	go func() {
		found, ok, err := l.OffsetForTimestamp(later.UnixMilli())
		answers <- answer{found, ok, err}
	}()
	<-reached
	must(t, l.DeleteRecordsBefore(old[at+2].base))
	for _, s := range old[:at+2] {
		must(t, l.removeFiles(s))
	}
	close(rebuilding)
	if a := <-answers; a.err != nil || !a.ok || a.found.Offset != l.LogStartOffset() {
		t.Errorf("%+v, and the log starts at %d", a, l.LogStartOffset())
	}
	must(t, b.m.dirs[0].online())
}

// TestASliceOfADeletedPartition asks a slice about transactions whose segment was cleaned away before the partition was deleted.
func TestASliceOfADeletedPartition(t *testing.T) {
	b := newBench(t, defaultTopic(compacted, smallSegments(400), func(c *config.Topic) { c.FileDeleteDelay = time.Hour }))
	b.options = func(o *ManagerOptions) { o.MaxOpenFiles = 1 }
	b.restart()
	l := b.log()
	for i := range 8 {
		b.put(l, nil, kv{"key", fmt.Sprint(i)})
	}
	b.roll(l)
	slice, err := l.Read(0, 100, math.MaxInt64, true)
	must(t, err)
	defer slice.Release()
	s := slice.segment
	if b.clean() == 0 || !s.removed.Load() {
		t.Fatal("the segment was not cleaned away")
	}
	s.txn.Store(newTxnIndex(s)) // as if it had one
	must(t, b.m.Delete(testPartition))
	must(t, b.fs.RemoveAll(l.path()))
	if list, err := slice.AbortedTransactions(nil, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("%v, %v", list, err)
	}
	must(t, b.m.dirs[0].online())
}

// TestTheTransactionIndexOfARemovedSegmentStaysGone: a cleaned segment has the same base offset, and an index of its own.
func TestTheTransactionIndexOfARemovedSegmentStaysGone(t *testing.T) {
	b := newBench(t, defaultTopic(compacted, smallSegments(1000)))
	b.options = func(o *ManagerOptions) { o.SkipTransactionVerification = true }
	b.restart()
	l := b.log()
	b.put(l, func(r *record.Builder) {
		r.ProducerID, r.ProducerEpoch, r.BaseSequence, r.Transactional = 7, 0, 0, true
	}, kv{"key", "value"})
	b.end(l, 7, record.ControlAbort)
	b.roll(l)
	old := l.list()[0]
	x := old.txn.Load()
	if b.clean() == 0 || !old.removed.Load() {
		t.Fatal("the segment was not cleaned away")
	}
	name := l.file(old.base, txnIndexSuffix)
	must(t, ignoreMissing(b.fs.Remove(name)))
	if _, err := old.rebuildTxnIndex(x, l.LogEndOffset(), errIndexDamaged); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err := b.fs.Stat(name); err == nil {
		t.Errorf("%s was written for a segment that is no longer in the log", name)
	}
}

// TestReadersBesideEveryRemoval reads in every way there is, with two open files for all, while the cleaner replaces segments, and retention and
// DeleteRecords remove them, whose files go at once. The directory must stay online.
func TestReadersBesideEveryRemoval(t *testing.T) {
	c := defaultTopic(compacted, smallSegments(1500), func(c *config.Topic) {
		c.CleanupDelete, c.RetentionBytes = true, 20000
		c.FileDeleteDelay, c.DeleteRetention = 0, time.Millisecond
	})
	sink := &logSink{}
	m, err := OpenManager(context.Background(), ManagerOptions{
		FS: vfs.NewMem(), Dirs: []string{"/data"}, NodeID: 1, Default: c, Logger: slog.New(slog.NewTextHandler(sink, nil)), MaxOpenFiles: 2,
		Cleaner: CleanerOptions{Threads: 2, Backoff: time.Millisecond}, SkipTransactionVerification: true,
	})
	must(t, err)
	l, err := m.GetOrCreate(testPartition, CreateOptions{Config: c})
	must(t, err)
	var done atomic.Bool
	var wg sync.WaitGroup
	allowed := func(err error) bool { return err == nil || errors.Is(err, ErrOffsetOutOfRange) }
	beside := func(what string, do func(from int64) error) {
		wg.Go(func() {
			for !done.Load() && !t.Failed() {
				start := l.LogStartOffset()
				if err := do(start + rand.Int64N(l.LogEndOffset()-start+1)); !allowed(err) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
	for range 2 {
		beside("reading", func(from int64) error {
			slice, err := l.Read(from, 3000, math.MaxInt64, true)
			if err != nil {
				return err
			}
			defer slice.Release()
			data := make([]byte, slice.Len())
			if n, err := slice.ReadAt(data, 0); n != len(data) {
				return fmt.Errorf("%d of %d bytes: %w", n, len(data), err)
			}
			if _, err := slice.AbortedTransactions(nil, from); err != nil && !errors.Is(err, ErrClosed) { // its index may be gone by now
				return err
			}
			return nil
		})
	}
	beside("looking up aborted transactions", func(from int64) error {
		_, err := l.AbortedTransactions(nil, from, math.MaxInt64)
		return err
	})
	beside("looking up by time", func(from int64) error {
		_, _, err := l.OffsetForTimestamp([]int64{MaxTimestamp, time.Now().UnixMilli() - rand.Int64N(50)}[from%2])
		return err
	})
	beside("scanning", func(from int64) error {
		return l.ReadBatches(from, math.MaxInt64, func(record.Batch) error { return nil })
	})
	cleanings := m.CleanerStats().Cleanings
	beside("removing", func(from int64) error {
		n := m.CleanerStats().Cleanings
		if before := l.LogStartOffset() + 50; n > cleanings && before < l.HighWatermark() { // else no cleaning would ever come to its end
			cleanings = n
			if n%2 == 0 {
				return l.DeleteRecordsBefore(before)
			}
			_, err := l.ApplyRetention()
			return err
		}
		time.Sleep(time.Millisecond)
		return nil
	})
	deadline := time.Now().Add(30 * time.Second)
	for i := int64(0); (i < 300 || time.Now().Before(deadline) && (m.CleanerStats().Cleanings < 3 || l.LogStartOffset() == 0)) && !t.Failed(); i++ {
		producer := i % 3
		builder := record.NewBuilder(record.CodecNone)
		builder.ProducerID, builder.ProducerEpoch, builder.BaseSequence, builder.Transactional = producer, 0, int32(i/3), true
		must(t, builder.Append(&record.Record{Timestamp: time.Now().UnixMilli(), Key: []byte(fmt.Sprint(i % 11)), Value: []byte("value")}))
		batch, err := builder.Build()
		must(t, err)
		_, err = l.Append(batch, AppendOptions{})
		must(t, err)
		_, err = l.Append(record.AppendMarkerBatch(nil, producer, 0, record.Marker{Type: record.ControlType(i / 3 % 2)}, time.Now().UnixMilli()), AppendOptions{Origin: OriginCoordinator})
		must(t, err)
		l.SetHighWatermark(l.LogEndOffset())
	}
	done.Store(true)
	wg.Wait()
	stats := m.CleanerStats()
	if stats.Cleanings < 3 || l.LogStartOffset() == 0 {
		t.Errorf("%d cleanings, and the log starts at %d", stats.Cleanings, l.LogStartOffset())
	}
	must(t, m.dirs[0].online())
	must(t, m.Close())
	if strings.Contains(sink.String(), "level=ERROR") {
		t.Error(sink)
	}
	t.Logf("%d cleanings, %d given up, offsets %d to %d", stats.Cleanings, stats.Aborted, l.LogStartOffset(), l.LogEndOffset())
}
