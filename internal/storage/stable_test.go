package storage

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// TestNobodySeesAnOpenTransactionAsStable: not even while the batch that begins it is appended and others move the high watermark to the
// end of the log.
func TestNobodySeesAnOpenTransactionAsStable(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(4000)))
	l := b.log()
	var open atomic.Int64 // the first offset of the open transaction
	open.Store(math.MaxInt64)
	var stop atomic.Bool
	var looks atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for !stop.Load() {
			b.commit(l)
		}
	})
	wg.Go(func() {
		for last := int64(0); !stop.Load(); looks.Add(1) {
			before := open.Load()
			stable := l.LastStableOffset()
			if open.Load() == before && stable > before {
				t.Errorf("the last stable offset is %d while a transaction is open from %d on", stable, before)
				return
			}
			if stable < last {
				t.Errorf("the last stable offset went from %d back to %d", last, stable)
				return
			}
			last = stable
		}
	})
	for n := 0; (n < 3000 || looks.Load() < 1000) && !t.Failed(); n++ {
		open.Store(l.LogEndOffset())
		b.begin(l, 1)
		if n%3 == 0 {
			b.begin(l, 1)
		}
		open.Store(math.MaxInt64)
		b.end(l, 1, record.ControlType(n%2))
	}
	stop.Store(true)
	wg.Wait()
	if stable := l.LastStableOffset(); stable != l.LogEndOffset() {
		t.Errorf("in the end the last stable offset is %d of %d", stable, l.LogEndOffset())
	}
}

// TestATransactionIsNotedBeforeTheEndMoves stops an append just before it makes its batch visible.
func TestATransactionIsNotedBeforeTheEndMoves(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.append(l, "x")
	l.endMu.Lock() // the end cannot move
	done := make(chan int64)
	go func() { done <- b.begin(l, 1) }()
	for deadline := time.Now().Add(20 * time.Second); l.firstUnstable.Load() != 1; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Error("the transaction is not noted while the end of the log has not moved")
			break
		}
	}
	l.endMu.Unlock()
	if first := <-done; first != 1 || l.LastStableOffset() != 1 {
		t.Errorf("it began at %d, and the last stable offset is %d", first, l.LastStableOffset())
	}
}

// TestTransactionsStableOutOfOrder holds the lists against the long way.
func TestTransactionsStableOutOfOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 9))
	for range 200 {
		var list transactions
		open := map[int64]int64{} // producers, by first offset
		ended := map[int64]int64{}
		highWatermark := int64(0)
		for offset := int64(0); offset < 60; offset++ {
			switch random.IntN(3) {
			case 0:
				list.begin(offset+100, offset)
				open[offset] = offset + 100
			case 1:
				for first, id := range open {
					e := endedTransaction{openTransaction{id, first}, offset, true}
					want := offset + 1
					for other := range open {
						if other != first {
							want = min(want, other)
						}
					}
					if got := list.stableAfter(e); got != want {
						t.Fatalf("stable after %+v is %d, want %d of %v", e, got, want, open)
					}
					list.end(e)
					delete(open, first)
					ended[first] = offset
					break
				}
			default:
				highWatermark += random.Int64N(offset - highWatermark + 2)
				list.acknowledge(highWatermark)
			}
			want := int64(noneUnstable)
			for first := range open {
				want = min(want, first)
			}
			for first, last := range ended {
				if last >= highWatermark {
					want = min(want, first)
				}
			}
			if got := list.firstUnstable(); got != want {
				t.Fatalf("the first unstable offset is %d, want %d of %v and %v below %d", got, want, open, ended, highWatermark)
			}
			if !slices.IsSortedFunc(list.open, func(a, b openTransaction) int { return compareInt64(a.firstOffset, b.firstOffset) }) {
				t.Fatal(list.open)
			}
		}
	}
}

