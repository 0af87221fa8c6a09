package clock

import (
	"container/heap"
	"sync"
	"time"
)

// Fake is a clock that stands still until a test advances it. The zero value is not usable; see NewFake.
type Fake struct {
	mu     sync.Mutex // guards now, timers and the fields of every fakeTimer
	now    time.Time
	timers timerHeap
	seq    int64
}

// NewFake returns a clock that shows start.
func NewFake(start time.Time) *Fake { return &Fake{now: start} }

// Now implements Clock.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// AfterFunc implements Clock. The function runs in the goroutine that calls Advance.
func (f *Fake) AfterFunc(d time.Duration, fn func()) Timer {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := &fakeTimer{clock: f, fn: fn, index: -1}
	f.schedule(t, d)
	return t
}

// Advance moves the time forward by d and runs, in the order of their times, the functions that come due, each with
// the clock showing its time.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	target := f.now.Add(d)
	for len(f.timers) > 0 && !f.timers[0].at.After(target) {
		t := heap.Pop(&f.timers).(*fakeTimer)
		if t.at.After(f.now) {
			f.now = t.at
		}
		f.mu.Unlock()
		t.fn()
		f.mu.Lock()
	}
	f.now = target
	f.mu.Unlock()
}

// Pending returns how many functions wait.
func (f *Fake) Pending() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.timers)
}

func (f *Fake) schedule(t *fakeTimer, d time.Duration) {
	f.seq++
	t.at, t.seq = f.now.Add(d), f.seq
	heap.Push(&f.timers, t)
}

type fakeTimer struct {
	clock *Fake
	fn    func()
	at    time.Time
	seq   int64
	index int // in the heap; -1 when not pending
}

func (t *fakeTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.remove()
}

func (t *fakeTimer) Reset(d time.Duration) bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	pending := t.remove()
	t.clock.schedule(t, d)
	return pending
}

func (t *fakeTimer) remove() bool {
	if t.index < 0 {
		return false
	}
	heap.Remove(&t.clock.timers, t.index)
	return true
}

// timerHeap orders timers by time, and those of one time by their creation.
type timerHeap []*fakeTimer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timerHeap) Push(x any) {
	t := x.(*fakeTimer)
	t.index = len(*h)
	*h = append(*h, t)
}
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
