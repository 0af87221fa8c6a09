package storage

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
)

// loadState is what is known of a partition before its directory is read.
type loadState struct {
	clean         bool // the broker was shut down in order
	recoveryPoint int64
	startOffset   int64
	highWatermark int64
	cleanedTo     int64 // neverCleaned
}

// newLog returns a log that knows nothing of its files yet.
func newLog(d *logDir, tp TopicPartition, dir string, c *config.Topic) *Log {
	l := &Log{tp: tp, dir: d, logger: d.logger}
	l.where.Store(&dir)
	l.UpdateConfig(c)
	l.producers.log = l
	l.firstUnstable.Store(unknownUnstable)
	l.cleanedTo.Store(neverCleaned)
	l.topicID.Store(new([16]byte))
	l.flushedMs.Store(l.nowMs())
	return l
}

// createLog makes the directory of a new partition.
func createLog(d *logDir, tp TopicPartition, options CreateOptions) (*Log, error) {
	l := newLog(d, tp, join(d.path, tp.String()), options.Config)
	l.topicID.Store(&options.TopicID)
	if err := d.fs.MkdirAll(l.path()); err != nil {
		return nil, err
	}
	d.newNames.Store(true)
	if options.TopicID != ([16]byte{}) {
		if err := writePartitionMetadata(d.fs, l.path(), options.TopicID, unsynced); err != nil {
			return nil, err
		}
		l.newMetadata.Store(true)
		l.newAround.Store(true)
	}
	first, err := l.createSegment(0)
	if err != nil {
		return nil, err
	}
	l.setSegments([]*segment{first})
	l.publish(0)
	l.producers.loaded, l.producers.producerSet = true, newProducerSet()
	l.noteUnstable()
	l.epochs.loaded = true
	return l, nil
}

// loadLog opens a partition's directory. After a clean shutdown it reads little more than names; after a crash it reads
// what lies past the recovery point, and cuts what is not sound.
func loadLog(d *logDir, tp TopicPartition, dir string, c *config.Topic, state loadState) (*Log, error) {
	l := newLog(d, tp, dir, c)
	id, _, err := readPartitionMetadata(d.fs, dir)
	if err != nil {
		if !errors.Is(err, ErrCorrupt) {
			return nil, err
		}
		l.logger.Warn("the topic id of a partition cannot be read", "error", err)
	}
	l.topicID.Store(&id)
	l.cleanedTo.Store(state.cleanedTo)
	if err := l.loadSegments(); err != nil {
		return nil, err
	}
	l.startOffset.Store(max(state.startOffset, 0))
	if len(l.list()) == 0 {
		first, err := l.createSegment(l.LogStartOffset())
		if err != nil {
			return nil, err
		}
		l.setSegments([]*segment{first})
	}
	next, err := l.findEnd(state)
	if err != nil {
		return nil, err
	}
	return l, l.settleLoaded(state, next)
}

// settleLoaded sets the offsets of a log whose segments are known.
func (l *Log) settleLoaded(state loadState, next int64) error {
	l.publish(next)
	l.recoveryPoint.Store(min(state.recoveryPoint, next))
	if next < state.recoveryPoint { // else what is appended from here on would count as durable
		l.dir.recoveryPoints.changed()
	}
	l.durable.Store(l.recoveryPoint.Load())
	if next < state.startOffset {
		l.logger.Warn("a log ends before its start offset and is emptied; have segment files been deleted?",
			"partition", l.tp.String(), "logEndOffset", next, "logStartOffset", state.startOffset)
		return l.restart(state.startOffset)
	}
	l.startOffset.Store(max(state.startOffset, l.list()[0].base))
	l.highWatermark.Store(min(max(state.highWatermark, l.LogStartOffset()), next))
	if !state.clean {
		// An unclean end may have left epochs of batches that are gone.
		if err := l.epochs.truncateFromEnd(l, next); err != nil {
			return err
		}
	}
	if next == l.list()[0].base && len(l.producers.snapshots) == 0 { // nothing was ever written
		l.producers.loaded, l.producers.producerSet = true, newProducerSet()
		l.noteUnstable()
	}
	if err := l.producers.removeStray(next); err != nil || state.clean {
		return err
	}
	return l.producers.removeTorn(state.recoveryPoint)
}

// loadSegments reads the names in the directory.
func (l *Log) loadSegments() error {
	entries, err := l.fs().ReadDir(l.path())
	if err != nil {
		return err
	}
	if entries, err = l.finishSwaps(entries); err != nil {
		return err
	}
	var list []*segment
	present := map[string]bool{}
	for _, e := range entries {
		if offset, suffix, ok := parseFileName(e.Name); ok && !e.IsDir {
			switch suffix {
			case logSuffix:
				list = append(list, newSegment(l, offset))
			case snapshotSuffix:
				l.producers.snapshots = append(l.producers.snapshots, offset)
			}
		}
		present[e.Name] = true
	}
	slices.SortFunc(list, func(a, b *segment) int { return compareInt64(a.base, b.base) })
	slices.Sort(l.producers.snapshots)
	l.setSegments(list)
	for _, e := range entries {
		if err := l.removeLeftover(e.Name, present); err != nil {
			return err
		}
	}
	for _, s := range list {
		if present[fileName(s.base, txnIndexSuffix)] {
			s.txn.Store(newTxnIndex(s))
		}
		info, err := l.fs().Stat(s.path(logSuffix))
		if err != nil {
			return err
		}
		s.sizeBytes.Store(info.SizeBytes)
		s.created = info.ModTime.UnixMilli()
		s.jitterMs = jitter(l.Config())
	}
	return nil
}

