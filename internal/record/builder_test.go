package record

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// TestBuilderAgainstKmsg compares a batch, byte for byte, with what franz-go's encoder makes of the same fields.
func TestBuilderAgainstKmsg(t *testing.T) {
	records := samples()
	b := NewBuilder(CodecNone)
	b.BaseOffset, b.LeaderEpoch = 1234567890123, 8
	b.ProducerID, b.ProducerEpoch, b.BaseSequence = 99, 4, 17
	b.Transactional, b.Control = true, true
	b.LogAppendTimeMs = 55555

	want := kmsg.RecordBatch{
		FirstOffset: 1234567890123, PartitionLeaderEpoch: 8, Magic: 2,
		Attributes:      attrTransactional | attrControl | attrLogAppendTime,
		LastOffsetDelta: int32(len(records) - 1), FirstTimestamp: records[0].Timestamp, MaxTimestamp: 55555,
		ProducerID: 99, ProducerEpoch: 4, FirstSequence: 17, NumRecords: int32(len(records)),
	}
	for i, r := range records {
		k := kmsg.Record{TimestampDelta64: r.Timestamp - records[0].Timestamp, OffsetDelta: int32(i), Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			k.Headers = append(k.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
		}
		// kmsg writes the length that it is given; one byte less is that of a length of one byte.
		body := k.AppendTo(nil)[1:]
		k.Length = int32(len(body))
		want.Records = k.AppendTo(want.Records)
	}
	raw := want.AppendTo(nil)
	want.Length = int32(len(raw) - LogOverhead)
	raw = want.AppendTo(nil)
	want.CRC = int32(crc32.Checksum(raw[posAttributes:], crc32.MakeTable(crc32.Castagnoli)))
	raw = want.AppendTo(nil)

	if got := buildWith(t, b, records...); !bytes.Equal(got, raw) {
		t.Errorf("got\n%x\nwant\n%x", got, raw)
	}
}

func TestBuilderRefuses(t *testing.T) {
	b := NewBuilder(CodecNone)
	if _, err := b.Build(); err == nil {
		t.Error("built a batch without records")
	}
	if err := b.Append(&Record{Timestamp: -2}); kindOf(err) != KindInvalidTimestamp {
		t.Errorf("timestamp -2: %v", err)
	}
	if err := b.AppendAt(5, &Record{Timestamp: 1}); err != nil {
		t.Fatal(err)
	}
	if err := b.AppendAt(5, &Record{Timestamp: 1}); err == nil {
		t.Error("the same offset twice")
	}
	if err := b.AppendAt(math.MaxInt32, &Record{Timestamp: 1}); err != nil {
		t.Fatal(err)
	}
	if err := b.Append(&Record{Timestamp: 1}); err == nil {
		t.Error("an offset beyond int32")
	}
	b.Codec = 6
	if out, err := b.AppendTo([]byte("kept")); kindOf(err) != KindUnknownCodec || string(out) != "kept" {
		t.Errorf("codec 6: %v, %q", err, out)
	}
}

func TestBuilderReset(t *testing.T) {
	b := NewBuilder(CodecGzip)
	b.Level, b.BaseOffset, b.ProducerID, b.Transactional = 9, 5, 6, true
	buildWith(t, b, samples()...)
	b.Reset()
	if b.NumRecords() != 0 || b.Size() != HeaderSize || b.Codec != CodecGzip || b.Level != 9 {
		t.Errorf("%+v", b)
	}
	if got := buildWith(t, b, rec("a", "b")); !bytes.Equal(got, buildLevel(t, CodecGzip, 9, rec("a", "b"))) {
		t.Errorf("after a reset: %x", got)
	}
}

func buildLevel(t *testing.T, codec Codec, level int, records ...Record) Batch {
	b := NewBuilder(codec)
	b.Level = level
	return buildWith(t, b, records...)
}

// TestBuilderSize: the size without compression is exact, also behind bytes of somebody else.
func TestBuilderSize(t *testing.T) {
	b := NewBuilder(CodecNone)
	for _, r := range samples() {
		if err := b.Append(&r); err != nil {
			t.Fatal(err)
		}
		out, err := b.AppendTo([]byte("12345"))
		if err != nil || len(out) != 5+b.Size() || Batch(out[5:]).Size() != b.Size() {
			t.Fatalf("%v: %d bytes, size %d", err, len(out), b.Size())
		}
	}
}

// TestRoundTrip builds, validates and reads random batches.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(recordGen(), 1, 30).Draw(t, "records")
		b := NewBuilder(rapid.SampledFrom(allCodecs).Draw(t, "codec"))
		b.Level = rapid.IntRange(-20, 30).Draw(t, "level")
		for i := range records {
			if err := b.Append(&records[i]); err != nil {
				t.Fatal(err)
			}
		}
		batch, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		rules := openRules()
		rules.TimestampAfterMaxMs = math.MaxInt64
		rules.MaxMessageBytes = 0
		rules.Compression = rapid.SampledFrom(append([]Codec{CodecProducer}, allCodecs...)).Draw(t, "topic")
		rules.LogAppendTime = rapid.Bool().Draw(t, "append time")
		result, err := Validate(batch, rules)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Batch(result.Batches).Records(0)
		if err != nil {
			t.Fatal(err)
		}
		if rules.LogAppendTime {
			for i := range records {
				records[i].Timestamp = rules.NowMs
			}
		}
		if recordsText(got) != recordsText(records) {
			t.Fatalf("got %s, want %s", recordsText(got), recordsText(records))
		}
		if err := Batch(result.Batches).CheckCRC(); err != nil {
			t.Fatal(err)
		}
	})
}

func recordGen() *rapid.Generator[Record] {
	field := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 50), rapid.Map(rapid.IntRange(0, 70_000), func(n int) []byte {
		return bytes.Repeat([]byte{7}, n)
	}))
	header := rapid.Custom(func(t *rapid.T) Header {
		return Header{Key: rapid.StringN(0, 10, 20).Draw(t, "key"), Value: field.Draw(t, "value")}
	})
	return rapid.Custom(func(t *rapid.T) Record {
		return Record{
			Timestamp: rapid.Int64Range(-1, math.MaxInt64/2).Draw(t, "timestamp"),
			Key:       field.Draw(t, "key"), Value: field.Draw(t, "value"),
			Headers: rapid.SliceOfN(header, 0, 4).Draw(t, "headers"),
		}
	})
}

// TestVarints compares the numbers' encoding with the standard library's.
func TestVarints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64().Draw(t, "value")
		b := appendVarint(nil, v)
		if !bytes.Equal(b, binary.AppendVarint(nil, v)) || len(b) != sizeOfVarint(v) {
			t.Fatalf("%d: %x, size %d", v, b, sizeOfVarint(v))
		}
		if got, n := varint64(append(b, 0xff)); got != v || n != len(b) {
			t.Fatalf("%d: read %d from %d bytes", v, got, n)
		}
		if _, n := varint64(b[:len(b)-1]); n != 0 {
			t.Fatalf("%d: read from a cut form", v)
		}
		w := int32(v)
		b = appendVarint(nil, int64(w))
		if got, n := varint32(b); got != w || n != len(b) {
			t.Fatalf("%d: read %d from %d bytes", w, got, n)
		}
	})
	if _, n := varint32(bytes.Repeat([]byte{0x80}, 6)); n != -1 {
		t.Error("a 32 bit number of six bytes")
	}
	if _, n := varint64(bytes.Repeat([]byte{0x80}, 11)); n != -1 {
		t.Error("a 64 bit number of eleven bytes")
	}
}
