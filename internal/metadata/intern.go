package metadata

import (
	"slices"
	"sync"
	"unsafe"
)

// maxInterned bounds the sets that an interner keeps; above it, it starts anew. Clusters have few distinct replica
// sets (brokers × replication factor × order) compared with partitions.
const maxInterned = 1 << 16

// interner keeps one slice of each replica list and directory list, for all partitions that have it.
type interner struct {
	mu   sync.Mutex // guards both maps; images are built by one goroutine as a rule, but may be by several
	ids  map[string][]int32
	dirs map[string][]UUID
}

func newInterner() *interner {
	return &interner{ids: map[string][]int32{}, dirs: map[string][]UUID{}}
}

func (n *interner) partition(p Partition) *Partition {
	n.mu.Lock()
	defer n.mu.Unlock()
	p.Replicas = internSlice(n.ids, p.Replicas)
	p.ISR = internSlice(n.ids, p.ISR)
	p.Directories = internSlice(n.dirs, p.Directories)
	return &p
}

func internSlice[E comparable](known map[string][]E, s []E) []E {
	if len(s) == 0 {
		return nil
	}
	size := int(unsafe.Sizeof(s[0])) * len(s)
	key := unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), size)
	if found, ok := known[string(key)]; ok {
		return found
	}
	if len(known) >= maxInterned {
		clear(known)
	}
	kept := slices.Clip(slices.Clone(s))
	known[string(key)] = kept
	return kept
}
