package storage

import (
	"context"
	"io"
	"log/slog"
	"time"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/vfs"
)

// Origin says who hands batches to Append.
type Origin int8

// The origins. A client's and a coordinator's batches are validated and given offsets; replicated ones have them.
const (
	OriginClient Origin = iota
	OriginCoordinator
	OriginReplication
)

// AppendOptions goes with the batches of one append.
type AppendOptions struct {
	LeaderEpoch int32
	Origin      Origin
}

// AppendInfo tells where an append went.
type AppendInfo struct {
	FirstOffset    int64
	LastOffset     int64
	MaxTimestamp   int64
	LogAppendTime  int64 // -1 unless the topic's timestamps are of the append
	LogStartOffset int64
	SizeBytes      int
	NumRecords     int
	Duplicate      bool // the batch had been appended before, at these offsets; nothing was written
}

// Log is one partition's log.
type Log struct{}

func (l *Log) TopicPartition() TopicPartition { panic("being filled") }
func (l *Log) TopicID() [16]byte              { panic("being filled") }

// Dir: the log directory (not the partition's own)
func (l *Log) Dir() string { panic("being filled") }
func (l *Log) Append(batches []byte, options AppendOptions) (AppendInfo, error) {
	panic("being filled")
}

// Read: batches from the one that holds offset on, at most maxBytes, none at or past upToOffset. An empty slice if there is nothing (yet). *OffsetOutOfRangeError.
func (l *Log) Read(offset int64, maxBytes int, upToOffset int64, minOneBatch bool) (*Slice, error) {
	panic("being filled")
}
func (l *Log) LogStartOffset() int64 { panic("being filled") }
func (l *Log) LogEndOffset() int64   { panic("being filled") }
func (l *Log) HighWatermark() int64  { panic("being filled") }

// SetHighWatermark: bounded to what there is
func (l *Log) SetHighWatermark(offset int64) { panic("being filled") }
func (l *Log) LastStableOffset() int64       { panic("being filled") }

// RecoveryPoint: all below is on stable storage
func (l *Log) RecoveryPoint() int64 { panic("being filled") }

// OffsetForTimestamp: >= 0, or EarliestTimestamp, LatestTimestamp, MaxTimestamp, EarliestLocalTimestamp
func (l *Log) OffsetForTimestamp(timestamp int64) (TimestampOffset, bool, error) {
	panic("being filled")
}

// AssignEpoch: when becoming leader
func (l *Log) AssignEpoch(epoch int32, startOffset int64) error { panic("being filled") }
func (l *Log) LatestEpoch() (int32, bool)                       { panic("being filled") }
func (l *Log) EpochForOffset(offset int64) (int32, bool)        { panic("being filled") }

// EpochEndOffset: -1, -1: unknown
func (l *Log) EpochEndOffset(epoch int32) (foundEpoch int32, endOffset int64) { panic("being filled") }
func (l *Log) DeleteRecordsBefore(offset int64) error                         { panic("being filled") }
func (l *Log) TruncateTo(offset int64) error                                  { panic("being filled") }
func (l *Log) TruncateFullyAndStartAt(offset int64) error                     { panic("being filled") }
func (l *Log) ActiveProducers() []ProducerState                               { panic("being filled") }
func (l *Log) SizeBytes() int64                                               { panic("being filled") }
func (l *Log) NumSegments() int                                               { panic("being filled") }
func (l *Log) Roll() error                                                    { panic("being filled") }
func (l *Log) Flush() error                                                   { panic("being filled") }

// WaitDurable: done is called once all below offset is on stable storage (at once if it is), from another goroutine otherwise
func (l *Log) WaitDurable(offset int64, done func(error)) { panic("being filled") }
func (l *Log) Config() *config.Topic                      { panic("being filled") }
func (l *Log) UpdateConfig(c *config.Topic)               { panic("being filled") }

// Slice is a range of a segment file: whole batches at its start, perhaps a part of one at its end. It keeps the file
// open until Release.
type Slice struct{}

func (s *Slice) Len() int { panic("being filled") }

