package storage

import (
	"errors"
	"fmt"
	"io"

	"ottla.dev/ottla/internal/record"
)

// place is where a batch stands in a segment file.
type place struct {
	position   int64
	sizeBytes  int64
	baseOffset int64
}

// find returns the place of the first batch before limit whose last offset is not below offset.
func (s *segment) find(file io.ReaderAt, offset, limit int64) (at place, found bool, err error) {
	from, next, err := s.lookup(offset)
	if err != nil {
		return place{}, false, err
	}
	if size := s.size(); from > size {
		s.rebuildLater(fmt.Errorf("%w: it points to byte %d of %d", errIndexDamaged, from, size))
		from, next = 0, noEntry
	}
	if next-from > scanBytes && next < limit {
		if at, found = s.batchAt(file, next, limit, offset); found {
			return at, true, nil
		}
	}
	from = min(from, limit)
	at, found, err = scanTo(file, from, limit, s.base, offset)
	if from > 0 && err != nil && isDamage(err) {
		// What the index points to is no batch, or one that it cannot point to. The batches decide.
		s.rebuildLater(err)
		return scanTo(file, 0, limit, s.base, offset)
	}
	return at, found, err
}

// batchAt is a shortcut past the scan from one index entry on, for batches so large that each has one: it returns the batch that the next entry
// points to, if that is the one that holds the offset.
func (s *segment) batchAt(file io.ReaderAt, position, limit, offset int64) (at place, found bool) {
	scan := newBatchScan(file, position, limit)
	defer scan.close()
	if !scan.next() || scan.header.BaseOffset() > offset || scan.header.BaseOffset() < s.base || scan.header.LastOffset() < offset {
		return place{}, false
	}
	return place{scan.position, scan.size, scan.header.BaseOffset()}, true
}

// scanTo walks the batches from a position to the first that ends at or after offset.
func scanTo(file io.ReaderAt, from, limit, base, offset int64) (at place, found bool, err error) {
	scan := newBatchScan(file, from, limit)
	defer scan.close()
	for first := true; scan.next(); first = false {
		if first && from > 0 && (scan.header.BaseOffset() > offset || scan.header.BaseOffset() < base) {
			return place{}, false, fmt.Errorf("%w: it points to the batch at offset %d for %d", errIndexDamaged, scan.header.BaseOffset(), offset)
		}
		if scan.header.LastOffset() >= offset {
			return place{scan.position, scan.size, scan.header.BaseOffset()}, true, nil
		}
	}
	return place{}, false, scan.err
}

// noEntry is a position that no index entry has.
const noEntry = -1

// lookup returns a position from which a scan for offset may start, that of the last index entry at or before it, and that of the entry
// after it, noEntry where that is not at hand.
func (s *segment) lookup(offset int64) (from, next int64, err error) {
	if err := s.loadIndexes(); err != nil {
		return 0, noEntry, err
	}
	if offset <= s.base {
		return 0, noEntry, nil
	}
	target := offset - s.base
	s.offsets.mu.Lock()
	defer s.offsets.mu.Unlock()
	found, err := s.offsets.search(s.cache(), func(entry []byte) bool { return relativeOffset(entry) <= target })
	if err != nil || found.n == 0 {
		return 0, noEntry, err
	}
	next = noEntry
	if found.hasNext && relativeOffset(found.last[:]) < target { // an entry has its batch's last offset: that one ends before the offset
		next = entryPosition(found.next[:])
	}
	return entryPosition(found.last[:]), next, nil
}

// lookupTime returns the offset of the last time index entry at or before a timestamp, the base offset if there is none.
func (s *segment) lookupTime(timestamp int64) (offset int64, err error) {
	if err := s.loadIndexes(); err != nil {
		return 0, err
	}
	s.times.mu.Lock()
	defer s.times.mu.Unlock()
	found, err := s.times.search(s.cache(), func(entry []byte) bool { return entryTime(entry) <= timestamp })
	if err != nil || found.n == 0 {
		return s.base, err
	}
	return s.base + timeOffset(found.last[:]), nil
}

