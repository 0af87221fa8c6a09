package compact

import (
	"crypto/sha256"
	"encoding/binary"
)

// SlotBytes is what one key takes in an OffsetMap: 16 bytes of its hash, 8 of its offset. It is what Apache Kafka needs, so that
// log.cleaner.dedupe.buffer.size holds as many keys here as there.
const SlotBytes = 24

// maxMapBytes is what a map takes at most, whatever it is given: as many slots as Apache Kafka's.
const maxMapBytes = 1<<31 - 1

// OffsetMap remembers the last offset of each key, in memory of a fixed size. It keeps hashes instead of keys: the first half of
// SHA-256, so that two keys of one hash are found neither by chance nor by looking for them.
type OffsetMap struct {
	slots   []slot
	entries int
	latest  int64
}

type slot struct {
	hi, lo uint64
	after  int64 // the offset, plus 1 so that an empty slot is zero
}

// NewOffsetMap returns an empty map for a number of keys, or for as many as fit into memoryBytes if that is less.
func NewOffsetMap(memoryBytes, keys int64) *OffsetMap {
	n := max(1, min(memoryBytes, maxMapBytes)/SlotBytes)
	return &OffsetMap{slots: make([]slot, max(1, min(n, keys))), latest: -1}
}

// Slots returns how many keys there is room for.
func (m *OffsetMap) Slots() int { return len(m.slots) }

// Len returns how many keys there are.
func (m *OffsetMap) Len() int { return m.entries }

// SizeBytes returns how much memory the map takes.
func (m *OffsetMap) SizeBytes() int64 { return int64(len(m.slots)) * SlotBytes }

// Utilization returns how full the map is, from 0 to 1.
func (m *OffsetMap) Utilization() float64 { return float64(m.entries) / float64(len(m.slots)) }

// Latest returns the last offset up to which everything is in the map, -1 at first.
func (m *OffsetMap) Latest() int64 { return m.latest }

// Passed notes that what comes up to an offset is in the map, or need not be.
func (m *OffsetMap) Passed(offset int64) { m.latest = max(m.latest, offset) }

// Put notes that a key has been seen at an offset. Offsets grow. There must be an empty slot, or the key be there.
func (m *OffsetMap) Put(key []byte, offset int64) {
	hi, lo := hash(key)
	s, found := m.find(hi, lo)
	if !found {
		if s == nil {
			panic("compact: the offset map is full")
		}
		s.hi, s.lo = hi, lo
		m.entries++
	}
	s.after = offset + 1
	m.Passed(offset)
}

// Get returns the last offset at which a key has been seen.
func (m *OffsetMap) Get(key []byte) (offset int64, ok bool) {
	if m.entries == 0 {
		return 0, false
	}
	if s, found := m.find(hash(key)); found {
		return s.after - 1, true
	}
	return 0, false
}

func hash(key []byte) (hi, lo uint64) {
	sum := sha256.Sum256(key)
	return binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])
}

// jumps is how many places all over the map a key is looked for before the slots from there on are tried one after the other. In a
// map that is nine tenths full, three of four keys stand in one of the first two.
const jumps = 16

// find returns the slot of a hash, or the empty one where it would go; nil if the map is full.
func (m *OffsetMap) find(hi, lo uint64) (s *slot, found bool) {
	n := uint64(len(m.slots))
	at, step := hi%n, lo%n|1
	for range jumps {
		s := &m.slots[at]
		if s.after == 0 {
			return s, false
		}
		if s.hi == hi && s.lo == lo {
			return s, true
		}
		if at += step; at >= n {
			at -= n
			if at >= n { // the step was n itself
				at -= n
			}
		}
	}
	for range m.slots {
		s := &m.slots[at]
		if s.after == 0 {
			return s, false
		}
		if s.hi == hi && s.lo == lo {
			return s, true
		}
		if at++; at == n {
			at = 0
		}
	}
	return nil, false
}
