package coordinator

import (
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// pendingOperation waits until the high watermark reaches its offset.
type pendingOperation struct {
	offset   int64
	deadline time.Time
	done     func(now time.Time, err error)
}

// pendingQueue holds the operations that wait, in the order of their offsets.
type pendingQueue struct {
	operations []pendingOperation
}

// takeCommitted takes out the operations that wait for no more than the high watermark.
func (q *pendingQueue) takeCommitted(highWatermark int64) []pendingOperation {
	return q.take(func(op *pendingOperation) bool { return op.offset <= highWatermark })
}

// takeExpired takes out the operations whose time is over. Deadlines grow with the queue unless the timeout was
// lowered meanwhile; then the later ones wait for the earlier.
func (q *pendingQueue) takeExpired(now time.Time) []pendingOperation {
	return q.take(func(op *pendingOperation) bool { return !op.deadline.After(now) })
}

func (q *pendingQueue) takeAll() []pendingOperation {
	return q.take(func(*pendingOperation) bool { return true })
}

func (q *pendingQueue) take(ready func(*pendingOperation) bool) []pendingOperation {
	n := 0
	for n < len(q.operations) && ready(&q.operations[n]) {
		n++
	}
	taken := q.operations[:n:n]
	if q.operations = q.operations[n:]; len(q.operations) == 0 {
		q.operations = nil // an idle shard keeps no buffer
	}
	return taken
}

// await calls done when everything that was appended so far is committed.
func (s *shard[M]) await(now time.Time, done func(now time.Time, err error)) {
	if s.pending.operations == nil && s.leaderLog.HighWatermark() >= s.written {
		done(now, nil)
		return
	}
	timeout := s.runtime.options.CommitTimeout()
	s.pending.operations = append(s.pending.operations, pendingOperation{offset: s.written, deadline: now.Add(timeout), done: done})
	s.waiting.Store(true)
	s.completePending() // the high watermark may have moved before the listener could know that somebody waits
}

// onHighWatermark is called from anywhere, also during an append of this shard.
func (s *shard[M]) onHighWatermark() {
	if s.waiting.Load() {
		s.submit(s.completePending)
	}
}

func (s *shard[M]) completePending() {
	if s.state != active {
		return
	}
	s.finish(s.pending.takeCommitted(s.leaderLog.HighWatermark()), nil)
}

func (s *shard[M]) expirePending(now time.Time) machine.Result {
	s.finish(s.pending.takeExpired(now), protocol.RequestTimedOut)
	return machine.Result{}
}

// finish ends operations, and sees to the next deadline.
func (s *shard[M]) finish(operations []pendingOperation, err error) {
	now := s.runtime.options.Clock.Now()
	for _, op := range operations {
		op.done(now, err)
	}
	if len(s.pending.operations) == 0 {
		s.waiting.Store(false)
		s.timers.Stop(&s.commitTimer)
		return
	}
	s.timers.Set(&s.commitTimer, s.pending.operations[0].deadline, s.expirePending)
}
