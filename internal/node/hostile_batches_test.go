package node_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// Positions in a batch's header.
const (
	atLength          = 8
	atMagic           = 16
	atAttributes      = 21
	atLastOffsetDelta = 23
	atProducerID      = 43
	atBaseSequence    = 53
	atNumRecords      = 57
)

// batch returns a sound batch of n records with keys.
func batch(t testing.TB, codec record.Codec, n, valueBytes int) []byte {
	t.Helper()
	b := record.NewBuilder(codec)
	now := time.Now().UnixMilli()
	for i := range n {
		if err := b.Append(&record.Record{Timestamp: now, Key: []byte{byte(i)}, Value: bytes.Repeat([]byte{'v'}, valueBytes)}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// changed returns the batch after a change, with a CRC that is right again.
func changed(b []byte, change func(b []byte)) []byte {
	b = slices.Clone(b)
	change(b)
	return sealed(b)
}

func sealed(b []byte) []byte {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func put16(at int, v int16) func([]byte) {
	return func(b []byte) { binary.BigEndian.PutUint16(b[at:], uint16(v)) }
}

func put32(at int, v int32) func([]byte) {
	return func(b []byte) { binary.BigEndian.PutUint32(b[at:], uint32(v)) }
}

func put64(at int, v int64) func([]byte) {
	return func(b []byte) { binary.BigEndian.PutUint64(b[at:], uint64(v)) }
}

// withPayload returns a batch of another codec and payload.
func withPayload(b []byte, codec record.Codec, payload []byte) []byte {
	b = append(slices.Clone(b[:record.HeaderSize]), payload...)
	put32(atLength, int32(len(b)-12))(b)
	put16(atAttributes, int16(codec))(b)
	return sealed(b)
}

// oldMessage is a sound message of magic 0 or 1, as clients before Kafka 0.11 wrote.
func oldMessage(magic byte) []byte {
	m := []byte{magic, 0}
	if magic == 1 {
		m = binary.BigEndian.AppendUint64(m, 1000)
	}
	m = append(m, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 'v')
	m = append(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(m)), m...)
	return append(binary.BigEndian.AppendUint32(make([]byte, 8), uint32(len(m))), m...)
}

// bomb is a batch of one record whose value is sizeBytes of zeros, compressed.
func bomb(t testing.TB, codec record.Codec, sizeBytes int) []byte {
	t.Helper()
	b := record.NewBuilder(codec)
	if err := b.Append(&record.Record{Timestamp: time.Now().UnixMilli(), Key: []byte("k"), Value: make([]byte, sizeBytes)}); err != nil {
		t.Fatal(err)
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func produceRequest(topic string, partition int32, records []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 10_000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Partition, rp.Records = partition, records
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

func produced(a *attacker, topic string, records []byte) kmsg.ProduceResponseTopicPartition {
	a.t.Helper()
	return ask[*kmsg.ProduceResponse](a, produceRequest(topic, 0, records), 9).Topics[0].Partitions[0]
}

func create(t *testing.T, v *victim, topic string, settings map[string]string) {
	t.Helper()
	configs := map[string]*string{}
	for k, s := range settings {
		configs[k] = &s
	}
	if _, err := kadm.NewClient(client(t, v.b)).CreateTopic(within(t), 1, 1, configs, topic); err != nil {
		t.Fatal(err)
	}
}

func logEnd(t *testing.T, v *victim, topic string) int64 {
	t.Helper()
	ends, err := kadm.NewClient(client(t, v.b)).ListEndOffsets(within(t), topic)
	if err != nil {
		t.Fatal(err)
	}
	end, ok := ends.Lookup(topic, 0)
	if !ok || end.Err != nil {
		t.Fatalf("%s-0: %v", topic, end.Err)
	}
	return end.Offset
}

func TestHostileBatchesAreRefused(t *testing.T) {
	v := attacked(t, nil)
	create(t, v, "b", map[string]string{"max.message.bytes": "20000"})
	create(t, v, "compact", map[string]string{"cleanup.policy": "compact", "max.message.bytes": "4000000"})
	create(t, v, "gzipped", map[string]string{"compression.type": "gzip"})
	create(t, v, "tiny-segments", map[string]string{"segment.bytes": "1048576", "max.message.bytes": "4000000"})
	create(t, v, "now", map[string]string{"message.timestamp.before.max.ms": "1000"})
	good := batch(t, record.CodecNone, 3, 20)
	zipped := batch(t, record.CodecGzip, 3, 20)
	noKey := record.NewBuilder(record.CodecNone)
	if err := noKey.Append(&record.Record{Timestamp: time.Now().UnixMilli(), Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	keyless, err := noKey.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		topic   string
		records []byte
		want    protocol.Code
	}{
		{"crc", "b", func() []byte { b := slices.Clone(good); b[17] ^= 1; return b }(), protocol.CorruptMessage},
		{"flipped bit in a value", "b", func() []byte { b := slices.Clone(good); b[len(b)-3] ^= 1; return b }(), protocol.CorruptMessage},
		{"flipped bit in the header", "b", func() []byte { b := slices.Clone(good); b[atNumRecords+3] ^= 1; return b }(), protocol.CorruptMessage},
		{"magic 0", "b", oldMessage(0), protocol.InvalidRecord},
		{"magic 1", "b", oldMessage(1), protocol.InvalidRecord},
		{"magic 3", "b", changed(good, func(b []byte) { b[atMagic] = 3 }), protocol.CorruptMessage},
		{"magic -1", "b", changed(good, func(b []byte) { b[atMagic] = 0xff }), protocol.CorruptMessage},
		{"length 0", "b", changed(good, put32(atLength, 0)), protocol.CorruptMessage},
		{"negative length", "b", changed(good, put32(atLength, -1)), protocol.CorruptMessage},
		{"length below the header's", "b", changed(good, put32(atLength, 48)), protocol.CorruptMessage},
		{"length past the end", "b", changed(good, put32(atLength, 1<<30)), protocol.InvalidRecord},
		{"cut", "b", good[:len(good)-1], protocol.InvalidRecord},
		{"cut in the header", "b", good[:20], protocol.InvalidRecord},
		{"nothing", "b", []byte{}, protocol.InvalidRecord},
		{"two batches", "b", append(slices.Clone(good), good...), protocol.InvalidRecord},
		{"batch and old message", "b", append(slices.Clone(good), oldMessage(1)...), protocol.InvalidRecord},
		{"base offset", "b", changed(good, put64(0, 5)), protocol.InvalidRecord},
		{"negative base offset", "b", changed(good, put64(0, -5)), protocol.InvalidRecord},
		{"no records", "b", changed(good, put32(atNumRecords, 0)), protocol.InvalidRecord},
		{"too few records declared", "b", changed(good, put32(atNumRecords, 2)), protocol.InvalidRecord},
		{"too many records declared", "b", changed(good, func(b []byte) { put32(atNumRecords, 4)(b); put32(atLastOffsetDelta, 3)(b) }), protocol.InvalidRecord},
		{"most records declared", "b", changed(good, func(b []byte) { put32(atNumRecords, 1<<31-1)(b); put32(atLastOffsetDelta, 1<<31-2)(b) }), protocol.InvalidRecord},
		{"negative count", "b", changed(good, put32(atNumRecords, -1)), protocol.InvalidRecord},
		{"last offset delta", "b", changed(good, put32(atLastOffsetDelta, 7)), protocol.InvalidRecord},
		{"negative last offset delta", "b", changed(good, put32(atLastOffsetDelta, -1)), protocol.InvalidRecord},
		{"offsets inside", "b", changed(good, func(b []byte) { b[record.HeaderSize+3] = 8 }), protocol.InvalidRecord},
		{"record of negative size", "b", changed(good, func(b []byte) { b[record.HeaderSize] = 1 }), protocol.InvalidRecord},
		{"record larger than the batch", "b", changed(good, func(b []byte) { b[record.HeaderSize] = 0x7e }), protocol.InvalidRecord},
		{"control batch", "b", changed(good, put16(atAttributes, 0x20)), protocol.InvalidRecord},
		{"producer without sequence", "b", changed(good, put64(atProducerID, 9)), protocol.InvalidRecord},
		{"bytes behind the records", "b", withPayload(good, record.CodecNone, append(slices.Clone(good[record.HeaderSize:]), 1, 2, 3)), protocol.InvalidRecord},
		{"codec 5", "b", changed(good, put16(atAttributes, 5)), protocol.UnknownServerError},
		{"codec 7", "b", changed(good, put16(atAttributes, 7)), protocol.UnknownServerError},
		{"gzip that is none", "b", withPayload(good, record.CodecGzip, []byte("not gzip at all")), protocol.UnknownServerError},
		{"snappy that is none", "b", withPayload(good, record.CodecSnappy, bytes.Repeat([]byte{0xff}, 30)), protocol.UnknownServerError},
		{"lz4 that is none", "b", withPayload(good, record.CodecLz4, bytes.Repeat([]byte{0xff}, 30)), protocol.UnknownServerError},
		{"zstd that is none", "b", withPayload(good, record.CodecZstd, bytes.Repeat([]byte{0xff}, 30)), protocol.UnknownServerError},
		{"gzip that is recompressed and none", "gzipped", withPayload(good, record.CodecLz4, bytes.Repeat([]byte{0xff}, 30)), protocol.UnknownServerError},
		{"gzip cut", "b", withPayload(zipped, record.CodecGzip, zipped[record.HeaderSize:len(zipped)-12]), 0},
		{"larger than the topic allows", "b", batch(t, record.CodecNone, 3, 10_000), protocol.MessageTooLarge},
		{"larger than a segment", "tiny-segments", batch(t, record.CodecNone, 3, 400_000), protocol.RecordListTooLarge},
		{"no key where one is needed", "compact", keyless, protocol.InvalidRecord},
		{"from the past", "now", changed(good, func(b []byte) { put64(27, 1000)(b); put64(35, 1000)(b) }), protocol.InvalidTimestamp},
		{"from the future", "b", changed(good, func(b []byte) { put64(27, 1<<60)(b); put64(35, 1<<60)(b) }), protocol.InvalidTimestamp},
		{"negative time", "now", changed(good, func(b []byte) { put64(27, -1<<62)(b); put64(35, -1<<62)(b) }), protocol.InvalidTimestamp},
		{"gzip bomb", "gzipped", bomb(t, record.CodecGzip, 300<<20), protocol.MessageTooLarge},
		{"zstd bomb", "gzipped", bomb(t, record.CodecZstd, 300<<20), protocol.MessageTooLarge},
		{"lz4 bomb", "compact", bomb(t, record.CodecLz4, 300<<20), protocol.MessageTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			if testing.Short() && strings.HasSuffix(test.name, "bomb") {
				t.Skip("the race detector makes it long")
			}
			before := heapInUse()
			p := produced(attack(t, v.b.Addr()), test.topic, test.records)
			got := protocol.Code(p.ErrorCode)
			if test.want == 0 && got == 0 || test.want != 0 && got != test.want {
				t.Errorf("got %s, want %s", got.Name(), test.want.Name())
			}
			if p.BaseOffset != -1 {
				t.Errorf("refused with the base offset %d", p.BaseOffset)
			}
			if got != protocol.None && (p.ErrorMessage == nil || *p.ErrorMessage == "") {
				t.Errorf("%s comes without a message that helps", got.Name())
			}
			if grown := heapInUse() - before; grown > 64<<20 {
				t.Errorf("%d MiB were kept for it", grown>>20)
			}
		})
	}
	for _, topic := range []string{"b", "compact", "gzipped", "tiny-segments", "now"} {
		if end := logEnd(t, v, topic); end != 0 {
			t.Errorf("%s has %d records of those that were refused", topic, end)
		}
	}
	if p := produced(attack(t, v.b.Addr()), "b", good); p.ErrorCode != 0 || p.BaseOffset != 0 {
		t.Errorf("after all that a good batch gets %s at offset %d", protocol.Code(p.ErrorCode).Name(), p.BaseOffset)
	}
}

// TestHostileProduceRequests is about what stands around the batches.
func TestHostileProduceRequests(t *testing.T) {
	v := attacked(t, nil)
	create(t, v, "p", nil)
	good := batch(t, record.CodecNone, 1, 10)
	for _, test := range []struct {
		name    string
		version int16
		change  func(*kmsg.ProduceRequest)
		want    protocol.Code
	}{
		{"unknown topic", 9, func(r *kmsg.ProduceRequest) { r.Topics[0].Topic = "nobody" }, protocol.UnknownTopicOrPartition},
		{"illegal name", 9, func(r *kmsg.ProduceRequest) { r.Topics[0].Topic = "../../etc" }, protocol.UnknownTopicOrPartition},
		{"empty name", 9, func(r *kmsg.ProduceRequest) { r.Topics[0].Topic = "" }, protocol.UnknownTopicOrPartition},
		{"unknown id", 13, func(r *kmsg.ProduceRequest) { r.Topics[0].TopicID = [16]byte{1, 2} }, protocol.UnknownTopicID},
		{"no id", 13, func(*kmsg.ProduceRequest) {}, protocol.UnknownTopicID},
		{"partition 1 of 1", 9, func(r *kmsg.ProduceRequest) { r.Topics[0].Partitions[0].Partition = 1 }, protocol.UnknownTopicOrPartition},
		{"partition -1", 9, func(r *kmsg.ProduceRequest) { r.Topics[0].Partitions[0].Partition = -1 }, protocol.UnknownTopicOrPartition},
		{"acks 2", 9, func(r *kmsg.ProduceRequest) { r.Acks = 2 }, protocol.InvalidRequiredAcks},
		{"acks -2", 9, func(r *kmsg.ProduceRequest) { r.Acks = -2 }, protocol.InvalidRequiredAcks},
		{"no records", 9, func(r *kmsg.ProduceRequest) { r.Topics[0].Partitions[0].Records = nil }, protocol.InvalidRecord},
		{"zstd before version 7", 6, func(r *kmsg.ProduceRequest) {
			r.Topics[0].Partitions[0].Records = batch(t, record.CodecZstd, 1, 10)
		}, protocol.UnsupportedCompressionType},
	} {
		t.Run(test.name, func(t *testing.T) {
			req := produceRequest("p", 0, good)
			test.change(req)
			resp := ask[*kmsg.ProduceResponse](attack(t, v.b.Addr()), req, test.version)
			if got := protocol.Code(resp.Topics[0].Partitions[0].ErrorCode); got != test.want {
				t.Errorf("got %s, want %s", got.Name(), test.want.Name())
			}
		})
	}
	t.Run("acks 0", func(t *testing.T) { // no answer can tell, so the connection does
		mark := v.log.mark()
		req := produceRequest("nobody", 0, good)
		req.Acks = 0
		attack(t, v.b.Addr()).send(frameOf(req, 9)).closed()
		v.log.waitFor(t, mark, "acks=0 failed for nobody-0", "UNKNOWN_TOPIC_OR_PARTITION")
	})
	if end := logEnd(t, v, "p"); end != 0 {
		t.Errorf("%d records were taken", end)
	}
}
