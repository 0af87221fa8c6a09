package storage

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"ottla.dev/ottla/internal/record"
)

// rebuildIndexes makes both indexes anew from the batches. The caller holds indexMu, and for the active segment the log.
func (s *segment) rebuildIndexes() error {
	s.rebuildNeeded = true // until it is done
	if err := s.resetIndexes(); err != nil {
		return err
	}
	file, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.file.release()
	interval := int64(s.log.Config().IndexIntervalBytes)
	scan := newBatchScan(file, 0, s.size())
	defer scan.close()
	for scan.next() {
		if err := s.indexBatch(scan.header, scan.position, interval); err != nil {
			return err
		}
		s.bytesSinceEntry += scan.size
	}
	if scan.err != nil && !scan.damaged() {
		return scan.err
	}
	if err := s.completeIndexes(); err != nil {
		return err
	}
	s.rebuildNeeded = false
	return nil
}

func (s *segment) resetIndexes() error {
	if err := s.offsets.reset(s.cache()); err != nil {
		return err
	}
	if err := s.times.reset(s.cache()); err != nil {
		return err
	}
	s.statMu.Lock()
	defer s.statMu.Unlock()
	s.bytesSinceEntry = 0
	s.statsLoaded, s.maxTimestamp = true, timestampMark{record.NoTimestamp, s.base}
	s.firstLoaded, s.firstTime = true, -1
	return nil
}

// recovery is what recovering a segment found.
type recovery struct {
	from       int64 // the first offset that was read
	nextOffset int64
	cutBytes   int64
	reason     error // why bytes were cut
}

// recover reads the segment from the recovery point on, checks every batch, cuts the file before the first that is not
// sound and completes the indexes. What lies before the recovery point is on stable storage and is not read again.
// visit sees every sound batch.
func (s *segment) recover(recoveryPoint int64, visit func(record.Batch)) (recovery, error) {
	if empty, err := s.isEmpty(); empty || err != nil {
		return recovery{from: s.base, nextOffset: s.base}, err
	}
	file, err := s.acquire()
	if err != nil {
		return recovery{}, err
	}
	defer s.file.release()
	if info, err := s.cache().fs.Stat(s.path(logSuffix)); err != nil {
		return recovery{}, err
	} else {
		s.sizeBytes.Store(info.SizeBytes)
	}
	from, next, err := s.recoveryStart(file, recoveryPoint)
	if err != nil {
		return recovery{}, err
	}
	s.indexesLoaded.Store(true)
	found, end, err := s.recoverFrom(file, from, next, visit)
	if err != nil {
		return recovery{}, err
	}
	found.from, found.cutBytes = next, s.size()-end
	if found.cutBytes > 0 {
		if err := file.Truncate(end); err != nil {
			return recovery{}, err
		}
		s.sizeBytes.Store(end)
	}
	// The process before may have died without syncing what it wrote.
	s.unsynced.Store(true)
	s.offsets.dirty, s.times.dirty = true, true
	return found, s.seal()
}

// isEmpty tells whether the segment's files are there and hold nothing, as those of thousands of idle partitions: nothing needs to be
// opened then.
func (s *segment) isEmpty() (bool, error) {
	for _, suffix := range []string{logSuffix, indexSuffix, timeIndexSuffix} {
		info, err := s.cache().fs.Stat(s.path(suffix))
		if err != nil || info.SizeBytes > 0 {
			return false, ignoreMissing(err)
		}
	}
	s.sizeBytes.Store(0)
	return true, nil
}

