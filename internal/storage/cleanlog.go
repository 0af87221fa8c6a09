package storage

import (
	"errors"
	"fmt"
	"io"
	"math"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/storage/compact"
)

// errCleaningAborted ends a cleaning whose log is no longer what it was when it began. Nothing has been changed then but what was
// swapped in before.
var errCleaningAborted = errors.New("the log has changed meanwhile")

// errMapTooSmall: cleaning would never get anywhere.
var errMapTooSmall = errors.New("log.cleaner.dedupe.buffer.size is too small")

// cleaning is one cleaning of one log: the keys of the dirty part are read into a map, then all segments up to there are written anew
// without the records that a later one has replaced.
type cleaning struct {
	cleaner     *cleaner
	options     CleanerOptions
	log         *Log
	config      *config.Topic
	candidate   compact.Candidate
	truncations uint64

	offsets *compact.OffsetMap
	filter  compact.Filter
	reader  batchReader
	out     []byte
	stats   CleaningStats
}

func newCleaning(c *cleaner, l *Log, candidate compact.Candidate, thread int) *cleaning {
	return &cleaning{
		cleaner: c, options: c.manager.options().Cleaner, log: l, config: l.Config(), candidate: candidate, truncations: l.truncations.Load(),
		stats: CleaningStats{Partition: l.tp, Thread: thread, FirstDirty: candidate.FirstDirty, Began: c.manager.clock.Now()},
	}
}

// run cleans the log and moves its checkpoint.
func (w *cleaning) run() error {
	size := w.options.bufferBytes()
	w.reader.buffer, w.out = make([]byte, size), make([]byte, 0, size)
	w.reader.throttle = w.cleaner.throttle
	clock := w.cleaner.manager.clock
	if err := w.index(); err != nil {
		return w.failed("reading the keys of", err)
	}
	w.stats.IndexDuration = clock.Now().Sub(w.stats.Began)
	if err := w.clean(); err != nil {
		return w.failed("cleaning", err)
	}
	w.stats.CleanedTo = w.offsets.Latest() + 1
	counts := w.filter.Counts
	w.stats.RecordsRead, w.stats.RecordsWritten, w.stats.InvalidRecords = counts.RecordsRead, counts.RecordsKept, counts.InvalidRecords
	w.stats.MapBytes, w.stats.MapUtilization = w.offsets.SizeBytes(), w.offsets.Utilization()
	w.stats.Duration = clock.Now().Sub(w.stats.Began)
	return w.log.noteCleaned(w.stats.CleanedTo, w.truncations)
}

// failed turns an error into one that tells what is to be done with the log. What went wrong because the log was closed, deleted or
// truncated meanwhile is no failure.
func (w *cleaning) failed(doing string, err error) error {
	if errors.Is(err, errCleaningAborted) || errors.Is(err, errMapTooSmall) {
		return err
	}
	if aborted := w.aborted(); aborted != nil {
		return aborted
	}
	return w.log.dir.fail(doing+" "+w.log.tp.String(), err)
}

// aborted says why the cleaning must not go on, if so.
func (w *cleaning) aborted() error {
	switch l := w.log; {
	case w.cleaner.stopped():
		return fmt.Errorf("%w: the broker stops", errCleaningAborted)
	case l.dir.online() != nil:
		return l.dir.online()
	case l.isClosed():
		return fmt.Errorf("%w: it was closed or deleted", errCleaningAborted)
	case l.truncations.Load() != w.truncations:
		return fmt.Errorf("%w: it was truncated", errCleaningAborted)
	case !l.Config().CleanupCompact:
		return fmt.Errorf("%w: its cleanup.policy is no longer compact", errCleaningAborted)
	}
	return nil
}

