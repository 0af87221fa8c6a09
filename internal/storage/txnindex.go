package storage

import (
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"
)

// txnIndex is the transaction index of one segment: the aborted transactions whose markers it holds. Only segments with such markers have
// one; it is written through, and keeps no entries in memory.
type txnIndex struct {
	base int64
	file cachedFile

	mu         sync.Mutex // guards the rest
	loaded     bool
	count      int
	lastOffset int64 // of the last entry, base - 1 if there is none
	dirty      bool  // the file has been changed since its last sync
}

func newTxnIndex(s *segment) *txnIndex {
	x := &txnIndex{base: s.base}
	x.file.path = func() string { return s.path(txnIndexSuffix) }
	return x
}

// txnChunkEntries is how many entries are read at once.
const txnChunkEntries = scanBytes / txnEntryBytes

// load reads the file once and checks it. What is not sound is errIndexDamaged.
func (x *txnIndex) load(cache *fileCache) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.loaded {
		return nil
	}
	count, lastOffset, err := x.scan(cache, func(AbortedTransaction) bool { return true })
	if err == nil {
		x.loaded, x.count, x.lastOffset = true, count, lastOffset
	}
	return err
}

// scan visits the entries of the file until visit returns false. It returns how many it has passed, and the last offset of the last of them.
func (x *txnIndex) scan(cache *fileCache, visit func(AbortedTransaction) bool) (count int, lastOffset int64, err error) {
	lastOffset = x.base - 1
	file, err := x.file.acquire(cache)
	if err != nil {
		return 0, lastOffset, err
	}
	defer x.file.release()
	size, err := file.Size()
	if err != nil {
		return 0, lastOffset, err
	}
	pooled := scanPool.Get().(*[scanBytes]byte)
	defer scanPool.Put(pooled)
	for at := int64(0); at < size; {
		chunk := pooled[:min(txnChunkEntries*txnEntryBytes, size-at)]
		if err := readFull(file, chunk, at); err != nil {
			return count, lastOffset, err
		}
		at += int64(len(chunk))
		for ; len(chunk) >= txnEntryBytes; chunk = chunk[txnEntryBytes:] {
			if err := checkTxnEntry(chunk[:txnEntryBytes], lastOffset); err != nil {
				return count, lastOffset, err
			}
			t := parseTxnEntry(chunk)
			if !visit(t) {
				return count, lastOffset, nil
			}
			count, lastOffset = count+1, t.LastOffset
		}
		if len(chunk) > 0 {
			return count, lastOffset, fmt.Errorf("%w: the transaction index ends inside an entry of %d bytes", errIndexDamaged, txnEntryBytes)
		}
	}
	return count, lastOffset, nil
}

// add appends entries, all or none. The index must be loaded.
func (x *txnIndex) add(cache *fileCache, list []AbortedTransaction) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	file, err := x.file.acquire(cache)
	if err != nil {
		return err
	}
	defer x.file.release()
	pooled := scanPool.Get().(*[scanBytes]byte)
	defer scanPool.Put(pooled)
	start := int64(x.count) * txnEntryBytes
	lastOffset, at := x.lastOffset, start
	x.dirty = true
	for len(list) > 0 && err == nil {
		n := min(len(list), txnChunkEntries)
		data := pooled[:0]
		for _, t := range list[:n] {
			data = AppendTransactionIndexEntry(data, t)
			lastOffset = t.LastOffset
		}
		list = list[n:]
		_, err = file.WriteAt(data, at)
		at += int64(len(data))
	}
	if err != nil {
		if cutErr := file.Truncate(start); cutErr != nil {
			return errUncut{errors.Join(err, cutErr)}
		}
		return err
	}
	x.count, x.lastOffset = int(at/txnEntryBytes), lastOffset
	return nil
}

// truncate removes the entries of markers from an offset on. The index must be loaded.
func (x *txnIndex) truncate(cache *fileCache, offset int64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.lastOffset < offset {
		return nil
	}
	count, lastOffset, err := x.scan(cache, func(t AbortedTransaction) bool { return t.LastOffset < offset })
	if err != nil {
		return err
	}
	file, err := x.file.acquire(cache)
	if err != nil {
		return err
	}
	defer x.file.release()
	x.dirty = true
	if err := file.Truncate(int64(count) * txnEntryBytes); err != nil {
		return err
	}
	x.count, x.lastOffset = count, lastOffset
	return nil
}

// collect appends the transactions that overlap with the offsets [from, upTo). complete tells that no later segment has one. The index
// must be loaded.
func (x *txnIndex) collect(cache *fileCache, into []AbortedTransaction, from, upTo int64) (list []AbortedTransaction, complete bool, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.lastOffset < from {
		return into, false, nil
	}
	file, err := x.file.acquire(cache)
	if err != nil {
		return into, false, err
	}
	defer x.file.release()
	pooled := scanPool.Get().(*[scanBytes]byte)
	defer scanPool.Put(pooled)
	first, err := x.firstFrom(file, pooled, from)
	for at := first; err == nil && at < x.count; at += txnChunkEntries {
		chunk := pooled[:min(txnChunkEntries, x.count-at)*txnEntryBytes]
		if err = readFull(file, chunk, int64(at)*txnEntryBytes); err != nil {
			break
		}
		for ; len(chunk) > 0; chunk = chunk[txnEntryBytes:] {
			t := parseTxnEntry(chunk)
			if t.LastOffset >= from && t.FirstOffset < upTo {
				into = append(into, t)
			}
			if t.LastStableOffset >= upTo {
				return into, true, nil
			}
		}
	}
	return into, false, err
}

// firstFrom returns the number of an entry from which on all are of markers at or after an offset may be: the first such entry, or one shortly before it.
func (x *txnIndex) firstFrom(file io.ReaderAt, buffer *[scanBytes]byte, offset int64) (n int, err error) {
	if x.count <= txnChunkEntries {
		return 0, nil
	}
	n = sort.Search(x.count, func(i int) bool {
		entry := buffer[:txnEntryBytes]
		if err == nil {
			err = readFull(file, entry, int64(i)*txnEntryBytes)
		}
		return err != nil || parseTxnEntry(entry).LastOffset >= offset
	})
	return n, err
}

// sync makes the file durable.
func (x *txnIndex) sync(cache *fileCache) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.dirty {
		return nil
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