func compareInt64(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// removeLeftover removes files that an interrupted removal, replacement or roll has left.
func (l *Log) removeLeftover(name string, present map[string]bool) error {
	offset, suffix, ok := parseFileName(name)
	leftover := strings.HasSuffix(name, deletedSuffix) || strings.HasSuffix(name, cleanedSuffix) || strings.HasSuffix(name, tmpSuffix)
	if ok && (suffix == indexSuffix || suffix == timeIndexSuffix || suffix == txnIndexSuffix) && !present[fileName(offset, logSuffix)] {
		l.logger.Warn("removing an index without a segment", "file", join(l.path(), name))
		leftover = true
	}
	if !leftover {
		return nil
	}
	return ignoreMissing(l.fs().Remove(join(l.path(), name)))
}

// findEnd returns the log end offset, recovering what needs it.
func (l *Log) findEnd(state loadState) (next int64, err error) {
	list := l.list()
	if state.clean {
		next, err = list[len(list)-1].nextOffset()
		if err == nil || !isDamage(err) || isOldFormat(err) {
			return next, err
		}
		l.logger.Warn("a segment that was closed in order is damaged", "segment", list[len(list)-1].path(logSuffix), "reason", err)
		return l.recoverWholly(len(list) - 1)
	}
	from := firstUnflushed(list, state.recoveryPoint)
	if next, err := list[len(list)-1].nextOffset(); from == len(list)-1 && err == nil && next < state.recoveryPoint {
		// The log is shorter than what was once synced: nothing about it is certain.
		return l.recoverWholly(from)
	}
	return l.recover(from, state.recoveryPoint)
}

// recover checks the segments from one on, cuts the log at the first batch that is not sound, and brings the transaction indexes to what is left.
func (l *Log) recover(from int, recoveryPoint int64) (next int64, err error) {
	start, markers := int64(math.MaxInt64), false
	next, err = l.recoverSegments(from, recoveryPoint, &start, func(b record.Batch) {
		l.recoverEpoch(b)
		markers = markers || b.IsControl()
	})
	if err != nil {
		return 0, err
	}
	return next, l.recoverTransactions(min(max(start, recoveryPoint), next), next, markers)
}

// recoverWholly is recover where nothing is certain, whatever the recovery point says.
func (l *Log) recoverWholly(from int) (next int64, err error) {
	if next, err = l.recoverSegments(from, 0, new(int64), l.recoverEpoch); err != nil {
		return 0, err
	}
	for _, s := range l.list()[from:] {
		if _, err := s.rebuildTxnIndex(s.txn.Load(), next, errRecovered); err != nil {
			return 0, err
		}
	}
	return next, nil
}

// recoverSegments notes in start the first offset that it has read.
func (l *Log) recoverSegments(from int, recoveryPoint int64, start *int64, visit func(record.Batch)) (next int64, err error) {
	list := l.list()
	var found recovery
	for i := from; i < len(list); i++ {
		s := list[i]
		if i > from && !l.follows(s, found.nextOffset, recoveryPoint) {
			l.logger.Warn("removing segments that do not continue a log that was not closed in order", "segment", s.path(logSuffix),
				"logEndOffset", found.nextOffset, "segmentsRemoved", len(list)-i)
			return found.nextOffset, l.cutSegments(i, found.nextOffset)
		}
		found, err = s.recover(recoveryPoint, visit)
		if err != nil {
			return 0, fmt.Errorf("recovering %s: %w", s.path(logSuffix), err)
		}
		*start = min(*start, found.from)
		if found.cutBytes > 0 {
			l.logger.Warn("cut a log that was not closed in order at the first batch that is not sound",
				"segment", s.path(logSuffix), "position", s.size(), "cutBytes", found.cutBytes, "logEndOffset", found.nextOffset,
				"segmentsRemoved", len(list)-i-1, "reason", found.reason)
			return found.nextOffset, l.cutSegments(i+1, found.nextOffset)
		}
	}
	return found.nextOffset, nil
}

// follows tells whether a segment that is being recovered continues what was recovered before it. A segment whose end never
// reached the disk looks whole, and only the next one tells that something is missing. In a compacted topic that is no sign, and
// below the recovery point nothing can be missing: such a gap is left from when the topic was compacted.
func (l *Log) follows(s *segment, nextOffset, recoveryPoint int64) bool {
	return s.base == nextOffset || s.base > nextOffset && (l.Config().CleanupCompact || s.base <= recoveryPoint)
}

// cutSegments removes the segments from one on, and all that speaks of offsets past the end, durably: nothing of it may come
// back when other batches have taken the offsets.
func (l *Log) cutSegments(from int, logEndOffset int64) error {
	list := l.list()
	gone := slices.Clone(list[from:])
	slices.Reverse(gone)
	l.retire(gone)
	l.setSegments(slices.Clone(list[:from]))
	if err := l.producers.removeAfter(logEndOffset); err != nil {
		return err
	}
	return l.syncCut()
}

// recoverEpoch notes the leader epoch of a recovered batch. Before the end of the log is known the file alone can be read.
func (l *Log) recoverEpoch(b record.Batch) {
	epoch := b.PartitionLeaderEpoch()
	if epoch < 0 {
		return
	}
	if err := l.epochs.recovered(l, epoch, b.BaseOffset()); err != nil {
		l.logger.Warn("the leader epoch of a recovered batch could not be noted", "partition", l.tp.String(), "error", err)
	}
}
