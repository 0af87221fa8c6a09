package record

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/klauspost/compress/snappy"
)

// raw encodes a record whose numbers are given as they are, right or wrong.
type raw struct {
	size        int64 // 0: the real one
	delta       int64
	key, value  int64 // lengths; the bytes are always one
	numHeaders  int64
	afterwards  []byte
	withoutTail bool
}

func (r raw) append(dst []byte) []byte {
	body := []byte{0}
	body = appendVarint(body, 0)
	body = appendVarint(body, r.delta)
	body = append(appendVarint(body, r.key), 'k')
	body = append(appendVarint(body, r.value), 'v')
	if !r.withoutTail {
		body = appendVarint(body, r.numHeaders)
	}
	body = append(body, r.afterwards...)
	size := r.size
	if size == 0 {
		size = int64(len(body))
	}
	return append(appendVarint(dst, size), body...)
}

// structureShapes are batches whose frame is right and whose records do not fit together.
func structureShapes(t testing.TB) []shape {
	const deltas = "Apache Kafka appends wrong offset deltas as they are if the batch is plain, and fails with an unknown error if it is compressed"
	const strict = "Apache Kafka does not compare a compressed record with its size"
	good := raw{key: 1, value: 1}
	var all []shape
	for _, c := range allCodecs {
		one, two := build(t, c, rec("k", "v")), build(t, c, rec("k", "v"), rec("k", "v"))
		add := func(name, differs string, b Batch) {
			all = append(all, shape{name: fmt.Sprintf("%s-%s", name, c), bytes: b, kind: KindInvalidRecord, differs: differs})
		}
		compressedOnly := func(reason string) string {
			if c == CodecNone {
				return ""
			}
			return reason
		}
		single := func(r raw) Batch { return one.withRecords(t, r.append(nil)) }
		add("deltas-0-0", deltas, two.withRecords(t, good.append(good.append(nil))))
		add("deltas-1-0", deltas, two.withRecords(t, good.append(raw{key: 1, value: 1, delta: 1}.append(nil))))
		add("delta-1", deltas, single(raw{key: 1, value: 1, delta: 1}))
		add("delta-minus-1", deltas, single(raw{key: 1, value: 1, delta: -1}))
		add("bytes-left", "", one.withRecords(t, good.append(good.append(nil))))
		add("zero-left", "", one.withRecords(t, append(good.append(nil), 0)))
		add("records-missing", "", two.withRecords(t, good.append(nil)))
		add("size-too-large", compressedOnly(strict), single(raw{key: 1, value: 1, size: 9}))
		add("size-too-small", compressedOnly(strict), single(raw{key: 1, value: 1, size: 7}))
		add("size-negative", compressedOnly(strict), single(raw{key: 1, value: 1, size: -1}))
		add("key-too-long", "", single(raw{key: 100, value: 1}))
		add("value-too-long", "", single(raw{key: 1, value: 100}))
		add("headers-negative", "", single(raw{key: 1, value: 1, numHeaders: -1}))
		add("headers-too-many", "", single(raw{key: 1, value: 1, numHeaders: 1}))
		add("headers-billions", "", single(raw{key: 1, value: 1, numHeaders: 1<<31 - 1}))
		add("header-key-null", "", single(raw{key: 1, value: 1, numHeaders: 1, afterwards: []byte{1, 1}}))
		add("header-cut", "", single(raw{key: 1, value: 1, numHeaders: 1, afterwards: []byte{2, 'a', 8, 'b'}}))
		add("tail-missing", "", single(raw{key: 1, value: 1, withoutTail: true}))
		plainVarint := ""
		if c == CodecNone {
			plainVarint = "Apache Kafka fails with an unknown error where it meets an overlong number in plain records"
		}
		add("varint-too-long", plainVarint, one.withRecords(t, bytes.Repeat([]byte{0xff}, 20)))
		if c != CodecNone {
			all = append(all,
				shape{name: "garbage-" + c.String(), bytes: one.withPayload([]byte("this is not compressed at all")), kind: KindDecompression},
				shape{name: "payload-cut-" + c.String(), bytes: two.withPayload(two.Payload()[:len(two.Payload())/2]), kind: KindDecompression},
			)
		}
	}
	snappyBatch := build(t, CodecSnappy, samples()...)
	all = append(all, shape{name: "snappy-without-frame", bytes: snappyBatch.withPayload(snappy.Encode(nil, snappyBatch.plain(t)))})
	return all
}
