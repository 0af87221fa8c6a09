package record

// Origin says where the bytes of an append come from, and so what is checked.
type Origin uint8

const (
	// OriginClient is a produce request: everything is checked.
	OriginClient Origin = iota
	// OriginCoordinator is a coordinator of this broker that appends as the leader: control records are allowed.
	OriginCoordinator
	// OriginReplication is a follower's fetch: the leader has assigned offsets and epochs, so only frames, CRCs and the order of offsets are
	// checked, and nothing is written.
	OriginReplication
)

// DefaultMaxDecompressedBytes is the limit where Rules or a Reader name none. Memory does not grow with it, as records are
// decompressed in a stream; it bounds the work that one small request can cause.
const DefaultMaxDecompressedBytes = 256 << 20

// Rules is what Validate holds a batch against: the topic's settings, and what the partition assigns.
type Rules struct {
	Origin      Origin
	FirstOffset int64 // the offset of the first record: the log end offset
	LeaderEpoch int32
	NowMs       int64 // the append time, and what timestamp bounds count from

	MaxMessageBytes int  // max.message.bytes, for whole batches; 0: without limit
	Compacted       bool // cleanup.policy contains compact: every record needs a key

	Compression Codec // compression.type: CodecProducer, or what the batch is recompressed to if it has another codec
	GzipLevel   int   // 0: the default
	Lz4Level    int
	ZstdLevel   int

	LogAppendTime        bool  // message.timestamp.type
	TimestampBeforeMaxMs int64 // message.timestamp.before.max.ms
	TimestampAfterMaxMs  int64 // message.timestamp.after.max.ms

	MaxDecompressedBytes int64 // 0: DefaultMaxDecompressedBytes
}

// Result is what Validate found and assigned.
type Result struct {
	// Batches is what to append: the input without a cut batch at its end, or a new buffer if it had to be recompressed.
	Batches []byte
	// Rewritten tells that Batches is a new buffer. Its size may differ from the input's.
	Rewritten   bool
	FirstOffset int64
	LastOffset  int64
	// NumRecords is the declared number of records of all batches.
	NumRecords int64
	// MaxTimestamp is the largest timestamp of the batches, NoTimestamp if none has one.
	MaxTimestamp int64
	// OffsetOfMaxTimestamp is the last offset of the first batch that has MaxTimestamp, as the time index wants it; -1 without timestamps.
	OffsetOfMaxTimestamp int64
	// LogAppendTimeMs is the time that was stamped on the records, NoTimestamp under CreateTime.
	LogAppendTimeMs int64
}

// level returns the level that the rules have for a codec.
func (r *Rules) level(c Codec) int {
	switch c {
	case CodecGzip:
		return r.GzipLevel
	case CodecLz4:
		return r.Lz4Level
	case CodecZstd:
		return r.ZstdLevel
	}
	return 0
}

// maxDecompressedBytes returns the limit in force.
func (r *Rules) maxDecompressedBytes() int64 { return decompressLimit(r.MaxDecompressedBytes) }

func decompressLimit(maxBytes int64) int64 {
	if maxBytes <= 0 {
		return DefaultMaxDecompressedBytes
	}
	return maxBytes
}
