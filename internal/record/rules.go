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

// DefaultMaxDecompressedBytes is the limit where Settings or a Reader name none. Memory does not grow with it, as records are
// decompressed in a stream; it bounds the work that one small request can cause.
const DefaultMaxDecompressedBytes = 256 << 20

// Rules is what Validate holds a batch against: the topic's settings, and what goes with one append.
type Rules struct {
	*Settings   // never nil
	Origin      Origin
	LeaderEpoch int32
	FirstOffset int64 // the offset of the first record: the log end offset
	NowMs       int64 // the append time, and what timestamp bounds count from
}

// Settings is what a topic's settings say of batches.
type Settings struct {
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
	Batches     []byte
	FirstOffset int64
	LastOffset  int64
	// MaxTimestamp is the largest timestamp of the batches, NoTimestamp if none has one.
	MaxTimestamp int64
	// LogAppendTimeMs is the time that was stamped on the records, NoTimestamp under CreateTime.
	LogAppendTimeMs int64
}

// level returns the level that is set for a codec.
func (s *Settings) level(c Codec) int {
	switch c {
	case CodecGzip:
		return s.GzipLevel
	case CodecLz4:
		return s.Lz4Level
	case CodecZstd:
		return s.ZstdLevel
	}
	return 0
}

// maxDecompressedBytes returns the limit in force.
func (s *Settings) maxDecompressedBytes() int64 { return decompressLimit(s.MaxDecompressedBytes) }

func decompressLimit(maxBytes int64) int64 {
	if maxBytes <= 0 {
		return DefaultMaxDecompressedBytes
	}
	return maxBytes
}
