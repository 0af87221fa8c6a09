package analysis

import (
	"bytes"
	"cmp"
	"slices"
)

const (
	topCounters = 2048 // how many keys are counted at a time
	topKeyBytes = 256  // how much of a key is kept
)

// topKeys finds the keys that come most often in bounded memory (Metwally's Space-Saving): a key that is not counted takes the place of the one
// with the lowest count, and its count. What comes more often than once in topCounters records is found for sure; counts can be too high
// by the error beside them, never too low.
type topKeys struct {
	counters map[uint64]*counter
	heap     []*counter // none counts more than the two below it, at twice its index and 1 or 2
}

type counter struct {
	hash    uint64
	key     []byte
	length  int
	count   int64
	tooHigh int64
	at      int // its place in the heap
}

func newTopKeys() *topKeys { return &topKeys{counters: map[uint64]*counter{}} }

func (t *topKeys) add(hash uint64, key []byte) {
	c, known := t.counters[hash]
	if !known {
		c = t.newCounter()
		c.hash, c.length = hash, len(key)
		c.key = append(c.key[:0], key[:min(len(key), topKeyBytes)]...)
		t.counters[hash] = c
	}
	c.count++
	t.sink(c)
}

// newCounter gives an unused counter, or the one with the lowest count.
func (t *topKeys) newCounter() *counter {
	if len(t.heap) == topCounters {
		c := t.heap[0]
		delete(t.counters, c.hash)
		c.tooHigh = c.count
		return c
	}
	c := &counter{at: len(t.heap)}
	t.heap = append(t.heap, c)
	for c.at > 0 && t.heap[(c.at-1)/2].count > 0 { // a count of 0 belongs on top
		t.swap(c, t.heap[(c.at-1)/2])
	}
	return c
}

// sink moves a counter down after its count has risen.
func (t *topKeys) sink(c *counter) {
	for {
		below := 2*c.at + 1
		if below >= len(t.heap) {
			return
		}
		if below+1 < len(t.heap) && t.heap[below+1].count < t.heap[below].count {
			below++
		}
		if t.heap[below].count >= c.count {
			return
		}
		t.swap(c, t.heap[below])
	}
}

func (t *topKeys) swap(a, b *counter) {
	a.at, b.at = b.at, a.at
	t.heap[a.at], t.heap[b.at] = a, b
}

// best gives the n counters with the highest counts.
func (t *topKeys) best(n int) []*counter {
	all := slices.Clone(t.heap)
	slices.SortFunc(all, func(a, b *counter) int { return cmp.Or(cmp.Compare(b.count, a.count), bytes.Compare(a.key, b.key)) })
	return all[:min(n, len(all))]
}
