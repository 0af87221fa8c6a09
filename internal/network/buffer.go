package network

import (
	"math/bits"
	"sync"
)

// Buffer is a byte slice from the pool. Whoever holds it last calls Release.
type Buffer struct {
	B     []byte
	class int // index into pools; -1: too large for the pool
}

const (
	minClassBits = 9  // 512 B
	maxClassBits = 22 // 4 MiB; larger buffers are rare and left to the garbage collector
)

var pools [maxClassBits - minClassBits + 1]sync.Pool

// GetBuffer returns a buffer with len(B) == n.
func GetBuffer(n int) *Buffer {
	class := max(bits.Len(uint(max(n, 1)-1)), minClassBits) - minClassBits
	if class >= len(pools) {
		return &Buffer{B: make([]byte, n), class: -1}
	}
	if b, ok := pools[class].Get().(*Buffer); ok {
		b.B = b.B[:n]
		return b
	}
	return &Buffer{B: make([]byte, n, 1<<(class+minClassBits)), class: class}
}

// Release gives the buffer back. Its bytes must not be used any more. A buffer whose B was replaced by a grown slice goes back under
// the class of its new size.
func (b *Buffer) Release() {
	if b == nil {
		return
	}
	class := bits.Len(uint(cap(b.B))) - 1 - minClassBits // the largest class that cap(B) fills
	if class < 0 || class >= len(pools) {
		return
	}
	b.class = class
	pools[class].Put(b)
}

// budget bounds the bytes of the requests that are in memory at one time (queued.max.request.bytes). A nil budget is without limit.
type budget struct {
	mu    sync.Mutex // guards used
	freed *sync.Cond
	used  int64
	limit int64
}

func newBudget(limit int64) *budget {
	if limit <= 0 {
		return nil
	}
	b := &budget{limit: limit}
	b.freed = sync.NewCond(&b.mu)
	return b
}

// acquire waits until n bytes are free. One request larger than the whole budget is let in alone, or it could never be served.
func (b *budget) acquire(n int64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	for b.used > 0 && b.used+n > b.limit {
		b.freed.Wait()
	}
	b.used += n
	b.mu.Unlock()
}

func (b *budget) release(n int64) {
	if b == nil || n == 0 {
		return
	}
	b.mu.Lock()
	b.used -= n
	b.mu.Unlock()
	b.freed.Broadcast()
}