// TestAbortsNeedTheirIndex: where the transaction index cannot be written the marker is not written either, and all goes on when it can.
func TestAbortsNeedTheirIndex(t *testing.T) {
	for name, c := range map[string]struct {
		op    vfs.Op
		fault vfs.Fault
	}{
		"no room for the file":  {vfs.OpCreate, vfs.Fault{Err: syscall.ENOSPC}},
		"no room for the entry": {vfs.OpWrite, vfs.Fault{Err: syscall.ENOSPC}},
		"room for half of it":   {vfs.OpWrite, vfs.Fault{Err: syscall.ENOSPC, ShortBytes: 20}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, defaultTopic())
			l := b.log()
			open := b.begin(l, 1)
			b.append(l, "x")
			before, size := l.LogEndOffset(), l.SizeBytes()
			lift := b.failing(c.op, txnIndexSuffix, c.fault)
			for range 2 {
				marker := record.AppendMarkerBatch(nil, 1, 0, record.Marker{Type: record.ControlAbort}, 5)
				if _, err := l.Append(marker, AppendOptions{Origin: OriginCoordinator}); !errors.Is(err, ErrNoSpace) {
					t.Fatalf("the marker without its index: %v", err)
				}
			}
			l.SetHighWatermark(l.LogEndOffset())
			if l.LogEndOffset() != before || l.SizeBytes() != size || l.LastStableOffset() != open {
				t.Errorf("%s with %d bytes, stable to %d", l, l.SizeBytes(), l.LastStableOffset())
			}
			if b.cutsAfterKill(before); t.Failed() {
				return
			}
			b.append(l, "y")
			lift()
			if last := b.end(l, 1, record.ControlAbort); last != before+1 {
				t.Errorf("the marker is at %d", last)
			}
			if list, err := l.AbortedTransactions(nil, 0, 99); err != nil || !slices.Equal(list, []AbortedTransaction{{1, open, before + 1, before + 2}}) {
				t.Errorf("aborted are %v, %v", list, err)
			}
			if l.LastStableOffset() != l.LogEndOffset() {
				t.Errorf("stable to %d of %d", l.LastStableOffset(), l.LogEndOffset())
			}
			b.close()
			b.sound()
		})
	}
}

// cutsAfterKill fails unless a process that dies now leaves a log that ends at an offset.
func (b *bench) cutsAfterKill(end int64) {
	b.t.Helper()
	b.mem.SyncAll()
	clone := b.mem.CrashClone(rand.New(rand.NewPCG(1, 1)))
	other := &bench{t: b.t, fs: clone, mem: clone, clock: b.clock, topic: b.topic, dirs: b.dirs}
	other.open()
	if l := other.log(); l.LogEndOffset() != end {
		b.t.Errorf("after a kill the log ends at %d, want %d", l.LogEndOffset(), end)
	}
	other.abandon()
}

// TestAnUnsureEndOfTheIndexEndsTheDirectory: what a failed write has left of an entry could not be cut off.
func TestAnUnsureEndOfTheIndexEndsTheDirectory(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.abort(l, 1)
	b.begin(l, 1)
	b.mem.Inject(func(op vfs.Op, name string) vfs.Fault {
		if strings.HasSuffix(name, txnIndexSuffix) && (op == vfs.OpWrite || op == vfs.OpTruncate) {
			return vfs.Fault{Err: syscall.ENOSPC, ShortBytes: 7}
		}
		return vfs.Fault{}
	})
	marker := record.AppendMarkerBatch(nil, 1, 0, record.Marker{Type: record.ControlAbort}, 5)
	if _, err := l.Append(marker, AppendOptions{Origin: OriginCoordinator}); !errors.Is(err, ErrDirOffline) {
		t.Fatalf("%v", err)
	}
	b.mem.Inject(nil)
	b.kill()
	l = b.log()
	l.SetHighWatermark(l.LogEndOffset())
	if stable := l.LastStableOffset(); stable != 2 && stable != 4 {
		t.Errorf("after a restart the last stable offset is %d", stable)
	}
	if list, err := l.AbortedTransactions(nil, 0, 99); err != nil || len(list) != int(l.LogEndOffset())/2 {
		t.Errorf("aborted are %v of a log that ends at %d, %v", list, l.LogEndOffset(), err)
	}
	b.close()
	b.sound()
}
