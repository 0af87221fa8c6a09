package compact

import (
	"sync"
	"time"
)

// throttleInterval is how often the rate is looked at.
const throttleInterval = 300 * time.Millisecond

// Throttler keeps all cleaning threads together below a rate.
type Throttler struct {
	mu       sync.Mutex // guards the rest
	began    time.Time
	observed float64
}

// Observe takes note of bytes that have been read or written, and returns how long to rest.
func (t *Throttler) Observe(sizeBytes int, now time.Time, bytesPerSecond float64) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.began.IsZero() {
		t.began = now
	}
	t.observed += float64(sizeBytes)
	elapsed := now.Sub(t.began)
	if elapsed <= throttleInterval || t.observed == 0 {
		return 0
	}
	due := time.Duration(0)
	if bytesPerSecond > 0 {
		due = time.Duration(min(t.observed/bytesPerSecond*float64(time.Second), float64(time.Hour)))
	}
	rest := max(0, due-elapsed)
	t.began, t.observed = now.Add(rest), 0
	return rest
}
