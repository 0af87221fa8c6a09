package compact

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestOffsetMapAgainstAMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const slots = 2000
	m := NewOffsetMap(slots*SlotBytes+SlotBytes-1, 1<<40)
	if m.Slots() != slots || m.SizeBytes() != slots*SlotBytes {
		t.Fatalf("%d slots, %d bytes", m.Slots(), m.SizeBytes())
	}
	want := map[string]int64{}
	for offset := int64(0); len(want) < slots; offset++ { // to the last slot
		key := fmt.Sprint(random.IntN(3 * slots))
		m.Put([]byte(key), offset)
		want[key] = offset
		if m.Latest() != offset {
			t.Fatalf("latest is %d", m.Latest())
		}
	}
	if m.Len() != slots || m.Utilization() != 1 {
		t.Errorf("%d entries, utilization %v", m.Len(), m.Utilization())
	}
	for i := range 3 * slots {
		key := fmt.Sprint(i)
		offset, ok := m.Get([]byte(key))
		if w, has := want[key]; ok != has || ok && offset != w {
			t.Fatalf("%s: %d, %v, want %d, %v", key, offset, ok, w, has)
		}
	}
	for key := range want { // in a full map what is there can still be moved on
		m.Put([]byte(key), 1<<40)
	}
}

func TestOffsetMapIsAsLargeAsNeeded(t *testing.T) {
	for _, c := range []struct{ memory, keys, slots int64 }{
		{128 << 20, 100, 100}, {2400, 1 << 30, 100}, {0, 0, 1}, {1, 5, 1}, {24, 0, 1},
	} {
		if m := NewOffsetMap(c.memory, c.keys); int64(m.Slots()) != c.slots {
			t.Errorf("%d bytes for %d keys: %d slots", c.memory, c.keys, m.Slots())
		}
	}
}

func TestOffsetMapAllocatesNothingPerKey(t *testing.T) {
	m := NewOffsetMap(1<<20, 1000)
	key := []byte("some key of usual length")
	offset := int64(0)
	if n := testing.AllocsPerRun(100, func() {
		offset++
		m.Put(key, offset)
		m.Get(key)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkOffsetMap(b *testing.B) {
	for _, load := range []float64{0.5, 0.9} {
		b.Run(fmt.Sprint("put at load ", load), func(b *testing.B) {
			const slots = 1 << 20
			m := NewOffsetMap(slots*SlotBytes, slots)
			var key [16]byte
			for i := range int(load * slots) {
				copy(key[:], fmt.Sprintf("%016d", i))
				m.Put(key[:], int64(i))
			}
			b.ResetTimer()
			for i := range b.N {
				n := i * 7919 % int(load*slots)
				for d := 15; d >= 0; d-- {
					key[d] = byte('0' + n%10)
					n /= 10
				}
				m.Put(key[:], int64(i))
			}
		})
	}
}
