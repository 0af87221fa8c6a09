package run

import (
	"sync"
	"sync/atomic"
	"time"

	"ottla.dev/ottla/internal/clock"
)

// Waiter waits until enough bytes have arrived in any of the partitions that it watches, or until it is fired for another reason: a time
// limit, a cut connection, a partition that goes away. Its function is called exactly once, in the goroutine that fired it, and
// must be quick.
type Waiter struct {
	missing atomic.Int64 // bytes
	fired   atomic.Bool
	fn      func()

	mu      sync.Mutex // guards the fields below; taken before a partition's
	watched []*Partition
	timer   clock.Timer
	stopped bool
}

// NewWaiter returns a waiter for so many bytes.
func NewWaiter(missingBytes int64, fn func()) *Waiter {
	w := &Waiter{fn: fn}
	w.missing.Store(missingBytes)
	return w
}

// Watch adds a partition, unless the waiter is stopped. The caller has read the partition when so many bytes had arrived there
// (Partition.ArrivedBytes); what has come since then counts.
func (w *Waiter) Watch(p *Partition, arrivedBytes int64) { w.watch(p, watch{arrived: arrivedBytes}) }

// WatchCommitted is Watch for a reader of committed records: it counts what the last stable offset passes, which may be nothing when
// batches arrive, and much when a marker does. The caller has read sizeBytes from an offset on up to the last stable offset stableOffset.
func (w *Waiter) WatchCommitted(p *Partition, from, stableOffset int64, sizeBytes, maxBytes int) {
	w.watch(p, watch{committed: true, from: from, stable: stableOffset, counted: sizeBytes, maxBytes: maxBytes})
}

func (w *Waiter) watch(p *Partition, s watch) {
	if w.enter(p, s) {
		w.Fire()
	}
}

// watch is what a partition keeps of a waiter.
type watch struct {
	arrived int64 // Partition.ArrivedBytes up to which bytes are counted; unless committed

	committed bool  // waits for committed records only
	from      int64 // where the reader is
	stable    int64 // the last stable offset up to which its bytes are counted
	counted   int   // bytes
	maxBytes  int   // that the reader takes
}

// advance returns how many bytes have become readable. Where they cannot be counted, it is all that the reader takes: it shall look.
func (s *watch) advance(p *Partition) int64 {
	if !s.committed {
		arrived := p.ArrivedBytes()
		more := arrived - s.arrived
		s.arrived = arrived
		return more
	}
	stable := p.log.LastStableOffset()
	if stable <= s.stable {
		return 0
	}
	s.stable = stable
	readable := s.maxBytes
	if slice, err := p.log.Read(s.from, s.maxBytes, stable, false); err == nil {
		readable = slice.Len()
		slice.Release()
	}
	more := max(readable-s.counted, 0)
	s.counted += more
	return int64(more)
}

// enter adds the waiter to a partition. It reports whether there is nothing to wait for: the partition is closed, or enough has arrived
// since the caller has read it.
func (w *Waiter) enter(p *Partition, s watch) (ready bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return false
	}
	w.watched = append(w.watched, p)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiters == nil {
		p.waiters = map[*Waiter]watch{}
	}
	p.waiters[w] = s
	p.waiting.Store(int32(len(p.waiters))) // before the count: an append is counted here or sees the waiter
	return p.closed || p.countLocked(w, s)
}

// arrived counts bytes and reports whether there are enough now.
func (w *Waiter) arrived(sizeBytes int64) bool { return w.missing.Add(-sizeBytes) <= 0 }

// Fire calls the function unless that has happened. It reports whether it did.
func (w *Waiter) Fire() bool {
	if w.fired.Swap(true) {
		return false
	}
	w.fn()
	return true
}

// FireAfter fires the waiter after a time, unless it is stopped first.
func (w *Waiter) FireAfter(c clock.Clock, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		w.timer = c.AfterFunc(d, func() { w.Fire() })
	}
}

// Stop takes the waiter off its partitions, and keeps it off.
func (w *Waiter) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	if w.timer != nil {
		w.timer.Stop()
	}
	for _, p := range w.watched {
		p.mu.Lock()
		delete(p.waiters, w)
		p.waiting.Store(int32(len(p.waiters)))
		if len(p.waiters) == 0 {
			p.waiters = nil // an idle partition keeps no map
		}
		p.mu.Unlock()
	}
	w.watched = nil
}