// ReadAt: io.ReaderAt over the range
func (s *Slice) ReadAt(p []byte, at int64) (int, error) { panic("being filled") }
func (s *Slice) WriteTo(w io.Writer) (int64, error)     { panic("being filled") }

// File: for sendfile
func (s *Slice) File() (fd uintptr, position int64, ok bool) { panic("being filled") }

// FirstBatchIncomplete: maxBytes was smaller than the first batch
func (s *Slice) FirstBatchIncomplete() bool { panic("being filled") }
func (s *Slice) Release()                   { panic("being filled") }

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

// ProducerState is what DescribeProducers shows.
type ProducerState struct {
	ProducerID            int64
	ProducerEpoch         int16
	LastSequence          int32
	LastTimestamp         int64
	CoordinatorEpoch      int32
	CurrentTxnFirstOffset int64 // -1: none
}

// ManagerOptions say which directories a Manager serves and how. Zero values are Kafka's defaults.
type ManagerOptions struct {
	FS        vfs.FS      // default vfs.OS
	Clock     clock.Clock // default clock.Real
	Logger    *slog.Logger
	Dirs      []string
	NodeID    int32
	ClusterID string // must agree with meta.properties; empty: take what is there, or make one

	TopicConfig func(topic string) *config.Topic // at opening; may be nil before the metadata is known
	Default     *config.Topic

	RecoveryThreadsPerDir    int           // num.recovery.threads.per.data.dir
	RetentionCheckInterval   time.Duration // log.retention.check.interval.ms
	FlushSchedulerInterval   time.Duration // log.flush.scheduler.interval.ms
	CheckpointInterval       time.Duration // log.flush.offset.checkpoint.interval.ms
	StartOffsetInterval      time.Duration // log.flush.start.offset.checkpoint.interval.ms
	HighWatermarkInterval    time.Duration // replica.high.watermark.checkpoint.interval.ms
	ProducerIDExpiration     time.Duration // producer.id.expiration.ms
	ProducerIDExpirationScan time.Duration // producer.id.expiration.check.interval.ms
	MaxOpenFiles             int
	MinFreeBytes             int64

	OnDirFailure func(dir string, err error)
}

// Manager holds all logs of one broker.
type Manager struct{}

func OpenManager(ctx context.Context, options ManagerOptions) (*Manager, error) {
	panic("being filled")
}
func (m *Manager) ClusterID() string { panic("being filled") }

// DirectoryIDs: of the directories that are online
func (m *Manager) DirectoryIDs() map[string][16]byte { panic("being filled") }

// Get: ErrNotFound, ErrDirOffline
func (m *Manager) Get(tp TopicPartition) (*Log, error) { panic("being filled") }
func (m *Manager) GetOrCreate(tp TopicPartition, options CreateOptions) (*Log, error) {
	panic("being filled")
}
func (m *Manager) Delete(tp TopicPartition) error { panic("being filled") }
func (m *Manager) All() []*Log                    { panic("being filled") }
func (m *Manager) DescribeDirs() []DirDescription { panic("being filled") }

// UpdateSettings: dynamic settings: intervals, MinFreeBytes, ProducerIDExpiration
func (m *Manager) UpdateSettings(func(*ManagerOptions)) { panic("being filled") }

// Close: clean shutdown
func (m *Manager) Close() error { panic("being filled") }

// CreateOptions is what a new partition needs.
type CreateOptions struct {
	TopicID [16]byte
	Config  *config.Topic
	Dir     string // preferred log directory; empty: the one with the fewest partitions
}

// DirDescription is what DescribeLogDirs shows of one directory.
type DirDescription struct {
	Dir        string
	Err        error // not nil: offline
	TotalBytes int64
	FreeBytes  int64
	Logs       []LogDescription
}

// LogDescription is the size of one partition.
type LogDescription struct {
	TopicPartition TopicPartition
	SizeBytes      int64
}

// Problem is something that CheckDir found.
type Problem struct {
	Path     string
	Position int64 // -1: of the whole file
	Message  string
}

func CheckDir(fs vfs.FS, dir string) ([]Problem, error) { panic("being filled") }
