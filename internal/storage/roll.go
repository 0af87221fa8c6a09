package storage

import (
	"math"
	"math/rand/v2"
	"slices"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
)

// rollFor begins a new segment if the active one cannot, or should not, take the batches.
func (l *Log) rollFor(result *record.Result, c *config.Topic) error {
	full, err := l.shouldRoll(result, c)
	if err != nil || !full {
		return err
	}
	return l.roll(max(result.FirstOffset, l.endOffset()))
}

func (l *Log) shouldRoll(result *record.Result, c *config.Topic) (bool, error) {
	active := l.active()
	size := active.size()
	if !active.fits(result.LastOffset) || size > int64(c.SegmentBytes)-int64(len(result.Batches)) {
		return true, nil
	}
	if size == 0 {
		return false, nil
	}
	waitedMs, err := active.waitedMs(result.MaxTimestamp)
	if err != nil || waitedMs > maxSegmentMs(c)-active.jitterMs {
		return err == nil, err
	}
	if !active.indexed {
		return false, nil
	}
	full, err := active.full(c.SegmentIndexBytes)
	active.indexed = full || err != nil
	return full, err
}

// maxSegmentMs returns for how long a segment is filled at most. A compacted topic that bounds how long a record may wait for its
// compaction bounds that too, because the active segment is not compacted.
func maxSegmentMs(c *config.Topic) int64 {
	if c.CleanupCompact && c.MaxCompactionLagMs > 0 {
		return min(c.SegmentMs, c.MaxCompactionLagMs)
	}
	return c.SegmentMs
}

// waitedMs returns for how long the segment has been filled: by its records' timestamps if they have any, as Apache Kafka
// does, so that a topic that is loaded with old data rolls as it did when the data was new.
func (s *segment) waitedMs(timestamp int64) (int64, error) {
	if err := s.loadForAppend(); err != nil {
		return 0, err
	}
	if s.firstTime >= 0 {
		return timestamp - s.firstTime, nil
	}
	return s.log.nowMs() - s.created, nil
}

// Roll begins a new segment, unless the active one is empty.
func (l *Log) Roll() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	return l.dir.fail("rolling a segment of "+l.tp.String(), l.roll(l.endOffset()))
}

// roll begins a new segment at an offset, with a snapshot of the producers so that recovery need not read what is before.
func (l *Log) roll(base int64) error {
	active := l.active()
	if active.base == base {
		return nil // it is empty
	}
	if err := active.seal(); err != nil {
		return err
	}
	if err := l.producers.snapshot(l.endOffset(), unsynced); err != nil {
		return err
	}
	// Usually a flush has done so long ago. It keeps a crash from losing a segment whose successors it keeps.
	if err := l.syncNames(); err != nil {
		return err
	}
	next, err := l.createSegment(base)
	if err != nil {
		return err
	}
	l.setSegments(append(slices.Clip(slices.Clone(l.list())), next))
	l.publish(l.endOffset())
	l.dir.syncer.want(l)
	return nil
}

// createSegment makes the files of a new segment; if that fails halfway, none remain.
func (l *Log) createSegment(base int64) (*segment, error) {
	c := l.Config()
	s := newSegment(l, base)
	s.created = l.nowMs()
	s.jitterMs = jitter(c)
	preallocateBytes := int64(0)
	if c.Preallocate {
		preallocateBytes = int64(c.SegmentBytes)
	}
	// A file of that name would be taken for the new segment's: what is left when a rebuild of it ran into the removal of its segment.
	err := ignoreMissing(l.fs().Remove(s.path(txnIndexSuffix)))
	if err == nil {
		err = s.create(preallocateBytes)
	}
	l.newAround.Store(true)
	l.newNames.Store(true) // not before: a sync of the directory between would take the mark away without having seen the names
	if err != nil {
		s.close()
		for _, suffix := range []string{logSuffix, indexSuffix, timeIndexSuffix} {
			l.fs().Remove(s.path(suffix))
		}
		return nil, err
	}
	return s, nil
}

// jitter spreads the time at which the segments of many partitions roll.
func jitter(c *config.Topic) int64 {
	limit := min(c.SegmentJitterMs, c.SegmentMs)
	if limit <= 0 || limit == math.MaxInt64 {
		return 0
	}
	return rand.Int64N(limit)
}