// loadIndexes gets both indexes ready, rebuilding them from the batches where they are missing or do not make sense.
func (s *segment) loadIndexes() error {
	if s.indexesLoaded.Load() {
		return nil
	}
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	if s.indexesLoaded.Load() {
		return nil
	}
	err := errRebuildUnfinished
	if !s.rebuildNeeded {
		err = s.loadIndexFiles()
	}
	if err != nil && errors.Is(err, errIndexDamaged) {
		s.log.dir.logRebuild(s, err)
		err = s.rebuildIndexes()
	}
	if err == nil {
		s.indexesLoaded.Store(true)
	}
	return err
}

var errRebuildUnfinished = fmt.Errorf("%w: rebuilding it was not finished", errIndexDamaged)

func (s *segment) loadIndexFiles() error {
	s.offsets.mu.Lock()
	defer s.offsets.mu.Unlock()
	if err := s.offsets.load(s.cache()); err != nil {
		return err
	}
	if s.offsets.count() > 0 {
		if relativeOffset(s.offsets.last[:]) == 0 && s.offsets.count() > 1 || entryPosition(s.offsets.last[:]) >= s.size() {
			return fmt.Errorf("%w: the last entry of the offset index is offset %d at byte %d of %d", errIndexDamaged,
				s.base+relativeOffset(s.offsets.last[:]), entryPosition(s.offsets.last[:]), s.size())
		}
	}
	s.times.mu.Lock()
	defer s.times.mu.Unlock()
	if err := s.times.load(s.cache()); err != nil {
		return err
	}
	if s.times.count() > 1 && entryTime(s.times.last[:]) <= 0 && timeOffset(s.times.last[:]) == 0 {
		return fmt.Errorf("%w: the last entry of the time index is empty", errIndexDamaged)
	}
	if s.times.count() > 0 {
		return nil
	}
	// A segment that was closed in order has an entry of its largest timestamp, if it has timestamps.
	if first, err := s.firstTimestamp(); err != nil || first < 0 {
		return ignoreDamage(err)
	}
	return fmt.Errorf("%w: the time index is empty", errIndexDamaged)
}

// ignoreDamage is for questions whose answer is not known then, and not needed.
func ignoreDamage(err error) error {
	if err != nil && isDamage(err) {
		return nil
	}
	return err
}

// rebuildLater rebuilds the indexes in the background. Meanwhile they are searched as they are: find does not trust them.
func (s *segment) rebuildLater(reason error) {
	done := make(chan struct{})
	if !s.rebuilding.CompareAndSwap(nil, &done) {
		return
	}
	s.log.logger.Warn("an index does not fit its segment and is rebuilt", "segment", s.path(logSuffix), "reason", reason)
	go func() {
		s.log.mu.Lock()
		defer s.log.mu.Unlock()
		defer func() {
			s.rebuilding.Store(nil)
			close(done)
		}()
		if s.log.usable() != nil || s.removed.Load() {
			return
		}
		s.indexMu.Lock()
		defer s.indexMu.Unlock()
		s.appendable = false
		s.indexesLoaded.Store(false)
		err := s.rebuildIndexes()
		s.indexesLoaded.Store(err == nil)
		if err != nil {
			s.log.logger.Error("an index could not be rebuilt", "segment", s.path(logSuffix), "error", err)
		}
	}()
}

// awaitRebuild waits for a rebuild that is under way, in which the segment for a while seems to have no timestamps. The caller must not hold
// the log's lock, which the rebuild takes.
func (s *segment) awaitRebuild() {
	if done := s.rebuilding.Load(); done != nil {
		<-*done
	}
}

// largestTimestamp returns the largest timestamp of the segment.
func (s *segment) largestTimestamp() (timestampMark, error) {
	s.statMu.Lock()
	mark, loaded := s.maxTimestamp, s.statsLoaded
	s.statMu.Unlock()
	if loaded {
		return mark, nil
	}
	if err := s.loadIndexes(); err != nil {
		return timestampMark{}, err
	}
	mark = timestampMark{record.NoTimestamp, s.base}
	s.times.mu.Lock()
	if s.times.count() > 0 {
		mark = timestampMark{entryTime(s.times.last[:]), s.base + timeOffset(s.times.last[:])}
	}
	s.times.mu.Unlock()
	s.statMu.Lock()
	defer s.statMu.Unlock()
	if !s.statsLoaded {
		s.maxTimestamp, s.statsLoaded = mark, true
	}
	return s.maxTimestamp, nil
}

