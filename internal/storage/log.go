package storage

import (
	"fmt"
	"log/slog"
	"sort"
	"sync"
	"sync/atomic"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// Log is one partition's log. All methods may be called from several goroutines. Appends and other changes go one after
// the other; reads run beside them.
//
// Locks, in the order in which they are taken: flushMu, mu, the producers' and the epochs' mu, txnMu, a segment's indexMu, an index's mu, a segment's
// statMu, a file's mu, endMu. namesMu is a leaf. After mu those of the directory and of the manager may be taken, never before it.
type Log struct {
	tp       TopicPartition
	topicID  atomic.Pointer[[16]byte] // never nil
	dir      *logDir
	logger   *slog.Logger
	settings atomic.Pointer[topicSettings]
	where    atomic.Pointer[string] // the partition's directory; it gets another name when the partition is deleted

	mu        sync.Mutex // held by whatever changes the log
	closed    bool
	producers producerTable
	epochs    epochCache
	segments  atomic.Pointer[[]*segment] // ascending, never empty; replaced as a whole

	endMu sync.Mutex // guards end; held for moments only, so that readers need no lock of their own kind
	end   endMark
	endAt atomic.Int64 // end.offset, for those who want nothing else

	txnMu sync.Mutex // held while a transaction index is made anew

	startOffset   atomic.Int64
	highWatermark atomic.Int64
	firstUnstable atomic.Int64 // of the oldest transaction that is not stable; or noneUnstable, unknownUnstable
	unstableTold  atomic.Bool  // a failure to find that out has been logged
	markersAhead  atomic.Bool  // markers may have been at or above the high watermark when it was last looked at

	flushMu       sync.Mutex    // held while syncing
	durable       atomic.Int64  // the batches below are on stable storage
	recoveryPoint atomic.Int64  // the batches below and all about them are on stable storage
	namesMu       sync.Mutex    // held while the names are synced, so that who comes meanwhile waits for it
	newNames      atomic.Bool   // files have been created since the last sync of the directory
	newMetadata   atomic.Bool   // partition.metadata has been written since its last sync
	newAround     atomic.Bool   // what goes with the batches has changed since it was last synced, even if no batch was added
	truncations   atomic.Uint64 // so that a flush notices that one happened meanwhile
	replacements  atomic.Uint64 // how often the cleaner has replaced segments; it tells the names of those apart
	cleanedTo     atomic.Int64  // the cleaner's checkpoint: the batches below have been compacted; neverCleaned
	waiters       waiterList

	touched   atomic.Bool // appended to since settle last looked
	unsettled atomic.Bool // appended to before settle last looked, and has not written out its indexes since
	flushedMs atomic.Int64
}

// topicSettings is a topic's configuration, and what of it batches are held against. It is not changed.
type topicSettings struct {
	topic     *config.Topic
	ofBatches record.Settings
	ofMarkers record.Settings // without a limit: a topic whose limit is below the size of a marker must not keep its transactions open for ever
}

// endMark is the end of the log: the next offset, and where its batch will stand. The three change together.
type endMark struct {
	offset   int64
	segment  *segment
	position int64
}

// TopicPartition returns whose log it is.
func (l *Log) TopicPartition() TopicPartition { return l.tp }

// TopicID returns the id of the topic; zero if the directory does not tell.
func (l *Log) TopicID() [16]byte { return *l.topicID.Load() }

// Dir returns the log directory in which the partition's directory lies.
func (l *Log) Dir() string { return l.dir.path }

// Config returns the configuration in force.
func (l *Log) Config() *config.Topic { return l.settings.Load().topic }

// UpdateConfig sets the configuration. It is in force from the next operation on.
func (l *Log) UpdateConfig(c *config.Topic) {
	s := &topicSettings{topic: c, ofBatches: record.Settings{
		MaxMessageBytes:      c.MaxMessageBytes,
		Compacted:            c.CleanupCompact,
		Compression:          record.Codec(c.CompressionType),
		GzipLevel:            c.GzipLevel,
		Lz4Level:             c.Lz4Level,
		ZstdLevel:            c.ZstdLevel,
		LogAppendTime:        c.LogAppendTime,
		TimestampBeforeMaxMs: c.TimestampBeforeMaxMs,
		TimestampAfterMaxMs:  c.TimestampAfterMaxMs,
	}}
	s.ofMarkers = s.ofBatches
	s.ofMarkers.MaxMessageBytes = 0
	l.settings.Store(s)
}

// LogStartOffset returns the first offset that may be read.
func (l *Log) LogStartOffset() int64 { return l.startOffset.Load() }

// LogEndOffset returns the offset that the next record gets.
func (l *Log) LogEndOffset() int64 { return l.endAt.Load() }

// HighWatermark returns the offset below which records are committed. The log only keeps it; replication decides on it.
func (l *Log) HighWatermark() int64 { return l.highWatermark.Load() }

// SetHighWatermark sets the high watermark, bounded to what there is.
func (l *Log) SetHighWatermark(offset int64) {
	offset = l.within(offset)
	l.highWatermarkMoved(l.highWatermark.Swap(offset) != offset)
}

// RaiseHighWatermark moves the high watermark forward to an offset, bounded to what there is. One that is there already stays: appends finish in any order.
func (l *Log) RaiseHighWatermark(offset int64) {
	offset = l.within(offset)
	for old := l.highWatermark.Load(); old < offset; old = l.highWatermark.Load() {
		if l.highWatermark.CompareAndSwap(old, offset) {
			l.highWatermarkMoved(true)
			return
		}
	}
}

func (l *Log) within(offset int64) int64 {
	return min(max(offset, l.LogStartOffset()), l.LogEndOffset())
}

func (l *Log) highWatermarkMoved(moved bool) {
	if moved {
		l.dir.highWatermarks.changed()
	}
	if l.markersAhead.Load() { // asked after the high watermark is set: a marker below it is noted before the end of the log passes it
		l.acknowledgeMarkers()
	}
}

// RecoveryPoint returns the offset below which nothing needs to be recovered after a crash.
func (l *Log) RecoveryPoint() int64 { return l.recoveryPoint.Load() }

// DurableOffset returns the offset below which all batches are on stable storage. It is not below the recovery point.
func (l *Log) DurableOffset() int64 { return max(l.durable.Load(), l.recoveryPoint.Load()) }

// SizeBytes returns the size of all batches.
func (l *Log) SizeBytes() int64 {
	sum := int64(0)
	for _, s := range l.list() {
		sum += s.size()
	}
	return sum
}

// NumSegments returns the number of segments.
func (l *Log) NumSegments() int { return len(l.list()) }

// ActiveProducers returns the state of all producers, ordered by id.
func (l *Log) ActiveProducers() ([]ProducerState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.loadProducers(); err != nil {
		return nil, err
	}
	return l.producers.states(), nil
}

// String names the log in messages.
func (l *Log) String() string {
	return fmt.Sprintf("%s (offsets %d to %d)", l.tp, l.LogStartOffset(), l.LogEndOffset())
}

func (l *Log) list() []*segment { return *l.segments.Load() }

func (l *Log) active() *segment {
	list := l.list()
	return list[len(list)-1]
}

func (l *Log) setSegments(list []*segment) { l.segments.Store(&list) }

func (l *Log) endMark() endMark {
	l.endMu.Lock()
	end := l.end
	l.endMu.Unlock()
	return end
}

// endOffset is LogEndOffset for who holds mu: the end only changes under both locks.
func (l *Log) endOffset() int64 { return l.end.offset }

// publish makes a new end visible, with the size of the active segment that belongs to it.
func (l *Log) publish(offset int64) {
	active := l.active()
	end := endMark{offset, active, active.size()}
	l.endMu.Lock()
	l.end = end
	l.endAt.Store(offset)
	l.endMu.Unlock()
}

// floor returns the index of the last segment that begins at or before an offset, -1 if there is none.
func floor(list []*segment, offset int64) int {
	return sort.Search(len(list), func(i int) bool { return list[i].base > offset }) - 1
}

func (l *Log) path() string { return *l.where.Load() }

func (l *Log) file(offset int64, suffix string) string {
	return join(l.path(), fileName(offset, suffix))
}

func (l *Log) fs() vfs.FS { return l.dir.fs }

func (l *Log) nowMs() int64 { return l.dir.manager.nowMs() }

// usable says why nothing can be done with the log, if so. The caller holds mu.
func (l *Log) usable() error {
	if l.closed {
		return fmt.Errorf("%w: %s", ErrClosed, l.tp)
	}
	return l.dir.online()
}
