package storage

import (
	"sync"

	"ottla.dev/ottla/internal/vfs"
)

// probeBytes is what a search reads at once when it has narrowed the place down.
const probeBytes = 1024

// indexWindow holds the entries of an index file among which the last search ended: a reader that goes on finds its next places without
// a read. Entries that are in the file do not change, so it stays true until the file is cut.
type indexWindow struct {
	from    int // the number of the first entry
	entries []byte
	buffer  [probeBytes]byte
}

// foundEntries is where a search ended.
type foundEntries struct {
	n       int                  // entries from the start for which the condition is true
	last    [timeEntryBytes]byte // the last of them, if there is one
	next    [timeEntryBytes]byte // the one after it, where it was at hand
	hasNext bool
}

// search finds the entries from the start for which before is true; it must be true for a first part of the entries and false for the
// rest.
func (x *indexFile) search(cache *fileCache, before func(entry []byte) bool) (foundEntries, error) {
	if len(x.pending) > 0 && before(x.pending[:x.entryBytes]) {
		return searchEntries(x.pending, x.entryBytes, x.stored, before), nil
	}
	if x.stored == 0 {
		return foundEntries{}, nil
	}
	if w := x.window; w != nil && w.holds(x.entryBytes, x.stored, before) {
		return searchEntries(w.entries, x.entryBytes, w.from, before), nil
	}
	file, err := x.file.acquire(cache)
	if err != nil {
		return foundEntries{}, err
	}
	defer x.file.release()
	return x.searchFile(file, before)
}

// searchFile looks behind the window; else it halves the file until what is left fits into one read, and reads that.
func (x *indexFile) searchFile(file vfs.File, before func(entry []byte) bool) (foundEntries, error) {
	if x.window == nil {
		x.window = &indexWindow{}
	}
	w, size := x.window, x.entryBytes
	if behind := w.from + len(w.entries)/size - 1; behind >= 0 && behind < x.stored && x.stored > probeBytes/size {
		if err := w.read(file, size, behind, x.stored); err != nil {
			return foundEntries{}, err
		}
		if w.holds(size, x.stored, before) {
			return searchEntries(w.entries, size, w.from, before), nil
		}
	}
	lo, hi := 0, x.stored // the answer is between them; entry lo, unless lo is 0, is before
	for entry := [timeEntryBytes]byte{}; hi-lo > probeBytes/size; {
		mid := (lo + hi) / 2
		if err := readFull(file, entry[:size], int64(mid*size)); err != nil {
			return foundEntries{}, err
		}
		if before(entry[:size]) {
			lo = mid
		} else {
			hi = mid
		}
	}
	if err := w.read(file, size, lo, x.stored); err != nil {
		return foundEntries{}, err
	}
	return searchEntries(w.entries, size, w.from, before), nil
}

// read fills the window with entries from one on.
func (w *indexWindow) read(file vfs.File, size, from, stored int) error {
	entries := w.buffer[:min(len(w.buffer)/size, stored-from)*size]
	w.from, w.entries = from, nil
	if err := readFull(file, entries, int64(from*size)); err != nil {
		return err
	}
	w.entries = entries
	return nil
}

// holds tells whether a search for the condition ends inside the window.
func (w *indexWindow) holds(size, stored int, before func(entry []byte) bool) bool {
	n := len(w.entries)
	return n > 0 && before(w.entries[:size]) && (w.from+n/size == stored || !before(w.entries[n-size:]))
}

// searchEntries halves entries in memory, the first of which has the number from.
func searchEntries(entries []byte, size, from int, before func(entry []byte) bool) (found foundEntries) {
	lo, hi := 0, len(entries)/size
	for lo < hi {
		if mid := (lo + hi) / 2; before(entries[mid*size : (mid+1)*size]) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	found.n = from + lo
	if lo > 0 {
		copy(found.last[:], entries[(lo-1)*size:lo*size])
	}
	if found.hasNext = lo < len(entries)/size; found.hasNext {
		copy(found.next[:], entries[lo*size:(lo+1)*size])
	}
	return found
}

var probePool = sync.Pool{New: func() any { return new([probeBytes]byte) }}
