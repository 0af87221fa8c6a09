package metadata

import "hash/maphash"

// shardCount is how many parts a shardMap is cut into. A change copies the parts that it touches: with 100,000 topics
// that is about 400 entries for one topic, not 100,000.
const shardCount = 256

var shardSeed = maphash.MakeSeed()

func shardOf[K comparable](key K) int { return int(maphash.Comparable(shardSeed, key) % shardCount) }

// shardMap is an immutable map that can be changed by copying a small part of it. The zero value is empty.
type shardMap[K comparable, V any] struct {
	shards *[shardCount]map[K]V
	length int
}

func (m shardMap[K, V]) get(key K) (V, bool) {
	if m.shards == nil {
		var none V
		return none, false
	}
	v, ok := m.shards[shardOf(key)][key]
	return v, ok
}

// all calls yield for every entry, in no order.
func (m shardMap[K, V]) all(yield func(K, V) bool) {
	if m.shards == nil {
		return
	}
	for _, shard := range m.shards {
		for k, v := range shard {
			if !yield(k, v) {
				return
			}
		}
	}
}

// shardEdit is a changed copy of a shardMap in the making. Nothing is copied until something is changed.
type shardEdit[K comparable, V any] struct {
	base   shardMap[K, V]
	shards *[shardCount]map[K]V
	owned  [shardCount]bool
	length int
}

func editShards[K comparable, V any](m shardMap[K, V]) *shardEdit[K, V] {
	return &shardEdit[K, V]{base: m, length: m.length}
}

func (e *shardEdit[K, V]) get(key K) (V, bool) {
	if e.shards == nil {
		return e.base.get(key)
	}
	v, ok := e.shards[shardOf(key)][key]
	return v, ok
}

func (e *shardEdit[K, V]) set(key K, value V) {
	shard := e.own(shardOf(key))
	if _, ok := shard[key]; !ok {
		e.length++
	}
	shard[key] = value
}

func (e *shardEdit[K, V]) remove(key K) {
	if _, ok := e.get(key); !ok {
		return
	}
	delete(e.own(shardOf(key)), key)
	e.length--
}

func (e *shardEdit[K, V]) own(i int) map[K]V {
	if e.shards == nil {
		e.shards = new([shardCount]map[K]V)
		if e.base.shards != nil {
			*e.shards = *e.base.shards
		}
	}
	if !e.owned[i] {
		e.owned[i] = true
		copied := make(map[K]V, len(e.shards[i])+1)
		for k, v := range e.shards[i] {
			copied[k] = v
		}
		e.shards[i] = copied
	}
	return e.shards[i]
}

func (e *shardEdit[K, V]) done() shardMap[K, V] {
	if e.shards == nil {
		return e.base
	}
	return shardMap[K, V]{shards: e.shards, length: e.length}
}