// firstTimestamp returns the maximum timestamp of the first batch, -1 if there is none.
func (s *segment) firstTimestamp() (int64, error) {
	s.statMu.Lock()
	defer s.statMu.Unlock()
	if s.firstLoaded {
		return s.firstTime, nil
	}
	if s.size() == 0 {
		s.firstTime, s.firstLoaded = -1, true
		return -1, nil
	}
	file, err := s.acquire()
	if err != nil {
		return 0, err
	}
	defer s.file.release()
	scan := newBatchScan(file, 0, s.size())
	defer scan.close()
	if !scan.next() {
		return 0, scan.err
	}
	s.firstTime, s.firstLoaded = scan.header.MaxTimestamp(), true
	return s.firstTime, nil
}

// nextOffset returns the offset after the last batch. It reads from the last index entry on.
func (s *segment) nextOffset() (int64, error) {
	if s.size() == 0 {
		return s.base, nil
	}
	file, err := s.acquire()
	if err != nil {
		return 0, err
	}
	defer s.file.release()
	from := int64(0)
	if s.size() > 2*scanBytes { // a small file is read sooner than its index is opened
		if err := s.loadIndexes(); err != nil {
			return 0, err
		}
		s.offsets.mu.Lock()
		if s.offsets.count() > 0 {
			from = entryPosition(s.offsets.last[:])
		}
		s.offsets.mu.Unlock()
	}
	next, err := lastOffsetFrom(file, from, s.size(), s.base)
	if from > 0 && err != nil && isDamage(err) {
		return lastOffsetFrom(file, 0, s.size(), s.base)
	}
	return next, err
}

func lastOffsetFrom(file io.ReaderAt, from, end, base int64) (int64, error) {
	scan := newBatchScan(file, from, end)
	defer scan.close()
	next := base
	for scan.next() {
		if scan.header.BaseOffset() < next || scan.header.LastOffsetDelta() < 0 {
			return 0, fmt.Errorf("%w: the batch at byte %d begins at offset %d, after %d", ErrCorrupt, scan.position, scan.header.BaseOffset(), next-1)
		}
		next = scan.header.NextOffset()
	}
	return next, scan.err
}

// offsetForTimestamp finds the first record at or after startOffset that is not older than timestamp, in the batches
// before limit.
func (s *segment) offsetForTimestamp(timestamp, startOffset, limit int64) (found TimestampOffset, ok bool, err error) {
	entryOffset, err := s.lookupTime(timestamp)
	if err != nil {
		return found, false, err
	}
	return s.searchRecords(max(entryOffset, startOffset), limit, func(b record.Batch) bool {
		return b.MaxTimestamp() >= timestamp && b.LastOffset() >= startOffset
	}, func(b record.Batch, r *record.Record) bool {
		return r.Timestamp >= timestamp && b.BaseOffset()+int64(r.OffsetDelta) >= startOffset
	})
}

// searchRecords looks, from the batch that holds an offset on, for the first record that matches in a batch that matches.
func (s *segment) searchRecords(from, limit int64, matchBatch func(record.Batch) bool, match func(record.Batch, *record.Record) bool) (found TimestampOffset, ok bool, err error) {
	file, err := s.acquire()
	if err != nil {
		return found, false, err
	}
	defer s.file.release()
	at, _, err := s.find(file, from, limit)
	if err != nil {
		return found, false, err
	}
	scan := newBatchScan(file, at.position, limit)
	defer scan.close()
	var buffer []byte
	for scan.next() {
		if !matchBatch(scan.header) {
			continue
		}
		var batch record.Batch
		if batch, buffer, err = scan.whole(buffer); err != nil {
			return found, false, err
		}
		if found, ok, err = searchBatch(batch, match); ok || err != nil {
			return found, ok, err
		}
	}
	return found, false, scan.err
}

func searchBatch(batch record.Batch, match func(record.Batch, *record.Record) bool) (found TimestampOffset, ok bool, err error) {
	reader, err := record.NewReader(batch, 0)
	if err != nil {
		return found, false, err
	}
	defer reader.Close()
	var r record.Record
	for {
		if err := reader.Next(&r); err == io.EOF {
			return found, false, nil
		} else if err != nil {
			return found, false, err
		}
		if match(batch, &r) {
			return TimestampOffset{
				Timestamp: r.Timestamp, Offset: batch.BaseOffset() + int64(r.OffsetDelta), LeaderEpoch: max(-1, batch.PartitionLeaderEpoch()),
			}, true, nil
		}
	}
}
