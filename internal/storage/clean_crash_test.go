package storage

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// swapCrash is a log that is ready to be cleaned: two groups of segments, with an aborted transaction and a producer of whom an empty batch
// will stay.
type swapCrash struct {
	*bench
	before  map[int64]string
	after   map[int64]string // what a cleaning leaves
	aborted []AbortedTransaction
	end     int64
}

func newSwapCrash(t *testing.T) *swapCrash {
	c := &swapCrash{bench: compactBench(t, func(c *config.Topic) { c.FileDeleteDelay = time.Hour })}
	c.close()
	c.options = func(o *ManagerOptions) { o.SkipTransactionVerification = true }
	c.open()
	l := c.log()
	c.put(l, func(b *record.Builder) { b.ProducerID, b.ProducerEpoch, b.BaseSequence = 7, 0, 0 }, kv{"a", "0"})
	transactional := func(sequence int32) func(b *record.Builder) {
		return func(b *record.Builder) {
			b.Transactional, b.ProducerID, b.ProducerEpoch, b.BaseSequence = true, 8, 0, sequence
		}
	}
	c.put(l, transactional(0), kv{"b", "aborted"})
	for i := range 8 {
		c.put(l, nil, kv{fmt.Sprint("key", i%3), fmt.Sprint("value", i)}, kv{"a", fmt.Sprint(i)})
		if i%2 == 0 {
			c.roll(l)
		}
		if i == 5 {
			c.put(l, transactional(1), kv{"c", "aborted"})
			marker := record.AppendMarkerBatch(nil, 8, 0, record.Marker{Type: record.ControlAbort}, c.clock.Now().UnixMilli())
			if _, err := l.Append(marker, AppendOptions{Origin: OriginCoordinator}); err != nil {
				t.Fatal(err)
			}
			l.SetHighWatermark(l.LogEndOffset())
		}
	}
	c.put(l, nil, kv{"key0", "last"})
	c.topic.SegmentBytes = 400 // two or more groups
	must(t, l.Flush())
	must(t, c.m.dirs[0].writeCheckpoints())
	must(t, c.m.dirs[0].writeHighWatermarks())
	c.before, c.end = kept(t, l), l.LogEndOffset()
	c.aborted = c.abortedOf(l)
	if len(c.aborted) != 1 {
		t.Fatal(c.aborted)
	}
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *swapCrash) abortedOf(l *Log) []AbortedTransaction {
	c.t.Helper()
	list, err := l.AbortedTransactions(nil, 0, l.LogEndOffset())
	must(c.t, err)
	return list
}

// failFrom makes every change of the disk fail from the nth on. It returns how many there were.
func (c *swapCrash) failFrom(n int) *int {
	count := new(int)
	c.mem.Inject(func(op vfs.Op, name string) vfs.Fault {
		switch op {
		case vfs.OpCreate, vfs.OpWrite, vfs.OpTruncate, vfs.OpSync, vfs.OpSyncDir, vfs.OpRename, vfs.OpRemove:
			if *count++; *count > n {
				return vfs.Fault{Err: errors.New("the disk is gone")}
			}
		}
		return vfs.Fault{}
	})
	return count
}

// check holds what was found after a crash against what may be there.
func (c *swapCrash) check() {
	c.t.Helper()
	l := c.log()
	if l.LogEndOffset() != c.end || l.LogStartOffset() != 0 {
		c.t.Fatalf("the log has the offsets %d to %d, want 0 to %d\n%s", l.LogStartOffset(), l.LogEndOffset(), c.end, c.sink)
	}
	got := kept(c.t, l)
	for offset, r := range c.after {
		if got[offset] != r {
			c.t.Errorf("offset %d holds %q, want %q", offset, got[offset], r)
		}
	}
	for offset, r := range got {
		if c.before[offset] != r {
			c.t.Errorf("offset %d holds %q, which was %q", offset, r, c.before[offset])
		}
	}
	if aborted := c.abortedOf(l); !slices.Equal(aborted, c.aborted) {
		c.t.Errorf("the transaction index has %+v, want %+v", aborted, c.aborted)
	}
	list := l.list()
	for i, s := range list[:len(list)-1] {
		if next, err := s.nextOffset(); err != nil || next != list[i+1].base {
			c.t.Errorf("the segment at %d ends at %d, the next begins at %d: %v", s.base, next, list[i+1].base, err)
		}
	}
	states, err := l.ActiveProducers()
	if err != nil || len(states) != 2 || states[0].LastSequence != 0 || states[1].LastSequence != 1 {
		c.t.Errorf("producers: %+v, %v", states, err)
	}
}

// TestCrashAtEveryStepOfACleaning lets the disk fail at each of its changes, cuts the power, and opens what is left; then cuts the power again in
// the middle of that, and cleans to the end.
func TestCrashAtEveryStepOfACleaning(t *testing.T) {
	c := newSwapCrash(t)
	steps := c.failFrom(1 << 30)
	if c.clean() != 1 || c.m.CleanerStats().Cleanings != 1 {
		t.Fatal(c.sink)
	}
	total := *steps
	if made := c.m.CleanerStats().LastOfThread[0].SegmentsMade; made < 2 || total < 40 {
		t.Fatalf("%d groups, %d steps", made, total)
	}
	after := kept(t, c.log())
	if maps.Equal(after, c.before) {
		t.Fatal("nothing was cleaned")
	}
	finished := 0
	for n := range total {
		for seed := range uint64(3) {
			c := newSwapCrash(t)
			c.after = after
			c.failFrom(n)
			c.clean()
			random := rand.New(rand.NewPCG(seed, uint64(n)))
			c.powerCut(random)
			again := random.IntN(30)
			c.failFrom(again)
			if m, err := c.tryOpen(); err == nil { // recovery itself may be hit
				c.m = m
				c.powerCut(random)
			} else {
				clone := c.mem.CrashClone(random)
				c.mem, c.fs = clone, clone
			}
			c.open()
			if t.Failed() {
				t.Fatalf("after step %d of %d, seed %d:\n%s", n, total, seed, c.sink)
			}
			c.check()
			if maps.Equal(kept(t, c.log()), after) {
				finished++
			}
			c.clean()
			c.check()
			wantKept(t, c.log(), after)
			c.close()
			c.sound()
			if t.Failed() {
				t.Fatalf("after step %d of %d, seed %d, then step %d:\n%s", n, total, seed, again, c.sink)
			}
		}
	}
	if finished == 0 || finished == 3*total {
		t.Errorf("%d of %d crashes found a finished cleaning", finished, 3*total)
	}
}

// powerCut forgets the manager and what of the disk was not synced.
func (c *swapCrash) powerCut(random *rand.Rand) {
	c.abandon()
	clone := c.mem.CrashClone(random)
	c.mem, c.fs = clone, clone
}