// index reads the keys of the dirty part into the map, until the part ends or the map is full.
func (w *cleaning) index() error {
	dirty := w.candidate.FirstUncleanable - w.candidate.FirstDirty // that many keys at most
	load := w.options.LoadFactor
	w.offsets = compact.NewOffsetMap(w.options.mapBytes(), int64(math.Ceil(float64(dirty)/load))+1)
	x := compact.Indexer{Map: w.offsets, MaxKeys: int(float64(w.offsets.Slots()) * load), Start: w.candidate.FirstDirty}
	if x.MaxKeys < 1 {
		return fmt.Errorf("%w: room for %d keys per thread, at the load factor %g", errMapTooSmall, w.offsets.Slots(), load)
	}
	aborted, err := w.log.abortedForCleaning(w.candidate.FirstDirty, w.candidate.FirstUncleanable)
	if err != nil {
		return err
	}
	x.Transactions.Add(aborted)
	list := w.segments(w.candidate.FirstUncleanable)
	for i := max(0, floor(list, w.candidate.FirstDirty)); i < len(list); i++ {
		full, err := w.indexSegment(list[i], &x)
		if err != nil {
			return err
		}
		if full {
			break
		}
		end := w.candidate.FirstUncleanable
		if i+1 < len(list) {
			end = list[i+1].base
		}
		w.offsets.Passed(end - 1)
	}
	w.stats.RecordsIndexed = x.RecordsRead
	return nil
}

func (w *cleaning) indexSegment(s *segment, x *compact.Indexer) (full bool, err error) {
	from, _, err := s.lookup(x.Start)
	if err != nil {
		return false, err
	}
	err = w.each(s, from, func(b record.Batch) (err error) {
		w.stats.BytesIndexed += int64(b.Size())
		if full, err = x.Add(b); err == nil && full {
			err = io.EOF
		}
		return err
	})
	return full, err
}

// segments returns the segments that begin before an offset.
func (w *cleaning) segments(before int64) []*segment {
	list := w.log.list()
	n := 0
	for n < len(list)-1 && list[n].base < before {
		n++
	}
	return list[:n:n]
}

// each calls visit for the batches of a segment from a position on, until it returns an error; io.EOF ends it without one.
func (w *cleaning) each(s *segment, from int64, visit func(record.Batch) error) error {
	file, err := s.acquire()
	if err != nil {
		return err
	}
	defer s.file.release()
	w.reader.start(file, from, s.size())
	checked := from
	next := s.base
	for {
		if w.reader.position >= checked { // once for each time the buffer is filled
			if err := w.aborted(); err != nil {
				return err
			}
			checked = w.reader.position + int64(len(w.reader.buffer))
		}
		b, err := w.reader.next()
		if err == nil && (b.BaseOffset() < next || b.LastOffsetDelta() < 0) {
			err = fmt.Errorf("%w: the batch has the offsets %d to %d where %d is next", ErrCorrupt, b.BaseOffset(), b.LastOffset(), next)
		}
		if err == nil {
			next = b.NextOffset()
			err = visit(b)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			if errors.Is(err, errCleaningAborted) {
				return err
			}
			return fmt.Errorf("%s, before byte %d: %w", s.path(logSuffix), w.reader.position, err)
		}
	}
}

// clean writes the segments anew, up to where the keys are known.
func (w *cleaning) clean() error {
	l := w.log
	list := w.segments(w.offsets.Latest() + 1)
	w.filter = compact.Filter{
		Map: w.offsets, NowMs: l.nowMs(), DeleteRetentionMs: w.config.DeleteRetention.Milliseconds(),
	}
	groups, err := w.group(list)
	if err != nil {
		return err
	}
	for _, n := range groups {
		if err := w.cleanGroup(list[:n:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func (w *cleaning) group(list []*segment) ([]int, error) {
	sizes := make([]compact.GroupSegment, len(list))
	for i, s := range list {
		if err := s.loadIndexes(); err != nil {
			return nil, err
		}
		sizes[i] = compact.GroupSegment{Base: s.base, SizeBytes: s.size(), IndexBytes: s.offsets.sizeBytes(), TimeIndexBytes: s.times.sizeBytes()}
	}
	return compact.Group(sizes, w.candidate.FirstUncleanable, int64(w.config.SegmentBytes), int64(w.config.SegmentIndexBytes)), nil
}

// sizeBytes returns how long a loaded index is.
func (x *indexFile) sizeBytes() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return int64(x.count() * x.entryBytes)
}