// recoverFrom checks the batches from a position on and returns where the sound ones end.
func (s *segment) recoverFrom(file io.ReaderAt, from, next int64, visit func(record.Batch)) (found recovery, end int64, err error) {
	interval := int64(s.log.Config().IndexIntervalBytes)
	scan := newBatchScan(file, from, s.size())
	defer scan.close()
	end = from
	var buffer []byte
	for scan.next() {
		var batch record.Batch
		if batch, buffer, err = scan.whole(buffer); err == nil {
			err = s.soundBatch(batch, next)
		}
		if err != nil && !isDamage(err) {
			return found, end, err
		}
		if err != nil {
			found.reason = err
			break
		}
		if err := s.indexBatch(batch, scan.position, interval); err != nil {
			return found, end, err
		}
		s.bytesSinceEntry += scan.size
		visit(batch)
		next, end = batch.NextOffset(), scan.position+scan.size
	}
	if scan.err != nil {
		if !scan.damaged() || isOldFormat(scan.err) && oldMessage(file, scan.position, s.size()) {
			return found, end, scan.err
		}
		found.reason = scan.err
	}
	found.nextOffset = next
	return found, end, nil
}

// isOldFormat tells whether a file holds messages of before Kafka 0.11. They are sound, only not for us: cutting them off
// would destroy them.
func isOldFormat(err error) bool { return err == record.ErrOldMagic }

// oldMessage tells whether a message of that old format stands at a position: whole, and with a CRC that is right. Else what
// looks like its magic is what a crash has left of a batch.
func oldMessage(file io.ReaderAt, position, end int64) bool {
	var head [16]byte // offset, size, CRC-32 of all that follows
	if readFull(file, head[:], position) != nil {
		return false
	}
	size := int64(int32(binary.BigEndian.Uint32(head[8:])))
	if size < 4 || position+12+size > end {
		return false
	}
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, io.NewSectionReader(file, position+16, size-4)); err != nil {
		return false
	}
	return sum.Sum32() == binary.BigEndian.Uint32(head[12:])
}

func (s *segment) soundBatch(b record.Batch, next int64) error {
	if b.BaseOffset() < next || b.LastOffsetDelta() < 0 || !s.fits(b.LastOffset()) {
		return fmt.Errorf("%w: a batch has the offsets %d to %d where %d is next", ErrCorrupt, b.BaseOffset(), b.LastOffset(), next)
	}
	return b.CheckCRC()
}

// recoveryStart returns the position from which recovery must read, and the first offset that may stand there: those of
// the last index entry before the recovery point, if the indexes up to there are sound, else the segment's start. It cuts
// both indexes to what lies before.
func (s *segment) recoveryStart(file io.ReaderAt, recoveryPoint int64) (position, next int64, err error) {
	if recoveryPoint > s.base {
		position, next, err = s.trustedEntry(file, recoveryPoint)
		if err == nil && position > 0 {
			return position, next, nil
		}
		if err != nil && !isDamage(err) {
			return 0, 0, err
		}
	}
	return 0, s.base, s.resetIndexes()
}

// trustedEntry finds the last entry before the recovery point, after checking that all before it are in order and that a
// batch stands where it points.
func (s *segment) trustedEntry(file io.ReaderAt, recoveryPoint int64) (position, next int64, err error) {
	s.indexMu.Lock()
	defer s.indexMu.Unlock()
	x := &s.offsets
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.load(s.cache()); err != nil {
		return 0, 0, err
	}
	entries, err := x.readAll(s.cache())
	if err != nil {
		return 0, 0, err
	}
	n, last := 0, []byte(nil)
	for ; len(entries) > 0 && s.base+relativeOffset(entries) < recoveryPoint; entries = entries[offsetEntryBytes:] {
		if last != nil && (relativeOffset(entries) <= relativeOffset(last) || entryPosition(entries) <= entryPosition(last)) {
			return 0, 0, fmt.Errorf("%w: entry %d is not after the one before it", errIndexDamaged, n)
		}
		last = entries
		n++
	}
	if last == nil || entryPosition(last) == 0 {
		return 0, 0, nil
	}
	position = entryPosition(last)
	scan := newBatchScan(file, position, s.size())
	defer scan.close()
	if !scan.next() {
		return 0, 0, fmt.Errorf("%w: no batch stands where it points: %w", errIndexDamaged, orUnexpectedEOF(scan.err))
	}
	offset := s.base + relativeOffset(last)
	if scan.header.BaseOffset() > offset || scan.header.BaseOffset() < s.base {
		return 0, 0, fmt.Errorf("%w: it has offset %d where the batch begins at %d", errIndexDamaged, offset, scan.header.BaseOffset())
	}
	next = scan.header.BaseOffset()
	if err := x.truncate(s.cache(), n-1); err != nil { // the entry itself is made again
		return 0, 0, err
	}
	// So that it is: as many bytes have passed as it took the first time.
	s.bytesSinceEntry = int64(s.log.Config().IndexIntervalBytes) + 1
	return position, next, s.trustTimes(next)
}

