package storage

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"ottla.dev/ottla/internal/vfs"
)

// TestIndexSearchAgreesWithCounting searches indexes of many lengths, in order and at random, so that the search begins both near
// and far from where the last one ended.
func TestIndexSearchAgreesWithCounting(t *testing.T) {
	const perProbe = probeBytes / offsetEntryBytes
	random := rand.New(rand.NewPCG(3, 4))
	fs := vfs.NewMem()
	for _, entries := range []int{0, 1, perProbe - 1, perProbe, perProbe + 1, 2*perProbe + 1, 5000} {
		cache := newFileCache(fs, 4)
		x := &indexFile{entryBytes: offsetEntryBytes}
		x.file.path = func() string { return "index" }
		if err := x.reset(cache); err != nil {
			t.Fatal(err)
		}
		for i := range entries {
			var entry [offsetEntryBytes]byte
			binary.BigEndian.PutUint32(entry[:], uint32(10*i+10))
			binary.BigEndian.PutUint32(entry[4:], uint32(i))
			x.add(entry[:])
		}
		if err := x.write(cache); err != nil {
			t.Fatal(err)
		}
		check := func(target int) {
			t.Helper()
			found, err := x.search(cache, func(e []byte) bool { return relativeOffset(e) <= int64(target) })
			want := min(target/10, entries)
			if err != nil || found.n != want || want > 0 && entryPosition(found.last[:]) != int64(want-1) {
				t.Fatalf("%d entries, target %d: %d entries before (the last at %d), want %d, error %v", entries, target, found.n, entryPosition(found.last[:]), want, err)
			}
			if found.hasNext && (want == entries || entryPosition(found.next[:]) != int64(want)) {
				t.Fatalf("%d entries, target %d: the entry after the %d before is said to be at %d", entries, target, want, entryPosition(found.next[:]))
			}
		}
		for target := 0; target <= 10*entries+20; target += 7 {
			check(target)
		}
		for range 3000 {
			check(random.IntN(10*entries + 30))
		}
		if err := x.truncate(cache, entries/2); err != nil {
			t.Fatal(err)
		}
		entries /= 2
		check(10*entries + 20)
		if entries < 2 {
			continue
		}
		// Other entries in the place of those that were cut off: what a search had in memory of the old ones must be gone.
		check(10*entries - 1)
		if err := x.truncate(cache, entries-1); err != nil {
			t.Fatal(err)
		}
		var entry [offsetEntryBytes]byte
		binary.BigEndian.PutUint32(entry[:], uint32(10*entries+5))
		binary.BigEndian.PutUint32(entry[4:], uint32(entries-1))
		x.add(entry[:])
		if err := x.write(cache); err != nil {
			t.Fatal(err)
		}
		found, err := x.search(cache, func(e []byte) bool { return relativeOffset(e) <= int64(10*entries) })
		if err != nil || found.n != entries-1 {
			t.Fatalf("%d entries before, want %d, error %v", found.n, entries-1, err)
		}
	}
}
