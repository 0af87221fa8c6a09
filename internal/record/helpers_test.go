package record

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

const testNowMs = 1_700_000_000_000

// openRules accepts every timestamp and keeps the producer's codec.
func openRules() Rules {
	return Rules{FirstOffset: 100, LeaderEpoch: 5, NowMs: testNowMs, Settings: &Settings{
		Compression: CodecProducer, MaxMessageBytes: 1048588, TimestampBeforeMaxMs: math.MaxInt64, TimestampAfterMaxMs: 3600000,
	}}
}

// rec makes a record one second before testNowMs.
func rec(key, value string, headers ...Header) Record {
	return Record{Timestamp: testNowMs - 1000, Key: []byte(key), Value: []byte(value), Headers: headers}
}

func build(t testing.TB, codec Codec, records ...Record) Batch {
	t.Helper()
	b := NewBuilder(codec)
	return buildWith(t, b, records...)
}

func buildWith(t testing.TB, b *Builder, records ...Record) Batch {
	t.Helper()
	for i := range records {
		if err := b.Append(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	batch, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// clone copies a batch, so that a test can damage or validate it.
func (b Batch) clone() Batch { return append(Batch{}, b...) }

// sealed writes length and CRC as they belong to the content.
func (b Batch) sealed() Batch {
	binary.BigEndian.PutUint32(b[posLength:], uint32(len(b)-LogOverhead))
	b.setCRC()
	return b
}

// with returns a copy with one header field changed and the CRC made right again.
func (b Batch) with(pos int, value any) Batch {
	c := b.clone()
	switch v := value.(type) {
	case int8:
		c[pos] = byte(v)
	case int16:
		binary.BigEndian.PutUint16(c[pos:], uint16(v))
	case int32:
		binary.BigEndian.PutUint32(c[pos:], uint32(v))
	case int64:
		binary.BigEndian.PutUint64(c[pos:], uint64(v))
	default:
		panic(fmt.Sprintf("field of type %T", value))
	}
	c.setCRC()
	return c
}

// withPayload returns a copy of the header with other records, as they are.
func (b Batch) withPayload(payload []byte) Batch {
	return append(b[:HeaderSize:HeaderSize], payload...).sealed()
}

// withRecords returns a copy of the header with other uncompressed records, compressed by the batch's codec.
func (b Batch) withRecords(t testing.TB, records []byte) Batch {
	t.Helper()
	payload, err := Compress(nil, b.Codec(), 0, records)
	if err != nil {
		t.Fatal(err)
	}
	return b.withPayload(payload)
}

// plain returns the decompressed records of a batch.
func (b Batch) plain(t testing.TB) []byte {
	t.Helper()
	records, err := Decompress(nil, b.Codec(), b.Payload(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// text returns n bytes that compress about as logs do, the same for the same seed.
func text(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	words := []string{"GET", "POST", "/index.html", "/api/v1/users", "200", "404", "Mozilla", "latency", "ms", "user-"}
	var b []byte
	for len(b) < n {
		b = append(b, words[r.IntN(len(words))]...)
		b = append(b, fmt.Sprintf(" %d ", r.IntN(100000))...)
	}
	return b[:n]
}

// noise returns n bytes that do not compress.
func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// textRecords returns n records with values of a size.
func textRecords(n, size int) []Record {
	records := make([]Record, n)
	for i := range records {
		records[i] = Record{Timestamp: testNowMs - int64(n-i), Key: fmt.Appendf(nil, "key-%d", i), Value: text(uint64(i), size)}
	}
	return records
}

var allCodecs = []Codec{CodecNone, CodecGzip, CodecSnappy, CodecLz4, CodecZstd}
