package analysis

// keyState is what is remembered of a key: its last record, and how many it has.
type keyState struct {
	size  int32
	count uint32
	atMs  int64
}

// keySet counts distinct keys in bounded memory: exactly up to a bound, and beyond it by a sample. Keys are known by a hash of 64 bits. When there are
// more than the bound, only those remain whose hash ends in a zero bit, then in two, and so on: a sample that does not depend on how often or
// when a key comes, from which every sum over keys can be estimated.
type keySet struct {
	bound int
	zeros uint // how many zero bits a hash of the sample ends in
	keys  map[uint64]keyState
}

func newKeySet(bound int) *keySet { return &keySet{bound: bound, keys: map[uint64]keyState{}} }

// exact says whether all keys are known.
func (s *keySet) exact() bool { return s.zeros == 0 }

func (s *keySet) sampled(hash uint64) bool { return hash&(1<<s.zeros-1) == 0 }

// put remembers a record of a key, and gives what was known of the key before.
func (s *keySet) put(hash uint64, size int32, atMs int64) (before keyState, known bool) {
	if !s.sampled(hash) {
		return keyState{}, false
	}
	before, known = s.keys[hash]
	s.keys[hash] = keyState{size: size, count: before.count + 1, atMs: atMs}
	for len(s.keys) > s.bound {
		s.zeros++
		for h := range s.keys {
			if !s.sampled(h) {
				delete(s.keys, h)
			}
		}
	}
	return before, known
}

// scale is what a sum over the sample is multiplied by.
func (s *keySet) scale() int64 { return 1 << s.zeros }

// distinct is how many keys there are.
func (s *keySet) distinct() int64 { return int64(len(s.keys)) * s.scale() }

// latestBytes is the size of the last record of every key.
func (s *keySet) latestBytes() int64 {
	sum := int64(0)
	for _, k := range s.keys {
		sum += int64(k.size)
	}
	return sum * s.scale()
}

// hashKey is FNV-1a with its bits mixed once more: samples go by the lowest bits.
func hashKey(key []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range key {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
