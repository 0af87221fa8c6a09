package record

import "fmt"

// Codec is a compression of the records of a batch. The numbers are those of the attributes.
type Codec int8

// The codecs. CodecProducer is a rule of a topic, never found in a batch.
const (
	CodecProducer Codec = -1 // keep what the producer chose
	CodecNone     Codec = 0
	CodecGzip     Codec = 1
	CodecSnappy   Codec = 2
	CodecLz4      Codec = 3
	CodecZstd     Codec = 4
)

// The levels that stand for level 0, which in this package means "the codec's default" (Kafka's own defaults).
const (
	DefaultGzipLevel = -1
	DefaultLz4Level  = 9
	DefaultZstdLevel = 3
)

var codecNames = [...]string{"none", "gzip", "snappy", "lz4", "zstd"}

// Valid tells whether c is a codec that a batch can have.
func (c Codec) Valid() bool { return c >= CodecNone && c <= CodecZstd }

// String returns Kafka's name of the codec.
func (c Codec) String() string {
	switch {
	case c.Valid():
		return codecNames[c]
	case c == CodecProducer:
		return "producer"
	}
	return fmt.Sprintf("codec %d", int8(c))
}

// ParseCodec returns the codec of Kafka's name for it: none, gzip, snappy, lz4 or zstd.
func ParseCodec(name string) (Codec, error) {
	for i, n := range codecNames {
		if n == name {
			return Codec(i), nil
		}
	}
	return CodecNone, fmt.Errorf("unknown compression %q: it is one of none, gzip, snappy, lz4, zstd", name)
}
