package storage

import (
	"slices"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/protocol"
)

// DeleteRecordsBefore makes the records below offset unreadable, and removes the segments that hold nothing else. -1 stands
// for the high watermark, which cannot be passed.
func (l *Log) DeleteRecordsBefore(offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if offset == -1 {
		offset = l.HighWatermark()
	}
	if offset < 0 || offset > l.HighWatermark() {
		return protocol.Errorf(protocol.OffsetOutOfRange, "The specified offset %d is not between the log start offset %d and the high watermark %d of %s",
			offset, l.LogStartOffset(), l.HighWatermark(), l.tp)
	}
	if err := l.raiseStart(offset); err != nil {
		return l.dir.fail("deleting records of "+l.tp.String(), err)
	}
	return l.dir.fail("deleting records of "+l.tp.String(), l.removeBeforeStart())
}

// RaiseLogStartOffset follows a leader's log start offset; segments go with the next round of retention.
func (l *Log) RaiseLogStartOffset(offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	return l.dir.fail("raising the start of "+l.tp.String(), l.raiseStart(min(offset, l.LogEndOffset())))
}

func (l *Log) raiseStart(offset int64) error {
	if offset <= l.LogStartOffset() {
		return nil
	}
	l.startOffset.Store(offset)
	l.highWatermark.Store(max(offset, l.HighWatermark()))
	l.dir.startOffsets.changed()
	return l.epochs.truncateFromStart(l, offset)
}

// ApplyRetention removes the segments that the topic's retention no longer wants, and returns how many.
func (l *Log) ApplyRetention() (removed int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return 0, err
	}
	before := len(l.list())
	if before == 1 && l.list()[0].size() == 0 {
		return 0, nil
	}
	c := l.Config()
	removed, err = l.removeUnwanted(c)
	return removed, l.dir.fail("applying the retention of "+l.tp.String(), err)
}

func (l *Log) removeUnwanted(c *config.Topic) (removed int, err error) {
	count := len(l.list())
	if err := l.removeBeforeStart(); err != nil {
		return 0, err
	}
	removed = count - len(l.list())
	if !c.CleanupDelete {
		return removed, nil
	}
	if c.RetentionBytes >= 0 {
		excess := l.SizeBytes() - c.RetentionBytes
		n, err := l.removeOldest("size", func(s, _ *segment) (bool, error) {
			excess -= s.size()
			return excess >= 0, nil
		})
		removed += n
		if err != nil {
			return removed, err
		}
	}
	if c.RetentionMs < 0 {
		return removed, nil
	}
	nowMs := l.nowMs()
	n, err := l.removeOldest("time", func(s, _ *segment) (bool, error) {
		newest, err := s.newestMs()
		return nowMs-newest > c.RetentionMs, err
	})
	return removed + n, err
}

// newestMs returns the age of the segment's youngest record; where records carry no timestamps, when the file was written.
func (s *segment) newestMs() (int64, error) {
	mark, err := s.largestTimestamp()
	if err != nil || mark.timestamp >= 0 {
		return mark.timestamp, err
	}
	info, err := s.cache().fs.Stat(s.path(logSuffix))
	return info.ModTime.UnixMilli(), err
}

func (l *Log) removeBeforeStart() error {
	start := l.LogStartOffset()
	_, err := l.removeOldest("start offset", func(_, next *segment) (bool, error) {
		return next != nil && next.base <= start, nil
	})
	return err
}

// removeOldest removes segments from the oldest on as long as they are unwanted and wholly below the high watermark. If all
// are, an empty one takes their place.
func (l *Log) removeOldest(reason string, unwanted func(s, next *segment) (bool, error)) (int, error) {
	list := l.list()
	count := 0
	for i, s := range list {
		end, next := l.LogEndOffset(), (*segment)(nil)
		if i+1 < len(list) {
			next = list[i+1]
			end = next.base
		}
		if l.HighWatermark() < end || next == nil && s.size() == 0 {
			break
		}
		gone, err := unwanted(s, next)
		if err != nil {
			return 0, err
		}
		if !gone {
			break
		}
		count++
	}
	if count == 0 {
		return 0, nil
	}
	if count == len(list) {
		if err := l.roll(l.LogEndOffset()); err != nil {
			return 0, err
		}
		list = l.list()
	}
	gone := list[:count]
	l.logger.Info("removing segments", "partition", l.tp.String(), "segments", count, "retention", reason, "firstOffset", gone[0].base, "endOffset", list[count].base)
	// The start moves first: nobody may begin to read what is about to go.
	if err := l.raiseStart(list[count].base); err != nil {
		return 0, err
	}
	l.setSegments(slices.Clone(list[count:]))
	for _, s := range gone {
		if err := l.producers.removeSnapshots(s.base, s.base); err != nil {
			return 0, err
		}
	}
	return count, l.retireInOrder(gone)
}

// retireInOrder retires the oldest segments so that a crash can bring back the youngest of them only, and does not take
// the one that has just been begun: recovery takes a gap for records that never reached the disk, and cuts there. Usually
// one segment goes at a time, and a flush has synced the names since the last.
func (l *Log) retireInOrder(gone []*segment) error {
	for i := range gone {
		if err := l.syncNames(); err != nil {
			return err
		}
		l.retire(gone[i : i+1])
	}
	return nil
}

// retire takes segments that are no longer part of the log out of the way: renamed now, removed after the topic's delay, so
// that whoever is reading them can finish.
func (l *Log) retire(gone []*segment) {
	if err := l.tryRetire(gone); err != nil {
		_ = l.dir.fail("removing segments of "+l.tp.String(), err)
	}
}

func (l *Log) tryRetire(gone []*segment) error {
	for _, s := range gone {
		if err := s.rename(); err != nil {
			return err
		}
		l.dir.later(l.Config().FileDeleteDelay, func() {
			if err := l.removeFiles(s); err != nil {
				l.logger.Warn("a segment could not be removed", "segment", s.path(logSuffix), "error", err)
			}
		})
		l.newNames.Store(true)
	}
	return nil
}
