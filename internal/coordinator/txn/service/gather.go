package service

import "sync"

// gather collects the parts of an answer that come from several shards, in the order in which they were asked for.
type gather[T any] struct {
	mu      sync.Mutex // guards the fields below
	parts   []T
	missing int
	done    func(parts []T)
}

// newGather waits for n parts, then calls done. With none to wait for it calls done at once.
func newGather[T any](n int, done func(parts []T)) *gather[T] {
	if n == 0 {
		done(nil)
	}
	return &gather[T]{parts: make([]T, n), missing: n, done: done}
}

// put brings part i. Each part comes once.
func (g *gather[T]) put(i int, part T) {
	g.mu.Lock()
	g.parts[i] = part
	g.missing--
	complete := g.missing == 0
	g.mu.Unlock()
	if complete {
		g.done(g.parts)
	}
}
