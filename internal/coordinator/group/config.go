package group

// Config holds the settings of the group coordinator.
type Config struct {
	MinSessionTimeoutMs     int32 // group.min.session.timeout.ms
	MaxSessionTimeoutMs     int32 // group.max.session.timeout.ms
	InitialRebalanceDelayMs int32 // group.initial.rebalance.delay.ms
	MaxSize                 int32 // group.max.size

	OffsetMetadataMaxBytes          int32 // offset.metadata.max.bytes
	OffsetsRetentionMs              int64 // offsets.retention.minutes, in milliseconds
	OffsetsRetentionCheckIntervalMs int64 // offsets.retention.check.interval.ms
	OffsetsCommitTimeoutMs          int32 // offsets.commit.timeout.ms
	OffsetsLoadBufferBytes          int32 // offsets.load.buffer.size
	OffsetsTopicCompressionCodec    int8  // offsets.topic.compression.codec: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd
}

// DefaultConfig returns Kafka's defaults.
func DefaultConfig() Config {
	return Config{
		MinSessionTimeoutMs:             6_000,
		MaxSessionTimeoutMs:             1_800_000,
		InitialRebalanceDelayMs:         3_000,
		MaxSize:                         1<<31 - 1,
		OffsetMetadataMaxBytes:          4096,
		OffsetsRetentionMs:              7 * 24 * 3_600_000,
		OffsetsRetentionCheckIntervalMs: 600_000,
		OffsetsCommitTimeoutMs:          5_000,
		OffsetsLoadBufferBytes:          5 << 20,
	}
}

// newMemberJoinTimeoutMs bounds how long a new member may wait in JoinGroup. It cannot heartbeat before it knows its
// member id, so its session timeout does not apply yet; this keeps clients that gave up from filling the group.
const newMemberJoinTimeoutMs = 5 * 60 * 1000
