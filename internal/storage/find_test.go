package storage

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/vfs"
)

// TestEveryOffsetIsFound reads from every offset of logs whose batches are small, large or mixed, so that some have an index entry each and
// others share one, in order and at random.
func TestEveryOffsetIsFound(t *testing.T) {
	for name, sizes := range map[string][]int{"small": {10, 300}, "large": {3900, 9000}, "mixed": {10, 200, 4200, 20_000}} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(5, 6))
			b := newBench(t, defaultTopic(smallSegments(1<<20)))
			l := b.log()
			var firsts []int64 // by offset: where its batch begins
			for range 400 {
				values := make([]string, 1+random.IntN(3))
				for i := range values {
					values[i] = strings.Repeat("x", sizes[random.IntN(len(sizes))]/len(values))
				}
				info := b.append(l, values...)
				for range values {
					firsts = append(firsts, info.FirstOffset)
				}
			}
			check := func(offset int64) {
				t.Helper()
				slice, err := l.Read(offset, 1, l.LogEndOffset(), true)
				if err != nil {
					t.Fatal(err)
				}
				defer slice.Release()
				head := make([]byte, 8)
				if _, err := slice.ReadAt(head, 0); err != nil {
					t.Fatal(err)
				}
				if got := baseOffsetOf(head); got != firsts[offset] {
					t.Fatalf("offset %d is found in the batch at %d, want %d", offset, got, firsts[offset])
				}
			}
			for range 2 { // with the indexes partly in memory, and as they come from the disk
				for offset := range firsts {
					check(int64(offset))
				}
				for range 2000 {
					check(random.Int64N(int64(len(firsts))))
				}
				b.restart()
				l = b.log()
			}
		})
	}
}

func baseOffsetOf(head []byte) (offset int64) {
	for _, b := range head[:8] {
		offset = offset<<8 | int64(b)
	}
	return offset
}

// TestCatchingUpCostsOneReadAFetch counts what a consumer costs that reads old batches of a usual size in order, 32 KiB at a time.
func TestCatchingUpCostsOneReadAFetch(t *testing.T) {
	t.Run("of one record", func(t *testing.T) { catchUp(t, 1) })
	t.Run("of four", func(t *testing.T) { catchUp(t, 4) })
}

func catchUp(t *testing.T, records int) {
	b := newBench(t, defaultTopic())
	l := b.log()
	for range 1000 {
		b.append(l, slices.Repeat([]string{strings.Repeat("x", 16<<10/records)}, records)...)
	}
	b.restart()
	l = b.log()
	reads, fetches := 0, 0
	b.mem.Inject(func(op vfs.Op, _ string) vfs.Fault {
		if op == vfs.OpRead {
			reads++
		}
		return vfs.Fault{}
	})
	defer b.mem.Inject(nil)
	for offset := int64(0); offset < l.LogEndOffset(); offset += int64(records) { // 32 KiB hold one whole batch and a part of the next
		slice, err := l.Read(offset, 32<<10, l.LogEndOffset(), true)
		if err != nil {
			t.Fatal(err)
		}
		slice.Release()
		fetches++
	}
	if most := fetches + fetches/20 + 10; reads > most {
		t.Errorf("%d reads for %d fetches, want at most %d", reads, fetches, most)
	}
}
