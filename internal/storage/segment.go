package storage

import (
	"encoding/binary"
	"math"
	"sync"
	"sync/atomic"

	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// segment is one segment of a log: a file of batches with its two indexes. Segments but the last do not change, until
// they are deleted or the log is truncated. Nothing of a segment's files is read before it is needed.
type segment struct {
	log  *Log
	base int64

	file    cachedFile
	offsets indexFile
	times   indexFile

	txn       atomic.Pointer[txnIndex] // nil: no transaction was aborted here
	sizeBytes atomic.Int64
	removed   atomic.Bool  // its files have, or are getting, the suffix .deleted
	stage     atomic.Int32 // of a cleaned segment on its way into the log
	tag       string       // stands before .deleted in the names of a segment that was cleaned away: another may be called so; set before removed
	unsynced  atomic.Bool  // the batch file has been written since its last sync
	created   int64        // ms; when it became the active segment of this process
	jitterMs  int64

	bytesSinceEntry int64 // guarded by log.mu: how much was appended after the last index entry
	appendable      bool  // guarded by log.mu: loadForAppend has loaded all, and nothing has been forgotten since
	indexed         bool  // guarded by log.mu: there may be index entries that were not counted when it was last asked whether to roll
	unsealed        bool  // guarded by log.mu: appended to, or cut, since seal

	indexMu       sync.Mutex // held while the indexes are loaded or rebuilt
	indexesLoaded atomic.Bool
	rebuilding    atomic.Pointer[chan struct{}] // closed when the rebuild that is under way is done; nil: none is
	rebuildNeeded bool                          // guarded by indexMu: what the files hold must not be taken for whole

	statMu       sync.Mutex // guards the rest
	statsLoaded  bool
	maxTimestamp timestampMark
	firstLoaded  bool
	firstTime    int64 // the first batch's maximum timestamp; -1: no batch yet. While appendable, it changes under log.mu too
}

// timestampMark is the largest timestamp so far and the last offset of the batch that brought it.
type timestampMark struct {
	timestamp int64
	offset    int64
}

func newSegment(l *Log, base int64) *segment {
	s := &segment{log: l, base: base}
	s.file.path = func() string { return s.path(logSuffix) }
	s.offsets.file.path = func() string { return s.path(indexSuffix) }
	s.offsets.entryBytes = offsetEntryBytes
	s.times.file.path = func() string { return s.path(timeIndexSuffix) }
	s.times.entryBytes = timeEntryBytes
	return s
}

func (s *segment) path(suffix string) string {
	if s.removed.Load() {
		suffix += s.tag + deletedSuffix
	} else {
		suffix += stagedSuffix(s.stage.Load(), suffix)
	}
	return join(s.log.path(), fileName(s.base, suffix))
}

func (s *segment) cache() *fileCache { return s.log.dir.cache }

// fits tells whether an offset can be kept in four bytes relative to the base.
func (s *segment) fits(offset int64) bool {
	return offset >= s.base && offset-s.base <= math.MaxInt32
}

// create makes the files of a new segment.
func (s *segment) create(preallocateBytes int64) error {
	fs := s.cache().fs
	for _, f := range []*cachedFile{&s.offsets.file, &s.times.file, &s.file} {
		file, err := fs.Create(f.path())
		if err != nil {
			return err
		}
		f.adopt(s.cache(), file)
		if f == &s.file && preallocateBytes > 0 {
			if err := file.Preallocate(preallocateBytes); err != nil {
				return err
			}
		}
	}
	s.offsets.loaded, s.times.loaded = true, true
	s.indexesLoaded.Store(true)
	s.statsLoaded, s.firstLoaded = true, true
	s.maxTimestamp, s.firstTime = timestampMark{record.NoTimestamp, s.base}, -1
	return nil
}

// size returns how many bytes of batches there are.
func (s *segment) size() int64 { return s.sizeBytes.Load() }

// write appends bytes to the file, all or nothing.
func (s *segment) write(batches []byte) error {
	file, err := s.file.acquire(s.cache())
	if err != nil {
		return err
	}
	defer s.file.release()
	at := s.size()
	if _, err := file.WriteAt(batches, at); err != nil {
		if cutErr := file.Truncate(at); cutErr != nil {
			return errUncut{cutErr}
		}
		return err
	}
	raise(&s.unsynced) // not before: a sync between could take the mark away without having seen the bytes
	return nil
}

// raise sets a flag that says that something is to be done, after the reason has come to be. That it is set costs nothing, and whoever takes it down
// looks for reasons after that.
func raise(flag *atomic.Bool) {
	if !flag.Load() {
		flag.Store(true)
	}
}

// cutFile cuts the batch file to a size that it had.
func (s *segment) cutFile(sizeBytes int64) error {
	file, err := s.file.acquire(s.cache())
	if err != nil {
		return err
	}
	defer s.file.release()
	return file.Truncate(sizeBytes)
}

// errUncut is the failure to cut off what a failed write has left: whatever the reason, nothing may be written after it.
type errUncut struct{ error }

// appended does the bookkeeping of a write: index entries and the largest timestamp. It is called before the new size is
// published, and after loadForAppend.
func (s *segment) appended(batches []byte, intervalBytes int64) error {
	position := s.size()
	s.unsealed = true
	for rest := batches; len(rest) > 0; {
		b := record.Batch(rest)
		size := int64(b.Size())
		if err := s.indexBatch(b, position, intervalBytes); err != nil {
			return err
		}
		position += size
		s.bytesSinceEntry += size
		rest = rest[size:]
	}
	return nil
}

// loadForAppend loads what appending needs to know of the indexes. The caller holds log.mu.
func (s *segment) loadForAppend() error {
	if s.appendable {
		return nil
	}
	if err := s.loadIndexes(); err != nil {
		return err
	}
	if _, err := s.largestTimestamp(); err != nil {
		return err
	}
	if _, err := s.firstTimestamp(); err != nil {
		return err
	}
	s.appendable, s.indexed = true, true
	return nil
}

// indexBatch notes a batch at a position, with an entry in both indexes where enough bytes have passed since the last.
func (s *segment) indexBatch(b record.Batch, position, intervalBytes int64) error {
	mark := s.maxTimestamp // read without statMu: while the segment is appendable, nobody else changes what that guards
	timestamp := b.MaxTimestamp()
	larger, first := timestamp > mark.timestamp, position == 0 && s.firstTime < 0
	if larger {
		mark = timestampMark{timestamp, b.LastOffset()}
	}
	if larger || first {
		s.statMu.Lock()
		if s.maxTimestamp = mark; first {
			s.firstTime, s.firstLoaded = timestamp, true
		}
		s.statMu.Unlock()
	}
	if s.bytesSinceEntry <= intervalBytes || position > math.MaxInt32 {
		return nil
	}
	s.bytesSinceEntry, s.indexed = 0, true
	if err := s.addOffsetEntry(b.LastOffset(), position); err != nil {
		return err
	}
	return s.addTimeEntry(mark)
}

func (s *segment) addOffsetEntry(offset, position int64) error {
	x := &s.offsets
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.load(s.cache()); err != nil {
		return err
	}
	var entry [offsetEntryBytes]byte
	binary.BigEndian.PutUint32(entry[:], uint32(offset-s.base))
	binary.BigEndian.PutUint32(entry[4:], uint32(position))
	if x.count() > 0 && relativeOffset(x.last[:]) >= offset-s.base {
		return nil
	}
	x.add(entry[:])
	if len(x.pending) < maxPendingBytes {
		return nil
	}
	return x.write(s.cache())
}

// addTimeEntry adds the largest timestamp to the time index, if it is larger than that of the last entry.
func (s *segment) addTimeEntry(mark timestampMark) error {
	x := &s.times
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.load(s.cache()); err != nil {
		return err
	}
	if mark.timestamp < 0 || (x.count() > 0 && entryTime(x.last[:]) >= mark.timestamp) {
		return nil
	}
	var entry [timeEntryBytes]byte
	binary.BigEndian.PutUint64(entry[:], uint64(mark.timestamp))
	binary.BigEndian.PutUint32(entry[8:], uint32(mark.offset-s.base))
	x.add(entry[:])
	if len(x.pending) < maxPendingBytes {
		return nil
	}
	return x.write(s.cache())
}

// full tells whether an index has no room for another entry within segment.index.bytes.
func (s *segment) full(indexBytes int) (bool, error) {
	if err := s.loadIndexes(); err != nil {
		return false, err
	}
	s.offsets.mu.Lock()
	offsets := s.offsets.count()
	s.offsets.mu.Unlock()
	s.times.mu.Lock()
	times := s.times.count()
	s.times.mu.Unlock()
	return offsets >= indexBytes/offsetEntryBytes || times >= indexBytes/timeEntryBytes-1, nil
}

// seal completes the indexes of a segment that will not be appended to. The caller holds the log.
func (s *segment) seal() error {
	if err := s.completeIndexes(); err != nil {
		return err
	}
	s.unsealed = false
	return nil
}

// completeIndexes adds the largest timestamp to the time index, as its last entry must be, and writes both out.
func (s *segment) completeIndexes() error {
	defer s.log.newAround.Store(true)
	mark, err := s.largestTimestamp()
	if err != nil {
		return err
	}
	if err := s.addTimeEntry(mark); err != nil {
		return err
	}
	return s.rest()
}

// rest writes out what waits in memory, when nothing has been appended for a while. The time index goes first: recovery
// takes the offset index for the measure of what both hold.
func (s *segment) rest() error {
	if err := s.times.flush(s.cache()); err != nil {
		return err
	}
	return s.offsets.flush(s.cache())
}

// syncBatches makes the batches durable.
func (s *segment) syncBatches() error {
	if !s.unsynced.Swap(false) {
		return nil
	}
	file, err := s.file.acquire(s.cache())
	if err == nil {
		err = file.Sync()
		s.file.release()
	}
	if err != nil {
		s.unsynced.Store(true)
	}
	return err
}

// syncIndexes makes the offset and the time index durable.
func (s *segment) syncIndexes() error {
	if !s.indexesLoaded.Load() {
		return nil // never used: nothing has been written
	}
	if err := s.times.sync(s.cache()); err != nil {
		return err
	}
	return s.offsets.sync(s.cache())
}

// close closes the files. Slices that are being read keep theirs open.
func (s *segment) close() {
	for _, f := range []*cachedFile{&s.file, &s.offsets.file, &s.times.file} {
		f.close(s.cache())
	}
	if x := s.txn.Load(); x != nil {
		x.file.close(s.cache())
	}
}

// rename gives the files the suffix .deleted. Whoever opens one of them waits, so that nobody looks for a name that is just
// being changed.
func (s *segment) rename() error {
	for _, f := range []*cachedFile{&s.file, &s.offsets.file, &s.times.file} {
		f.mu.Lock()
		defer f.mu.Unlock()
	}
	if x := s.txn.Load(); x != nil {
		x.file.mu.Lock()
		defer x.file.mu.Unlock()
	}
	for _, suffix := range []string{logSuffix, indexSuffix, timeIndexSuffix, txnIndexSuffix} {
		if err := ignoreMissing(s.cache().fs.Rename(s.path(suffix), s.log.file(s.base, suffix+s.tag+deletedSuffix))); err != nil {
			return err
		}
		if suffix == logSuffix && s.txn.Load() != nil {
			// If a power cut brought the batches back without this index, nobody would know what of them was aborted.
			if err := unsyncedError(s.cache().fs.SyncDir(s.log.path())); err != nil {
				return err
			}
		}
	}
	s.removed.Store(true)
	return nil
}

// acquire opens the batch file for reading.
func (s *segment) acquire() (vfs.File, error) { return s.file.acquire(s.cache()) }
