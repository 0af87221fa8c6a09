package machine

import (
	"container/heap"
	"time"
)

// Timer is one pending call of a machine. It lives inside the thing that it watches (a member, a group), which keeps
// a timer from outliving it and costs no map. The zero value is a timer that is not pending.
type Timer struct {
	at       time.Time
	sequence uint64
	position int // in the heap, from 1; 0 while not pending
	run      func(now time.Time) Result
}

// Pending reports whether the timer waits.
func (t *Timer) Pending() bool { return t.position > 0 }

// Timers are the pending timers of one machine, the earliest first. The zero value is ready to use.
type Timers struct {
	heap     timerHeap
	sequence uint64
}

// Set makes run be called at the given time, instead of whatever the timer was set to before.
func (ts *Timers) Set(t *Timer, at time.Time, run func(now time.Time) Result) {
	ts.sequence++
	t.at, t.sequence, t.run = at, ts.sequence, run
	if t.position > 0 {
		heap.Fix(&ts.heap, t.position-1)
		return
	}
	heap.Push(&ts.heap, t)
}

// Stop makes the timer not pending.
func (ts *Timers) Stop(t *Timer) {
	if t.position > 0 {
		heap.Remove(&ts.heap, t.position-1)
		t.run = nil
	}
}

// Next returns the time of the earliest timer.
func (ts *Timers) Next() (at time.Time, ok bool) {
	if len(ts.heap) == 0 {
		return time.Time{}, false
	}
	return ts.heap[0].at, true
}

// PopDue takes out the earliest timer if its time has come, and returns its call. Timers of one time come in the
// order in which they were set.
func (ts *Timers) PopDue(now time.Time) (run func(now time.Time) Result, ok bool) {
	if len(ts.heap) == 0 || ts.heap[0].at.After(now) {
		return nil, false
	}
	t := heap.Pop(&ts.heap).(*Timer)
	run, t.run = t.run, nil
	return run, true
}

// StopAll makes every timer not pending.
func (ts *Timers) StopAll() {
	for _, t := range ts.heap {
		t.position, t.run = 0, nil
	}
	ts.heap = nil
}

// Len returns how many timers wait.
func (ts *Timers) Len() int { return len(ts.heap) }

// timerHeap implements heap.Interface and keeps the positions of the timers.
type timerHeap []*Timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].sequence < h[j].sequence
	}
	return h[i].at.Before(h[j].at)
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].position, h[j].position = i+1, j+1
}

func (h *timerHeap) Push(x any) {
	t := x.(*Timer)
	t.position = len(*h) + 1
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.position = 0
	return t
}
