package group

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestPartitionMapAgainstMap compares it with the plainest thing that does the same.
func TestPartitionMapAgainstMap(t *testing.T) {
	type key struct {
		group, topic string
		partition    int32
	}
	rapid.Check(t, func(t *rapid.T) {
		m, plain := make(partitionMap[int]), make(map[key]int)
		draw := func(t *rapid.T) key {
			return key{
				rapid.SampledFrom([]string{"g", "h"}).Draw(t, "group"),
				rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "topic"),
				rapid.Int32Range(0, 20).Draw(t, "partition"),
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k, v := draw(t), rapid.Int().Draw(t, "value")
				m.put(k.group, k.topic, k.partition, v)
				plain[k] = v
			},
			"remove": func(t *rapid.T) {
				k := draw(t)
				m.remove(k.group, k.topic, k.partition)
				delete(plain, k)
			},
			"remove group": func(t *rapid.T) {
				for _, k := range slices.Collect(maps.Keys(plain)) {
					if k.group == "g" {
						m.remove(k.group, k.topic, k.partition)
						delete(plain, k)
					}
				}
			},
			"get": func(t *rapid.T) {
				k := draw(t)
				got, ok := m.get(k.group, k.topic, k.partition)
				if want, wantOK := plain[k]; got != want || ok != wantOK {
					t.Fatalf("%v is %d, %v; want %d, %v", k, got, ok, want, wantOK)
				}
			},
			"": func(t *rapid.T) {
				got := make(map[key]int)
				for id := range m {
					var before string
					m.each(id, func(topic string, partition int32, v int) {
						got[key{id, topic, partition}] = v
						now := fmt.Sprintf("%s %02d", topic, partition)
						if now <= before {
							t.Fatalf("%s comes after %s", now, before)
						}
						before = now
					})
					if before == "" {
						t.Fatalf("the empty group %s is kept", id)
					}
				}
				if !maps.Equal(got, plain) {
					t.Fatalf("holds %v, want %v", got, plain)
				}
			},
		})
	})
}

// TestPartitionMapGivesMemoryBack: a group that once had many partitions does not pay for them for ever.
func TestPartitionMapGivesMemoryBack(t *testing.T) {
	m := make(partitionMap[int])
	for p := range int32(10_000) {
		m.put("g", "t", p, 0)
	}
	for p := range int32(9_990) {
		m.remove("g", "t", p)
	}
	if kept := m.topic("g", "t"); len(kept) != 10 || cap(kept) > 44 {
		t.Fatalf("%d partitions in the room of %d", len(kept), cap(kept))
	}
}
