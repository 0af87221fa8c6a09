package storage

import "ottla.dev/ottla/internal/record"

// The special timestamps of ListOffsets.
const (
	LatestTimestamp        = -1
	EarliestTimestamp      = -2
	MaxTimestamp           = -3
	EarliestLocalTimestamp = -4
)

// TimestampOffset is an answer of OffsetForTimestamp.
type TimestampOffset struct {
	Timestamp   int64 // -1 where none
	Offset      int64
	LeaderEpoch int32 // -1 where unknown
}

// OffsetForTimestamp returns the first record that is not older than timestamp, or what one of the special timestamps
// stands for. The latest offset is the log's end: what a client may see of that, the caller knows. ok is false if there is no such record.
func (l *Log) OffsetForTimestamp(timestamp int64) (found TimestampOffset, ok bool, err error) {
	for {
		seen := l.segments.Load()
		found, ok, err = l.offsetForTimestamp(*seen, timestamp)
		if err == nil {
			return found, ok, nil
		}
		if !l.overtaken(seen, err) {
			return found, false, l.readError(l.LogStartOffset(), err)
		}
	}
}

func (l *Log) offsetForTimestamp(list []*segment, timestamp int64) (found TimestampOffset, ok bool, err error) {
	switch timestamp {
	case EarliestTimestamp, EarliestLocalTimestamp:
		start := l.LogStartOffset()
		earliest, ok, err := l.epochs.earliest(l)
		if !ok || earliest.StartOffset > start {
			earliest.Epoch = -1
		}
		return TimestampOffset{-1, start, earliest.Epoch}, true, err
	case LatestTimestamp:
		latest, ok, err := l.epochs.latest(l)
		if !ok {
			latest.Epoch = -1
		}
		return TimestampOffset{-1, l.LogEndOffset(), latest.Epoch}, true, err
	case MaxTimestamp:
		return l.offsetOfMaxTimestamp(list)
	}
	start := l.LogStartOffset()
	end := l.endMark()
	for _, s := range list {
		s.awaitRebuild()
		mark, err := s.largestTimestamp()
		if err != nil {
			return found, false, err
		}
		if mark.timestamp < timestamp {
			continue
		}
		if found, ok, err = s.offsetForTimestamp(timestamp, start, s.limit(end)); ok || err != nil {
			return found, ok, err
		}
	}
	return found, false, nil
}

// limit returns how much of the segment belongs to the log up to an end.
func (s *segment) limit(end endMark) int64 {
	if s == end.segment {
		return end.position
	}
	return s.size()
}

func (l *Log) offsetOfMaxTimestamp(list []*segment) (found TimestampOffset, ok bool, err error) {
	var newest *segment
	var newestMark timestampMark
	for _, s := range list {
		s.awaitRebuild()
		mark, err := s.largestTimestamp()
		if err != nil {
			return found, false, err
		}
		if newest == nil || mark.timestamp > newestMark.timestamp {
			newest, newestMark = s, mark
		}
	}
	return newest.searchRecords(newestMark.offset, newest.limit(l.endMark()), func(b record.Batch) bool {
		return b.MaxTimestamp() == newestMark.timestamp
	}, func(b record.Batch, r *record.Record) bool {
		return r.Timestamp == newestMark.timestamp
	})
}

// AssignEpoch notes that a leader epoch begins at an offset: done when this broker becomes the leader.
func (l *Log) AssignEpoch(epoch int32, startOffset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if startOffset < l.LogEndOffset() {
		defer l.newAround.Store(true)
	}
	return l.dir.fail("noting a leader epoch of "+l.tp.String(), l.epochs.assign(l, epoch, startOffset))
}

// LatestEpoch returns the newest leader epoch; false if there is none.
func (l *Log) LatestEpoch() (epoch int32, ok bool) {
	e, ok, err := l.epochs.latest(l)
	l.warnEpochs(err)
	if !ok {
		return -1, false
	}
	return e.Epoch, true
}

// EpochForOffset returns the leader epoch in which the record at an offset was appended.
func (l *Log) EpochForOffset(offset int64) (epoch int32, ok bool) {
	epoch, ok, err := l.epochs.forOffset(l, offset)
	l.warnEpochs(err)
	if !ok {
		return -1, false
	}
	return epoch, true
}

// EpochEndOffset returns the largest known epoch that is not above the given one, and the offset at which it ends
// (OffsetForLeaderEpoch); -1, -1 if that is not known.
func (l *Log) EpochEndOffset(epoch int32) (found int32, endOffset int64) {
	found, endOffset, err := l.epochs.endOffset(l, epoch, l.LogEndOffset())
	l.warnEpochs(err)
	return found, endOffset
}

// EpochEntries returns where all known epochs begin.
func (l *Log) EpochEntries() ([]EpochEntry, error) { return l.epochs.all(l) }

func (l *Log) warnEpochs(err error) {
	if err != nil {
		l.logger.Warn("the leader epochs cannot be read", "partition", l.tp.String(), "error", err)
	}
}

// rebuildEpochs finds the leader epochs in the batches.
func (l *Log) rebuildEpochs() ([]EpochEntry, error) {
	var entries []EpochEntry
	err := l.scan(l.LogStartOffset(), l.LogEndOffset(), func(scan *batchScan) error {
		epoch := scan.header.PartitionLeaderEpoch()
		if n := len(entries); epoch >= 0 && (n == 0 || epoch > entries[n-1].Epoch) {
			entries = append(entries, EpochEntry{epoch, max(l.LogStartOffset(), scan.header.BaseOffset())})
		}
		return nil
	})
	if err != nil && isDamage(err) {
		l.logger.Warn("the leader epochs were lost, and not all of them can be found in the batches", "partition", l.tp.String(), "error", err)
		err = nil
	}
	if len(entries) > 0 {
		l.newAround.Store(true) // so that the next flush writes them
	}
	return entries, err
}
