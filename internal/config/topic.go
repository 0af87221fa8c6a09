package config

import "time"

// CompressionType is a topic's `compression.type`.
type CompressionType int8

// The values of compression.type. The codecs' numbers are those of the batch attributes (KIP-110).
const (
	CompressionProducer CompressionType = -1 // keep what the producer chose
	CompressionNone     CompressionType = 0  // "uncompressed"
	CompressionGzip     CompressionType = 1
	CompressionSnappy   CompressionType = 2
	CompressionLz4      CompressionType = 3
	CompressionZstd     CompressionType = 4
)

// Topic is the effective configuration of one topic: its own settings over the broker's, resolved and typed. It is
// immutable; a change makes a new one. Each field is the setting of the same name (`segment.bytes` is SegmentBytes).
// Durations and sizes of -1 mean "without limit" where Kafka's documentation says so.
type Topic struct {
	CleanupCompact bool // cleanup.policy contains "compact"
	CleanupDelete  bool // cleanup.policy contains "delete"

	CompressionType CompressionType
	GzipLevel       int // compression.gzip.level
	Lz4Level        int // compression.lz4.level
	ZstdLevel       int // compression.zstd.level

	DeleteRetention       time.Duration // delete.retention.ms
	FileDeleteDelay       time.Duration // file.delete.delay.ms
	FlushMessages         int64
	FlushMs               int64 // math.MaxInt64: never
	IndexIntervalBytes    int
	MaxCompactionLagMs    int64
	MinCompactionLagMs    int64
	MaxMessageBytes       int
	TimestampAfterMaxMs   int64 // message.timestamp.after.max.ms
	TimestampBeforeMaxMs  int64 // message.timestamp.before.max.ms
	LogAppendTime         bool  // message.timestamp.type is LogAppendTime
	MinCleanableDirtyRate float64
	MinInsyncReplicas     int
	Preallocate           bool
	RetentionBytes        int64 // -1: without limit
	RetentionMs           int64 // -1: without limit
	SegmentBytes          int
	SegmentIndexBytes     int // segment.index.bytes
	SegmentJitterMs       int64
	SegmentMs             int64
	UncleanLeaderElection bool

	// SyncBeforeAck is `ottla.flush.before.ack`: a produce request is answered only after its batches are on stable storage (group commit).
	SyncBeforeAck bool
}
