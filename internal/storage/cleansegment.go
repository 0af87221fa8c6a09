package storage

import (
	"errors"
	"fmt"

	"ottla.dev/ottla/internal/record"
)

// cleanGroup writes what remains of neighbouring segments into one, and puts that in their place.
func (w *cleaning) cleanGroup(old []*segment) (err error) {
	l := w.log
	end := w.endOf(old[len(old)-1])
	if w.filter.Producers, err = l.lastRecords(); err != nil {
		return err
	}
	aborted, err := l.abortedForCleaning(old[0].base, end)
	if err != nil {
		return err
	}
	w.filter.Transactions.Add(aborted)
	w.filter.KeepBefore = end
	made, err := l.createCleaned(old[0].base)
	if err != nil {
		return err
	}
	for _, s := range old {
		if err = w.cleanInto(made, s); err != nil {
			break
		}
	}
	if err == nil {
		err = w.complete(made)
	}
	if err == nil {
		err = made.inheritModTime(old[len(old)-1])
	}
	if err == nil {
		err = w.swap(made, old)
	}
	if err != nil {
		l.discardCleaned(made)
		return err
	}
	w.stats.SegmentsRead += len(old)
	w.stats.SegmentsMade++
	return nil
}

// endOf returns where the next segment begins.
func (w *cleaning) endOf(s *segment) int64 {
	list := w.log.list()
	if i := floor(list, s.base) + 1; i < len(list) {
		return list[i].base
	}
	return w.candidate.FirstUncleanable
}

// cleanInto appends what remains of one segment to another.
func (w *cleaning) cleanInto(made, s *segment) error {
	err := w.each(s, 0, func(b record.Batch) (err error) {
		w.stats.BytesRead += int64(b.Size())
		if !made.fits(b.LastOffset()) {
			return fmt.Errorf("%w: offset %d is too far from the segment's base offset %d for an index", ErrCorrupt, b.LastOffset(), made.base)
		}
		if w.out, err = w.filter.Append(w.out, b); err != nil {
			return err
		}
		if len(w.out) >= w.options.bufferBytes() {
			err = w.flush(made)
		}
		return err
	})
	if err != nil {
		return err
	}
	return w.flush(made)
}

// flush writes what has been collected.
func (w *cleaning) flush(made *segment) error {
	if len(w.out) == 0 {
		return nil
	}
	if err := made.write(w.out); err != nil {
		return withoutCut(err)
	}
	if err := made.appended(w.out, int64(w.config.IndexIntervalBytes)); err != nil {
		return err
	}
	made.sizeBytes.Add(int64(len(w.out)))
	w.stats.BytesWritten += int64(len(w.out))
	w.cleaner.throttle(len(w.out))
	w.out = w.out[:0]
	if cap(w.out) > 2*w.options.bufferBytes() { // a large batch came through
		w.out = make([]byte, 0, w.options.bufferBytes())
	}
	return nil
}

// complete makes a written segment durable, with its indexes.
func (w *cleaning) complete(made *segment) error {
	if err := made.seal(); err != nil {
		return err
	}
	if err := made.timesComplete(); err != nil {
		return err
	}
	if err := w.log.writeCleanedTransactions(made, w.filter.Transactions.TakeKept()); err != nil {
		return err
	}
	if err := made.syncBatches(); err != nil {
		return unsyncedError(err)
	}
	return made.syncIndexes()
}

// inheritModTime makes a segment as old as another: of records without timestamps that is all that says how old they are.
func (s *segment) inheritModTime(from *segment) error {
	info, err := s.cache().fs.Stat(from.path(logSuffix))
	if err != nil {
		return err
	}
	return s.cache().fs.SetModTime(s.path(logSuffix), info.ModTime)
}

// timesComplete fails if the time index lacks its last entry: a full disk makes indexes drop entries, and that one is the only place that says how old
// the segment is.
func (s *segment) timesComplete() error {
	mark, err := s.largestTimestamp()
	if err != nil {
		return err
	}
	s.times.mu.Lock()
	defer s.times.mu.Unlock()
	if mark.timestamp >= 0 && (s.times.count() == 0 || entryTime(s.times.last[:]) != mark.timestamp) {
		return fmt.Errorf("%w: the time index could not be written", ErrNoSpace)
	}
	return nil
}

// createCleaned makes the files of a segment that will take the place of others. Their names must not meet those of another partition that
// has taken over the directory's name, so nobody may close the log meanwhile.
func (l *Log) createCleaned(base int64) (*segment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return nil, err
	}
	s := newSegment(l, base)
	s.stage.Store(stageCleaned)
	s.created = l.nowMs()
	if err := s.create(0); err != nil {
		return nil, errors.Join(err, s.removeStaged())
	}
	return s, nil
}

// discardCleaned removes the files of a segment that has not been put in place.
func (l *Log) discardCleaned(s *segment) {
	if s.stage.Load() != stageCleaned || s.removed.Load() {
		return
	}
	l.mu.Lock() // the directory keeps its name meanwhile
	defer l.mu.Unlock()
	if err := s.removeStaged(); err != nil && l.dir.online() == nil {
		l.logger.Warn("the files of a cleaning that was given up could not be removed", "segment", s.path(logSuffix), "error", err)
	}
}

func (s *segment) removeStaged() error {
	s.close()
	var failed error
	for _, suffix := range []string{logSuffix, indexSuffix, timeIndexSuffix, txnIndexSuffix} {
		failed = errors.Join(failed, ignoreMissing(s.cache().fs.Remove(s.path(suffix))))
	}
	return failed
}
