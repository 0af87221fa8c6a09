package storage

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"time"

	"ottla.dev/ottla/internal/storage/compact"
)

// CleaningStats is what one cleaning of one log did.
type CleaningStats struct {
	Partition      TopicPartition
	Thread         int
	Began          time.Time
	Duration       time.Duration
	IndexDuration  time.Duration // the part in which the keys were read
	FirstDirty     int64         // the dirty offsets were those from here
	CleanedTo      int64         // up to here
	BytesIndexed   int64
	BytesRead      int64
	BytesWritten   int64
	RecordsIndexed int64
	RecordsRead    int64
	RecordsWritten int64
	InvalidRecords int64 // without a key
	SegmentsRead   int
	SegmentsMade   int
	MapBytes       int64   // memory of the offset map
	MapUtilization float64 // how full it was, 0 to 1
}

// BytesPerSecond returns how many bytes of log were cleaned per second.
func (s CleaningStats) BytesPerSecond() float64 {
	if s.Duration <= 0 {
		return 0
	}
	return float64(s.BytesRead) / s.Duration.Seconds()
}

// CleanerStats is what the log cleaner has done since the manager was opened, and how it stands.
type CleanerStats struct {
	Cleanings      int64
	Aborted        int64 // because the log was deleted, truncated or closed, or its policy changed
	Failed         int64
	BytesRead      int64
	BytesWritten   int64
	MaxDirtyRatio  float64 // of the filthiest log when last looked
	MaxDelay       time.Duration
	LastLook       time.Time
	Running        []TopicPartition
	Uncleanable    map[TopicPartition]string // why
	LastOfThread   map[int]CleaningStats
	CleanableCount int // logs that were waiting when last looked
}

// CleanerStats returns what the log cleaner has done.
func (m *Manager) CleanerStats() CleanerStats {
	c := &m.cleaner
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.LastOfThread = maps.Clone(c.stats.LastOfThread)
	s.Uncleanable = map[TopicPartition]string{}
	for l := range c.running {
		s.Running = append(s.Running, l.tp)
	}
	slices.SortFunc(s.Running, func(a, b TopicPartition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	for l, reason := range c.uncleanable {
		s.Uncleanable[l.tp] = reason
	}
	return s
}

// Compaction is how far a log is compacted.
type Compaction struct {
	Compacted        bool    // cleanup.policy contains compact
	FirstDirty       int64   // the records before have been compacted
	FirstUncleanable int64   // those from here on cannot be compacted yet
	CleanBytes       int64   // of segments before FirstDirty
	CleanableBytes   int64   // of those between
	DirtyRatio       float64 // CleanableBytes of both
	Delay            time.Duration
	Uncleanable      string // why the cleaner has given the log up; empty: it has not
}

// Compaction tells how far the log is compacted.
func (l *Log) Compaction() (Compaction, error) {
	if err := l.dir.online(); err != nil {
		return Compaction{}, err
	}
	candidate, err := compact.Consider(l.compactionView(l.Config()), l.nowMs())
	if err != nil {
		return Compaction{}, l.dir.fail("looking at "+l.tp.String(), err)
	}
	c := &l.dir.manager.cleaner
	c.mu.Lock()
	defer c.mu.Unlock()
	return Compaction{
		Compacted: l.Config().CleanupCompact, FirstDirty: candidate.FirstDirty, FirstUncleanable: candidate.FirstUncleanable,
		CleanBytes: candidate.CleanBytes, CleanableBytes: candidate.CleanableBytes, DirtyRatio: candidate.Ratio(),
		Delay: time.Duration(candidate.DelayMs) * time.Millisecond, Uncleanable: c.uncleanable[l],
	}, nil
}

// log writes the line that tells of a cleaning.
func (s *CleaningStats) log(logger *slog.Logger) {
	seconds := s.Duration.Seconds()
	logger.Info("cleaned a log", "partition", s.Partition.String(), "thread", s.Thread, "dirtyFrom", s.FirstDirty, "dirtyTo", s.CleanedTo,
		"readMB", megabytes(s.BytesRead), "seconds", round(seconds), "readMBPerSecond", round(s.BytesPerSecond()/(1<<20)),
		"indexedMB", megabytes(s.BytesIndexed), "indexSeconds", round(s.IndexDuration.Seconds()),
		"writtenMB", megabytes(s.BytesWritten), "recordsRead", s.RecordsRead, "recordsWritten", s.RecordsWritten,
		"sizeReductionPercent", reduction(s.BytesRead, s.BytesWritten), "segmentsRead", s.SegmentsRead, "segmentsMade", s.SegmentsMade,
		"dedupeBufferMB", megabytes(s.MapBytes), "dedupeBufferPercent", round(100*s.MapUtilization))
	if s.InvalidRecords > 0 {
		logger.Warn("records without a key were removed from a compacted log", "partition", s.Partition.String(), "records", s.InvalidRecords)
	}
}

func megabytes(n int64) float64 { return round(float64(n) / (1 << 20)) }

func round(x float64) float64 { return float64(int64(x*100+0.5)) / 100 }

func reduction(before, after int64) float64 {
	if before == 0 {
		return 0
	}
	return round(100 * (1 - float64(after)/float64(before)))
}
