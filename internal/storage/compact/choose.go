package compact

// Segment is a segment of a log, as choosing sees it.
type Segment struct {
	Base      int64
	SizeBytes int64
}

// Log is what choosing knows of a log.
type Log struct {
	Segments         []Segment // ascending; the last is the active one
	StartOffset      int64
	EndOffset        int64
	LastStableOffset int64
	CleanedTo        int64 // the checkpoint; -1: the log has never been cleaned
	MinLagMs         int64
	MaxLagMs         int64

	// LargestTimestamp and FirstTimestamp look into a segment; they are asked only where a lag is set.
	LargestTimestamp func(i int) (int64, error)
	FirstTimestamp   func(i int) (int64, error)
}

// Candidate is how a log stands.
type Candidate struct {
	FirstDirty       int64 // from where on it is dirty
	FirstUncleanable int64 // the base of the first segment that must not be cleaned
	CleanBytes       int64
	CleanableBytes   int64
	DelayMs          int64 // for how long the oldest dirty record has been waiting longer than max.compaction.lag.ms allows; 0: it has not
	InvalidTo        int64 // the checkpoint, if it did not fit the log and was not used; else -1
}

// Bytes returns the size of what a cleaning would read.
func (c Candidate) Bytes() int64 { return c.CleanBytes + c.CleanableBytes }

// Ratio returns how much of that is dirty.
func (c Candidate) Ratio() float64 {
	if c.Bytes() == 0 {
		return 0
	}
	return float64(c.CleanableBytes) / float64(c.Bytes())
}

// Wanted tells whether it is time to clean.
func (c Candidate) Wanted(minRatio float64) bool {
	return c.CleanableBytes > 0 && (c.DelayMs > 0 || c.Ratio() > minRatio)
}

// Consider finds out how a log stands at a time.
func Consider(l Log, nowMs int64) (c Candidate, err error) {
	c.FirstDirty, c.InvalidTo = l.CleanedTo, -1
	if l.CleanedTo < l.StartOffset || l.CleanedTo > l.EndOffset {
		c.FirstDirty = l.StartOffset
		if l.CleanedTo >= 0 {
			c.InvalidTo = l.CleanedTo
		}
	}
	limit, err := l.limit(c.FirstDirty, nowMs)
	if err != nil {
		return c, err
	}
	limit = max(limit, c.FirstDirty)
	active := len(l.Segments) - 1
	uncleanable := active
	if limit <= l.Segments[active].Base {
		uncleanable = min(l.at(limit), active)
	}
	c.FirstUncleanable = l.Segments[uncleanable].Base
	for i := range l.upTo(c.FirstDirty) {
		c.CleanBytes += l.Segments[i].SizeBytes
	}
	for i := l.at(min(c.FirstDirty, c.FirstUncleanable)); i < uncleanable; i++ {
		c.CleanableBytes += l.Segments[i].SizeBytes
	}
	c.DelayMs, err = l.delay(c.FirstDirty, nowMs)
	return c, err
}

// at returns the index of the segment that holds an offset; the first if it is before all.
func (l *Log) at(offset int64) int {
	i := l.upTo(offset+1) - 1
	return max(i, 0)
}

// upTo returns how many segments begin before an offset.
func (l *Log) upTo(offset int64) int {
	n := 0
	for n < len(l.Segments) && l.Segments[n].Base < offset {
		n++
	}
	return n
}

// limit returns the offset from which on nothing may be cleaned: not past the last stable offset, nothing of the active segment, nor of
// a segment that has a record which is younger than min.compaction.lag.ms.
func (l *Log) limit(firstDirty, nowMs int64) (int64, error) {
	active := len(l.Segments) - 1
	limit := min(l.LastStableOffset, l.Segments[active].Base)
	if l.MinLagMs <= 0 {
		return limit, nil
	}
	for i := l.at(firstDirty); i < active && l.Segments[i].Base < limit; i++ {
		newest, err := l.LargestTimestamp(i)
		if err != nil {
			return 0, err
		}
		if newest > nowMs-l.MinLagMs {
			return l.Segments[i].Base, nil
		}
	}
	return limit, nil
}

// delay returns for how long the oldest dirty record waits more than it may.
func (l *Log) delay(firstDirty, nowMs int64) (int64, error) {
	until := nowMs - l.MaxLagMs
	if l.MaxLagMs <= 0 || until <= 0 { // no limit is set
		return 0, nil
	}
	oldest := until
	for i := l.at(firstDirty); i < len(l.Segments)-1; i++ {
		first, err := l.FirstTimestamp(i)
		if err != nil {
			return 0, err
		}
		if first > 0 {
			oldest = min(oldest, first)
		}
	}
	return until - oldest, nil
}