// trustTimes cuts the time index to the entries of batches before an offset.
func (s *segment) trustTimes(offset int64) error {
	x := &s.times
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.load(s.cache()); err != nil {
		return err
	}
	entries, err := x.readAll(s.cache())
	if err != nil {
		return err
	}
	n, last := 0, []byte(nil)
	for ; len(entries) > 0 && s.base+timeOffset(entries) < offset; entries = entries[timeEntryBytes:] {
		if last != nil && (entryTime(entries) <= entryTime(last) || timeOffset(entries) < timeOffset(last)) {
			return fmt.Errorf("%w: entry %d of the time index is not after the one before it", errIndexDamaged, n)
		}
		last = entries
		n++
	}
	if err := x.truncate(s.cache(), n); err != nil {
		return err
	}
	s.statMu.Lock()
	defer s.statMu.Unlock()
	s.statsLoaded, s.maxTimestamp = true, timestampMark{record.NoTimestamp, s.base}
	if last != nil {
		s.maxTimestamp = timestampMark{entryTime(last), s.base + timeOffset(last)}
	}
	return nil
}

func orUnexpectedEOF(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// truncate removes all batches from the one that holds offset on, and returns the offset that comes next: the first of
// that batch where offset lies inside it.
func (s *segment) truncate(offset int64) (next int64, err error) {
	file, err := s.acquire()
	if err != nil {
		return 0, err
	}
	defer s.file.release()
	at, found, err := s.find(file, offset, s.size())
	if err != nil {
		return 0, err
	}
	s.appendable = false
	next = offset
	if found {
		next = min(offset, at.baseOffset)
	}
	if err := s.truncateIndexes(next); err != nil {
		return 0, err
	}
	if err := s.truncateTxnIndex(next); err != nil {
		return 0, err
	}
	s.statMu.Lock()
	s.statsLoaded = false
	s.statMu.Unlock()
	if found {
		if err := file.Truncate(at.position); err != nil {
			return 0, err
		}
		s.sizeBytes.Store(at.position)
		s.unsynced.Store(true)
	}
	s.bytesSinceEntry, s.unsealed = 0, true
	if s.size() == 0 {
		s.statMu.Lock()
		s.firstLoaded, s.firstTime = true, -1
		s.created = s.log.nowMs()
		s.statMu.Unlock()
	}
	return next, s.reloadTimestamp(file)
}

func (s *segment) truncateIndexes(offset int64) error {
	cut := func(x *indexFile, before func([]byte) bool) error {
		x.mu.Lock()
		defer x.mu.Unlock()
		found, err := x.search(s.cache(), before)
		if err != nil {
			return err
		}
		return x.truncate(s.cache(), found.n)
	}
	if err := cut(&s.offsets, func(entry []byte) bool { return s.base+relativeOffset(entry) < offset }); err != nil {
		return err
	}
	return cut(&s.times, func(entry []byte) bool { return s.base+timeOffset(entry) < offset })
}

// reloadTimestamp finds the largest timestamp after a truncation: that of the last time index entry, or of a batch after it.
func (s *segment) reloadTimestamp(file io.ReaderAt) error {
	mark, err := s.largestTimestamp()
	if err != nil {
		return err
	}
	from, _, err := s.lookup(mark.offset)
	if err != nil {
		return err
	}
	scan := newBatchScan(file, from, s.size())
	defer scan.close()
	for scan.next() {
		if ts := scan.header.MaxTimestamp(); ts > mark.timestamp {
			mark = timestampMark{ts, scan.header.LastOffset()}
		}
	}
	s.statMu.Lock()
	defer s.statMu.Unlock()
	s.maxTimestamp = mark
	return scan.err
}
