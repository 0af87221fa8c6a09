package api

import (
	"sync"
	"time"
)

// logEvery is how often a line of one kind is logged at the most: a client that does a wrong thing does it thousands of times a second.
const logEvery = time.Second

// logLimiter thins out log lines. The zero value is ready.
type logLimiter struct {
	mu         sync.Mutex // guards the rest
	last       time.Time
	suppressed int
}

// next tells whether a line may be logged now, and how many were not since the last one.
func (l *logLimiter) next(now time.Time) (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.last.IsZero() && now.Sub(l.last) < logEvery {
		l.suppressed++
		return 0, false
	}
	suppressed = l.suppressed
	l.last, l.suppressed = now, 0
	return suppressed, true
}
