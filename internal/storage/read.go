package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"ottla.dev/ottla/internal/record"
)

// Read returns the batches from the one that holds offset on: at most maxBytes, though with minOneBatch at least the first
// batch whole, and none at or past upToOffset. The slice is empty if there is nothing (yet). Offsets that the log does not
// have are an *OffsetOutOfRangeError.
func (l *Log) Read(offset int64, maxBytes int, upToOffset int64, minOneBatch bool) (*Slice, error) {
	end := l.endMark()
	if start := l.LogStartOffset(); offset < start || offset > end.offset {
		return nil, &OffsetOutOfRangeError{offset, start, end.offset}
	}
	slice := newSlice()
	if offset >= min(upToOffset, end.offset) || maxBytes < 0 || maxBytes == 0 && !minOneBatch {
		return slice, nil
	}
	seen := l.segments.Load()
	list := *seen
	for i := max(0, floor(list, offset)); i < len(list); i++ {
		s := list[i]
		limit, last := s.size(), false
		if s == end.segment {
			limit, last = end.position, true
		}
		done, err := s.read(slice, offset, limit, maxBytes, min(upToOffset, end.offset), minOneBatch, last && upToOffset >= end.offset)
		if err != nil {
			slice.Release()
			if l.overtaken(seen, err) {
				return l.Read(offset, maxBytes, upToOffset, minOneBatch)
			}
			return nil, l.readError(offset, err)
		}
		if done || last {
			slice.after = list[i:]
			break
		}
	}
	return slice, nil
}

// overtaken tells whether a reader has missed a file because its segment was taken out of the log meanwhile, by the cleaner, by retention or by
// a truncation: then it is to look at the segments again. seen are those that it has read.
func (l *Log) overtaken(seen *[]*segment, err error) bool {
	return err != nil && isGone(err) && l.segments.Load() != seen
}

// readError says of a file that is gone what is the case: retention has removed the segment, or the partition has been deleted. A file that is
// missing although its segment is in the log means that the directory cannot be trusted. The caller does not hold mu.
func (l *Log) readError(offset int64, err error) error {
	if isGone(err) {
		if start := l.LogStartOffset(); offset < start {
			return &OffsetOutOfRangeError{offset, start, l.LogEndOffset()}
		}
		if l.isClosed() {
			return fmt.Errorf("%w: %s", ErrClosed, l.tp)
		}
	}
	return l.dir.fail("reading "+l.tp.String(), err)
}

// isGone tells whether a segment's file could not be opened because the segment has been removed.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrClosed) }

// read fills a slice from one segment. It returns false if the segment has nothing at or after offset: then the next one
// has. limit is where the segment ends, wholly whether all up to there may be read.
func (s *segment) read(slice *Slice, offset, limit int64, maxBytes int, upTo int64, minOneBatch, wholly bool) (done bool, err error) {
	if limit == 0 {
		return false, nil
	}
	file, err := s.acquire()
	if err != nil {
		return false, err
	}
	at, found, err := s.find(file, offset, limit)
	if err == nil && found && !wholly {
		limit, err = s.boundary(file, at, upTo, limit)
	}
	if err != nil || !found {
		s.file.release()
		return false, err
	}
	size := int64(maxBytes)
	if minOneBatch {
		size = max(size, at.sizeBytes)
	}
	slice.segment, slice.file, slice.position = s, file, at.position
	slice.sizeBytes = int(min(size, limit-at.position))
	slice.incomplete = size < at.sizeBytes
	return true, nil
}

// boundary returns where the first batch stands that reaches upTo: what is before may be read.
func (s *segment) boundary(file io.ReaderAt, from place, upTo, limit int64) (int64, error) {
	list := s.log.list()
	if i := floor(list, s.base); i >= 0 && i+1 < len(list) && list[i] == s && list[i+1].base <= upTo {
		return limit, nil // a whole segment before it
	}
	at, found, err := s.find(file, upTo, limit)
	if err != nil || !found {
		return limit, err
	}
	return max(at.position, from.position), nil
}

// scan calls visit for every batch from the one that holds offset from, up to and without the first at or after offset
// upTo. Only headers are read.
func (l *Log) scan(from, upTo int64, visit func(*batchScan) error) error {
	for {
		seen := l.segments.Load()
		err := scanSegments(*seen, &from, upTo, visit)
		if !l.overtaken(seen, err) {
			return err
		}
	}
}

// scanSegments moves from to where it has come.
func scanSegments(list []*segment, from *int64, upTo int64, visit func(*batchScan) error) error {
	for i := max(0, floor(list, *from)); i < len(list) && list[i].base < upTo; i++ {
		err := list[i].scan(*from, upTo, func(scan *batchScan) error {
			*from = scan.header.NextOffset()
			return visit(scan)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *segment) scan(from, upTo int64, visit func(*batchScan) error) error {
	if s.size() == 0 {
		return nil
	}
	file, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.file.release()
	at, found, err := s.find(file, from, s.size())
	if err != nil || !found {
		return err
	}
	scan := newBatchScan(file, at.position, s.size())
	defer scan.close()
	for scan.next() {
		if scan.header.BaseOffset() >= upTo {
			return nil
		}
		if err := visit(&scan); err != nil {
			return err
		}
	}
	return scan.err
}

// errVisitorStopped ends a scan whose visitor had enough, whatever the visitor's reason.
var errVisitorStopped = errors.New("stopped")

// ReadBatches calls visit for every whole batch from the one that holds offset on. The batch is valid during the call only.
// Coordinators load their state with it.
func (l *Log) ReadBatches(offset, upTo int64, visit func(record.Batch) error) error {
	if start, end := l.LogStartOffset(), l.LogEndOffset(); offset < start || offset > end {
		return &OffsetOutOfRangeError{offset, start, end}
	}
	var buffer []byte
	var stopped error
	err := l.scan(offset, min(upTo, l.LogEndOffset()), func(scan *batchScan) (err error) {
		var batch record.Batch
		if batch, buffer, err = scan.whole(buffer); err != nil {
			return err
		}
		if err := batch.CheckCRC(); err != nil {
			return fmt.Errorf("%w: %s at offset %d: %w", ErrCorrupt, l.tp, batch.BaseOffset(), err)
		}
		if stopped = visit(batch); stopped != nil {
			return errVisitorStopped
		}
		return nil
	})
	if stopped != nil {
		return stopped
	}
	if err != nil {
		return l.readError(offset, err)
	}
	return nil
}
