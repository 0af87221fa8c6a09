package clienttools

import (
	"context"
	"time"
)

// minSleep is the shortest sleep that is worth it; shorter ones are saved up.
const minSleep = 2 * time.Millisecond

// throttle holds a loop to a rate by sleeping now and then, in the manner of Apache's performance tools.
type throttle struct {
	start   time.Time
	rate    float64 // per second; negative is unlimited, zero lets nothing pass
	per     time.Duration
	deficit time.Duration
}

func newThrottle(rate float64, start time.Time) *throttle {
	t := &throttle{start: start, rate: rate}
	if rate > 0 {
		t.per = time.Duration(float64(time.Second) / rate)
	}
	return t
}

// wait is called after the amount of things done so far; it sleeps when they came too fast. False means interrupted.
func (t *throttle) wait(ctx context.Context, done int64, now time.Time) bool {
	if t.rate < 0 {
		return true
	}
	elapsed := now.Sub(t.start).Truncate(time.Millisecond).Seconds()
	if elapsed <= 0 || float64(done)/elapsed <= t.rate {
		return true
	}
	if t.rate == 0 {
		<-ctx.Done()
		return false
	}
	t.deficit += t.per
	if t.deficit < minSleep {
		return true
	}
	timer := time.NewTimer(t.deficit)
	defer timer.Stop()
	t.deficit = 0
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
