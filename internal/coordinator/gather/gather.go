// Package gather collects the parts of an answer that come from several shards of a coordinator.
package gather

import "sync"

// Gather collects the parts of an answer that come from several shards, in the order in which they were asked for.
type Gather[T any] struct {
	mu      sync.Mutex // guards the fields below
	parts   []T
	missing int
	done    func(parts []T)
}

// New waits for n parts, then calls done. With none to wait for it calls done at once.
func New[T any](n int, done func(parts []T)) *Gather[T] {
	if n == 0 {
		done(nil)
	}
	return &Gather[T]{parts: make([]T, n), missing: n, done: done}
}

// Put brings part i. Each part comes once.
func (g *Gather[T]) Put(i int, part T) {
	g.mu.Lock()
	g.parts[i] = part
	g.missing--
	complete := g.missing == 0
	g.mu.Unlock()
	if complete {
		g.done(g.parts)
	}
}
