package storage

import (
	"fmt"
	"sync"
)

// maxSyncWorkers is how many logs of a directory are synced at once. More than one, because a file system writes its journal
// once for all who wait; few, because each is a thread that sits in a system call.
const maxSyncWorkers = 8

// syncer makes logs durable for those who wait for it (group commit): while a log is being synced, whoever comes waits for
// the next round, which serves them all. It has no goroutine while nobody waits.
type syncer struct {
	mu      sync.Mutex
	queue   []*Log
	workers int
	drained chan struct{} // closed with the last worker's end; nil while nobody waits for that
}

// waiterList is a log's part of the work of a syncer. The syncer's lock guards it.
type waiterList struct {
	waiting []waiter
	queued  bool // in the queue, or with a worker
	roll    bool // a segment has been rolled: flush all of it
}

type waiter struct {
	offset int64
	done   func(error)
}

// WaitDurable calls done once everything below offset is on stable storage: at once if it is already, else from another
// goroutine. done gets an error if it cannot become so.
func (l *Log) WaitDurable(offset int64, done func(error)) {
	if l.DurableOffset() >= offset {
		done(nil)
		return
	}
	s := &l.dir.syncer
	s.mu.Lock()
	defer s.mu.Unlock()
	l.waiters.waiting = append(l.waiters.waiting, waiter{offset, done})
	s.enqueue(l)
}

// want asks for a flush that nobody waits for.
func (s *syncer) want(l *Log) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.waiters.roll = true
	s.enqueue(l)
}

func (s *syncer) enqueue(l *Log) {
	if l.waiters.queued {
		return
	}
	l.waiters.queued = true
	s.queue = append(s.queue, l)
	if s.workers < maxSyncWorkers {
		s.workers++
		go s.work()
	}
}

// work serves logs until there are none.
func (s *syncer) work() {
	for {
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.workers--
			if s.workers == 0 && s.drained != nil {
				close(s.drained)
				s.drained = nil
			}
			s.mu.Unlock()
			return
		}
		l := s.queue[0]
		s.queue[0] = nil
		s.queue = s.queue[1:]
		waiting, roll := l.waiters.waiting, l.waiters.roll
		l.waiters.waiting, l.waiters.roll = nil, false
		s.mu.Unlock()

		err := l.makeDurable(roll)

		s.mu.Lock()
		l.waiters.queued = false
		if len(l.waiters.waiting) > 0 || l.waiters.roll {
			s.enqueue(l)
		}
		s.mu.Unlock()
		for _, w := range waiting {
			w.done(l.durableError(w.offset, err))
		}
	}
}

func (l *Log) makeDurable(everything bool) error {
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	if everything {
		return l.flush()
	}
	if err := l.dir.online(); err != nil {
		return err
	}
	return l.syncBatches(l.endMark())
}

// durableError says whether what a waiter waited for has come.
func (l *Log) durableError(offset int64, err error) error {
	if l.DurableOffset() >= offset {
		return nil
	}
	if err == nil { // truncated meanwhile: what it waited for is gone
		err = fmt.Errorf("%w: %s no longer reaches offset %d", ErrClosed, l.tp, offset)
	}
	return err
}

// drain waits until everybody has been served. A directory is not given back before: somebody else may open it.
func (s *syncer) drain() {
	s.mu.Lock()
	if s.workers == 0 {
		s.mu.Unlock()
		return
	}
	if s.drained == nil {
		s.drained = make(chan struct{})
	}
	drained := s.drained
	s.mu.Unlock()
	<-drained
}
