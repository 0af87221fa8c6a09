// Package clock is the only source of time for everything that the simulator runs: components take a Clock and never
// call time.Now, time.After or time.NewTimer themselves.
package clock

import "time"

// Clock tells the time and runs functions later.
type Clock interface {
	// Now returns the current time. Its monotonic reading, where it has one, orders events within one process.
	Now() time.Time
	// AfterFunc calls f in its own goroutine (or, with a fake clock, in the goroutine that advances the time) after d.
	AfterFunc(d time.Duration, f func()) Timer
}

// Timer is a pending AfterFunc.
type Timer interface {
	// Stop prevents the call; it reports whether it came in time.
	Stop() bool
	// Reset makes the call happen d from now; it reports whether it was still pending.
	Reset(d time.Duration) bool
}

// Real is the machine's clock.
type Real struct{}

// Now implements Clock.
func (Real) Now() time.Time { return time.Now() }

// AfterFunc implements Clock.
func (Real) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }
