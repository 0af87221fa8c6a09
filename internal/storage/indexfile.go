package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"ottla.dev/ottla/internal/vfs"
)

// Entry sizes of both indexes.
const (
	offsetEntryBytes = 8  // relative offset uint32, position uint32
	timeEntryBytes   = 12 // timestamp int64, relative offset uint32
)

// maxPendingBytes is how many bytes of new entries wait in memory before they are written together: an index entry per
// append must not cost a system call per append. What waits is lost in a crash and rebuilt by recovery.
const maxPendingBytes = 4096

// indexFile is an offset index or a time index: sorted entries of one size. It knows nothing until it is first used, and
// keeps no entries in memory but those that are not written yet. Unlike Apache Kafka's, the file of an active segment
// is as long as its entries, not as long as segment.index.bytes allows: nothing is mapped that would need the room.
type indexFile struct {
	file       cachedFile
	entryBytes int

	mu      sync.Mutex // guards the rest
	loaded  bool
	stored  int    // entries in the file
	pending []byte // entries after those
	dirty   bool   // the file has been changed since its last sync
	last    [timeEntryBytes]byte
	window  *indexWindow // nil: nobody has searched the file lately
}

var errIndexDamaged = errors.New("index is damaged")

// load finds out how many entries there are. A missing file and a length that no index has are errIndexDamaged.
func (x *indexFile) load(cache *fileCache) error {
	if x.loaded {
		return nil
	}
	file, err := x.file.acquire(cache)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: the file is missing", errIndexDamaged)
	}
	if err != nil {
		return err
	}
	defer x.file.release()
	sizeBytes, err := file.Size()
	if err != nil {
		return err
	}
	if sizeBytes%int64(x.entryBytes) != 0 {
		return fmt.Errorf("%w: its %d bytes are no multiple of %d", errIndexDamaged, sizeBytes, x.entryBytes)
	}
	x.stored = int(sizeBytes) / x.entryBytes
	if x.stored > 0 {
		if err := readFull(file, x.last[:x.entryBytes], sizeBytes-int64(x.entryBytes)); err != nil {
			return err
		}
	}
	x.loaded = true
	return nil
}

func (x *indexFile) count() int { return x.stored + len(x.pending)/x.entryBytes }

// add appends an entry. The index must be loaded.
func (x *indexFile) add(entry []byte) {
	x.pending = append(x.pending, entry...)
	copy(x.last[:], entry)
}

// write brings pending entries into the file. Where the disk is full they are dropped: an index with fewer entries is
// slower and still right.
func (x *indexFile) write(cache *fileCache) error {
	if len(x.pending) == 0 {
		return nil
	}
	file, err := x.file.acquire(cache)
	if err != nil {
		return err
	}
	defer x.file.release()
	at := int64(x.stored * x.entryBytes)
	x.dirty = true
	_, err = file.WriteAt(x.pending, at)
	if err != nil {
		err = errors.Join(ignoreTransient(err), file.Truncate(at))
		x.pending = x.pending[:0]
		if err == nil {
			err = x.reloadLast(file)
		}
		return err
	}
	x.stored += len(x.pending) / x.entryBytes
	x.pending = x.pending[:0]
	return nil
}

func (x *indexFile) reloadLast(file vfs.File) error {
	if x.stored == 0 {
		return nil
	}
	return readFull(file, x.last[:x.entryBytes], int64((x.stored-1)*x.entryBytes))
}

// sync writes what is pending and makes the file durable.
func (x *indexFile) sync(cache *fileCache) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.write(cache); err != nil || !x.dirty {
		return err
	}
	file, err := x.file.acquire(cache)
	if err != nil {
		return err
	}
	defer x.file.release()
	if err := file.Sync(); err != nil {
		return errUnsynced{err}
	}
	x.dirty = false
	return nil
}

// flush writes what is pending and gives the memory back.
func (x *indexFile) flush(cache *fileCache) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	err := x.write(cache)
	if len(x.pending) == 0 {
		x.pending = nil
	}
	x.window = nil
	return err
}

// truncate keeps the first n entries.
func (x *indexFile) truncate(cache *fileCache, n int) error {
	x.window = nil
	if n >= x.stored {
		x.pending = x.pending[:min(len(x.pending), (n-x.stored)*x.entryBytes)]
	} else {
		file, err := x.file.acquire(cache)
		if err != nil {
			return err
		}
		defer x.file.release()
		x.dirty = true
		if err := file.Truncate(int64(n * x.entryBytes)); err != nil {
			return err
		}
		x.stored, x.pending = n, nil
	}
	if n == 0 {
		return nil
	}
	if p := len(x.pending); p > 0 {
		copy(x.last[:], x.pending[p-x.entryBytes:])
		return nil
	}
	file, err := x.file.acquire(cache)
	if err != nil {
		return err
	}
	defer x.file.release()
	return x.reloadLast(file)
}

// reset makes the file anew and empty.
func (x *indexFile) reset(cache *fileCache) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	file, err := x.file.acquire(cache)
	if errors.Is(err, fs.ErrNotExist) {
		if file, err = cache.fs.Create(x.file.path()); err == nil {
			x.file.adopt(cache, file)
			file, err = x.file.acquire(cache)
		}
	}
	if err != nil {
		return err
	}
	defer x.file.release()
	x.dirty = true
	// Truncating an empty file is not free: some file systems then write it out when it is closed.
	if size, err := file.Size(); err != nil || size > 0 {
		if err := errors.Join(err, file.Truncate(0)); err != nil {
			return err
		}
	}
	x.loaded, x.stored, x.pending, x.window = true, 0, nil, nil
	return nil
}

// readAll returns all entries of the file, for checks.
func (x *indexFile) readAll(cache *fileCache) ([]byte, error) {
	file, err := x.file.acquire(cache)
	if err != nil {
		return nil, err
	}
	defer x.file.release()
	entries := make([]byte, x.stored*x.entryBytes)
	return entries, readFull(file, entries, 0)
}

// readFull reads exactly len(p) bytes; an end of file before that is io.ErrUnexpectedEOF.
func readFull(file io.ReaderAt, p []byte, at int64) error {
	n, err := file.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func relativeOffset(entry []byte) int64 { return int64(binary.BigEndian.Uint32(entry)) }
func entryPosition(entry []byte) int64  { return int64(binary.BigEndian.Uint32(entry[4:])) }
func entryTime(entry []byte) int64      { return int64(binary.BigEndian.Uint64(entry)) }
func timeOffset(entry []byte) int64     { return int64(binary.BigEndian.Uint32(entry[8:])) }
