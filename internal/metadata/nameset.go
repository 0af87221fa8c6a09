package metadata

import (
	"slices"
	"sort"
)

// nameChunk is the most names in one part of a nameSet. Parts are cut in halves above it.
const nameChunk = 512

// nameSet is an immutable sorted set of names, in parts, so that a change copies one part and the list of parts.
type nameSet struct{ chunks [][]string }

// from calls yield for every name from start on (included), in order.
func (s nameSet) from(start string, yield func(string) bool) {
	first := s.find(start)
	for i := first; i < len(s.chunks); i++ {
		names := s.chunks[i]
		if i == first {
			at, _ := slices.BinarySearch(names, start)
			names = names[at:]
		}
		for _, name := range names {
			if !yield(name) {
				return
			}
		}
	}
}

// find returns the chunk that holds name, or would.
func (s nameSet) find(name string) int {
	i := sort.Search(len(s.chunks), func(i int) bool { return s.chunks[i][0] > name })
	return max(i-1, 0)
}

// nameEdit is a changed copy of a nameSet in the making.
type nameEdit struct {
	set    nameSet
	copied bool
	owned  map[*string]bool // by first element: chunks that only this edit refers to
}

func (e *nameEdit) add(name string) {
	e.copyList()
	if len(e.set.chunks) == 0 {
		e.put(0, e.newChunk(name))
		return
	}
	i := e.set.find(name)
	at, found := slices.BinarySearch(e.set.chunks[i], name)
	if found {
		return
	}
	chunk := e.own(i)
	delete(e.owned, &chunk[0])
	chunk = slices.Insert(chunk, at, name)
	e.owned[&chunk[0]] = true
	e.set.chunks[i] = chunk
	if len(chunk) > nameChunk {
		half := e.newChunk(chunk[nameChunk/2:]...)
		e.set.chunks[i] = chunk[:nameChunk/2]
		e.put(i+1, half)
	}
}

func (e *nameEdit) remove(name string) {
	if len(e.set.chunks) == 0 {
		return
	}
	i := e.set.find(name)
	at, found := slices.BinarySearch(e.set.chunks[i], name)
	if !found {
		return
	}
	e.copyList()
	chunk := slices.Delete(e.own(i), at, at+1)
	e.set.chunks[i] = chunk
	if len(chunk) == 0 {
		e.set.chunks = slices.Delete(e.set.chunks, i, i+1)
	}
}

func (e *nameEdit) copyList() {
	if !e.copied {
		e.copied = true
		e.owned = map[*string]bool{}
		e.set.chunks = slices.Clone(e.set.chunks)
	}
}

func (e *nameEdit) put(i int, chunk []string) { e.set.chunks = slices.Insert(e.set.chunks, i, chunk) }

func (e *nameEdit) own(i int) []string {
	chunk := e.set.chunks[i]
	if !e.owned[&chunk[0]] {
		chunk = e.newChunk(chunk...)
		e.set.chunks[i] = chunk
	}
	return chunk
}

func (e *nameEdit) newChunk(names ...string) []string {
	chunk := append(make([]string, 0, nameChunk+1), names...)
	e.owned[&chunk[0]] = true
	return chunk
}
