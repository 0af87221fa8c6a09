package etcd_test

import (
	"fmt"
	"runtime"
	"testing"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/store"
	"ottla.dev/ottla/internal/metadata/store/storetest"
)

// BenchmarkOpenAndLoad is what a node does with its metadata when it starts.
func BenchmarkOpenAndLoad(b *testing.B) {
	for _, size := range [][2]int{{0, 0}, {5000, 1}, {1, 10_000}, {1000, 100}} {
		b.Run(fmt.Sprintf("%d-topics-of-%d", size[0], size[1]), func(b *testing.B) {
			dir, ctx := b.TempDir(), storetest.Context(b)
			backend := open(b, dir)
			if size[0] > 0 {
				fill(b, ctx, store.New(backend), size[0], size[1])
			}
			if err := backend.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				backend := open(b, dir)
				if _, err := store.New(backend).Load(ctx); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				backend.Close()
				b.StartTimer()
			}
		})
	}
}

// BenchmarkCreateTopic is one durable change of the metadata.
func BenchmarkCreateTopic(b *testing.B) {
	ctx := storetest.Context(b)
	s := store.New(open(b, b.TempDir()))
	lease, err := s.Lease(ctx, 1e10)
	if err != nil {
		b.Fatal(err)
	}
	term, err := s.Campaign(ctx, lease, 1)
	if err != nil {
		b.Fatal(err)
	}
	img := metadata.Empty()
	for b.Loop() {
		n := img.NumTopics()
		next, delta, err := img.Apply(0, storetest.Topic(fmt.Sprint("topic-", n), n, 1, 1)...)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Propose(ctx, term, next, delta); err != nil {
			b.Fatal(err)
		}
		img = next
	}
}

// TestMemoryOfAnEmptyMember keeps the embedded member small.
func TestMemoryOfAnEmptyMember(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	backend := open(t, t.TempDir())
	if _, err := store.New(backend).Load(storetest.Context(t)); err != nil {
		t.Fatal(err)
	}
	used := int64(heap()) - int64(before)
	t.Logf("%d KiB of heap", used>>10)
	if used > 8<<20 {
		t.Fatalf("an empty member holds %d bytes of heap", used)
	}
}
