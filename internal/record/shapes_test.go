package record

import (
	"fmt"
	"strings"
	"testing"
)

// shape is one append: bytes and the rules they meet. The table is played to Apache Kafka's own log as well (apache_test.go).
type shape struct {
	name     string
	bytes    []byte
	origin   Origin
	settings string // of the topic, in Kafka's words
	rules    func(*Rules)

	kind    Kind    // 0: accepted
	refused []int32 // the indexes of refused records
	// differs says why Ottla answers otherwise than Apache Kafka.
	differs string
}

func (s *shape) rulesFor() Rules {
	r := openRules()
	r.Origin = s.origin
	if s.rules != nil {
		s.rules(&r)
	}
	return r
}

func compression(c Codec) (settings string, rules func(*Rules)) {
	name := c.String()
	if c == CodecNone {
		name = "uncompressed"
	}
	return "compression.type=" + name, func(r *Rules) { r.Compression = c }
}

func shapes(t testing.TB) []shape {
	var all []shape
	all = append(all, acceptedShapes(t)...)
	all = append(all, frameShapes(t)...)
	all = append(all, headerShapes(t)...)
	all = append(all, ruleShapes(t)...)
	all = append(all, structureShapes(t)...)
	all = append(all, coordinatorShapes(t)...)
	seen := map[string]bool{}
	for _, s := range all {
		if seen[s.name] || strings.Contains(s.name, " ") {
			t.Fatalf("shape name %q is not usable", s.name)
		}
		seen[s.name] = true
	}
	return all
}

// samples are records of all forms.
func samples() []Record {
	return []Record{
		rec("key", "value"),
		rec("", ""),
		{Timestamp: testNowMs - 5000, Value: []byte("no key")},
		{Timestamp: testNowMs - 1, Key: []byte("tombstone")},
		{Timestamp: testNowMs - 70, Key: []byte("h"), Value: text(1, 300), Headers: []Header{{"a", []byte("1")}, {"", nil}, {"ü", []byte{}}}},
	}
}

func acceptedShapes(t testing.TB) []shape {
	var all []shape
	for _, c := range allCodecs {
		b := build(t, c, samples()...)
		all = append(all,
			shape{name: fmt.Sprintf("plain-%s", c), bytes: b},
			shape{name: fmt.Sprintf("append-time-%s", c), bytes: b, settings: "message.timestamp.type=LogAppendTime",
				rules: func(r *Rules) { r.LogAppendTime = true }},
			shape{name: fmt.Sprintf("wrong-max-timestamp-%s", c), bytes: b.with(posMaxTimestamp, int64(5))},
			shape{name: fmt.Sprintf("unknown-attributes-%s", c), bytes: b.with(posAttributes, int16(c)|0x4280)},
			shape{name: fmt.Sprintf("unknown-attributes-append-time-%s", c), bytes: b.with(posAttributes, int16(c)|0x4280),
				settings: "message.timestamp.type=LogAppendTime", rules: func(r *Rules) { r.LogAppendTime = true }},
			shape{name: fmt.Sprintf("append-time-batch-%s", c),
				bytes: b.with(posAttributes, int16(c)|attrLogAppendTime).with(posMaxTimestamp, int64(testNowMs-77777))},
			shape{name: fmt.Sprintf("no-timestamps-%s", c), bytes: build(t, c, Record{Timestamp: -1, Key: []byte("k")})},
			shape{name: fmt.Sprintf("cut-batch-behind-%s", c), bytes: append(b.clone(), b[:len(b)-1]...)},
			shape{name: fmt.Sprintf("zeros-behind-%s", c), bytes: append(b.clone(), 0, 0, 0)},
		)
		for _, target := range allCodecs {
			settings, rules := compression(target)
			all = append(all,
				shape{name: fmt.Sprintf("%s-to-%s", c, target), bytes: b, settings: settings, rules: rules},
				shape{name: fmt.Sprintf("unknown-attributes-%s-to-%s", c, target), bytes: b.with(posAttributes, int16(c)|0x4280), settings: settings, rules: rules})
		}
		settings, rules := compression(CodecGzip)
		all = append(all, shape{name: fmt.Sprintf("append-time-%s-to-gzip", c), bytes: b,
			settings: settings + ",message.timestamp.type=LogAppendTime",
			rules:    func(r *Rules) { rules(r); r.LogAppendTime = true }})
	}
	idempotent := NewBuilder(CodecLz4)
	idempotent.ProducerID, idempotent.ProducerEpoch, idempotent.BaseSequence = 4000, 3, 0
	b := buildWith(t, idempotent, samples()...)
	settings, rules := compression(CodecZstd)
	return append(all,
		shape{name: "idempotent", bytes: b},
		shape{name: "idempotent-lz4-to-zstd", bytes: b, settings: settings, rules: rules},
		shape{name: "leader-epoch-of-client", bytes: b.with(posLeaderEpoch, int32(77))},
	)
}

func frameShapes(t testing.TB) []shape {
	b := build(t, CodecNone, samples()...)
	badCRC := b.clone()
	badCRC[len(badCRC)-1] ^= 1
	badGzip := build(t, CodecGzip, samples()...)
	badGzip[posCRC] ^= 0x80
	long := build(t, CodecNone, rec("k", strings.Repeat("x", 2000)))
	return []shape{
		{name: "nothing", bytes: nil, kind: KindInvalidRecord},
		{name: "eleven-bytes", bytes: b[:11], kind: KindInvalidRecord},
		{name: "cut", bytes: b[:len(b)-1], kind: KindInvalidRecord},
		{name: "two-batches", bytes: append(b.clone(), b...), kind: KindInvalidRecord},
		{name: "garbage-behind", bytes: append(b.clone(), make([]byte, 20)...), kind: KindCorrupt},
		{name: "bad-crc", bytes: badCRC, kind: KindCorrupt},
		{name: "bad-crc-gzip", bytes: badGzip, kind: KindCorrupt},
		{name: "magic-0", bytes: b.with(posMagic, int8(0)), kind: KindOldMagic},
		{name: "magic-1", bytes: b.with(posMagic, int8(1)), kind: KindOldMagic},
		{name: "magic-3", bytes: b.with(posMagic, int8(3)), kind: KindCorrupt},
		{name: "magic-minus-1", bytes: b.with(posMagic, int8(-1)), kind: KindCorrupt},
		{name: "length-0", bytes: b.with(posLength, int32(0)), kind: KindCorrupt},
		{name: "length-negative", bytes: b.with(posLength, int32(-5)), kind: KindCorrupt},
		{name: "length-20", bytes: b.with(posLength, int32(20)), kind: KindCorrupt},
		{name: "length-too-long", bytes: b.with(posLength, int32(1<<30)), kind: KindInvalidRecord},
		{name: "base-offset-1", bytes: b.with(0, int64(1)), kind: KindInvalidRecord},
		{name: "too-large", bytes: long, settings: "max.message.bytes=1000", kind: KindTooLarge, rules: func(r *Rules) { r.MaxMessageBytes = 1000 }},
		{name: "just-not-too-large", bytes: long, settings: fmt.Sprintf("max.message.bytes=%d", len(long)),
			rules: func(r *Rules) { r.MaxMessageBytes = len(long) }},
		{name: "too-large-after-recompression", bytes: build(t, CodecGzip, rec("k", strings.Repeat("x", 2000))),
			settings: "max.message.bytes=1000,compression.type=uncompressed", kind: KindTooLarge,
			rules: func(r *Rules) { r.MaxMessageBytes, r.Compression = 1000, CodecNone }},
		{name: "codec-5", bytes: b.with(posAttributes, int16(5)), kind: KindUnknownCodec},
		{name: "codec-7", bytes: b.with(posAttributes, int16(7)), kind: KindUnknownCodec},
	}
}

func headerShapes(t testing.TB) []shape {
	var all []shape
	for _, c := range allCodecs {
		b := build(t, c, samples()...)
		add := func(name string, bytes Batch) {
			all = append(all, shape{name: fmt.Sprintf("%s-%s", name, c), bytes: bytes, kind: KindInvalidRecord})
		}
		add("count-0", b.with(posNumRecords, int32(0)))
		add("count-negative", b.with(posNumRecords, int32(-1)))
		add("count-less", b.with(posNumRecords, int32(4)))
		add("count-more", b.with(posNumRecords, int32(6)))
		add("delta-negative", b.with(posLastOffsetDelta, int32(-1)))
		add("delta-less", b.with(posLastOffsetDelta, int32(3)))
		add("delta-more", b.with(posLastOffsetDelta, int32(5)))
		add("delta-and-count-less", b.with(posLastOffsetDelta, int32(3)).with(posNumRecords, int32(4)))
		add("delta-and-count-more", b.with(posLastOffsetDelta, int32(5)).with(posNumRecords, int32(6)))
		add("delta-and-count-huge", b.with(posLastOffsetDelta, int32(1<<31-2)).with(posNumRecords, int32(1<<31-1)))
		add("control", b.with(posAttributes, int16(c)|attrControl))
		add("producer-without-sequence", b.with(posProducerID, int64(1)))
		add("producer-negative-sequence", b.with(posProducerID, int64(1)).with(posBaseSequence, int32(-2)))
	}
	return all
}

func ruleShapes(t testing.TB) []shape {
	compacted := func(r *Rules) { r.Compacted = true }
	hour := func(r *Rules) { r.TimestampBeforeMaxMs, r.TimestampAfterMaxMs = 3600000, 60000 }
	const hourSettings = "message.timestamp.before.max.ms=3600000,message.timestamp.after.max.ms=60000"
	at := func(age int64) Record {
		return Record{Timestamp: testNowMs - age, Key: []byte("k"), Value: []byte("v")}
	}
	var all []shape
	for _, c := range allCodecs {
		add := func(name string, s shape) {
			s.name = fmt.Sprintf("%s-%s", name, c)
			all = append(all, s)
		}
		add("compacted", shape{bytes: build(t, c, rec("a", "1"), rec("", "2")), settings: "cleanup.policy=compact", rules: compacted})
		add("compacted-without-key", shape{bytes: build(t, c, samples()...), settings: "cleanup.policy=compact", rules: compacted,
			kind: KindInvalidRecord, refused: []int32{2}})
		add("compacted-without-keys", shape{bytes: build(t, c, Record{Value: []byte("a")}, rec("k", ""), Record{Value: []byte("b")}),
			settings: "cleanup.policy=compact", rules: compacted, kind: KindInvalidRecord, refused: []int32{0, 2}})
		add("bounds-kept", shape{bytes: build(t, c, at(3600000), at(-60000), Record{Timestamp: -1}), settings: hourSettings, rules: hour})
		add("too-early", shape{bytes: build(t, c, at(0), at(3600001)), settings: hourSettings, rules: hour, kind: KindInvalidTimestamp, refused: []int32{1}})
		add("too-late", shape{bytes: build(t, c, at(-60001), at(0), at(-70000)), settings: hourSettings, rules: hour, kind: KindInvalidTimestamp, refused: []int32{0, 2}})
		add("too-late-append-time", shape{bytes: build(t, c, at(-60001)), settings: hourSettings + ",message.timestamp.type=LogAppendTime",
			rules: func(r *Rules) { hour(r); r.LogAppendTime = true }})
		add("no-key-and-too-late", shape{bytes: build(t, c, Record{Timestamp: testNowMs}, at(-70000)), settings: hourSettings + ",cleanup.policy=compact",
			rules: func(r *Rules) { hour(r); compacted(r) }, kind: KindInvalidTimestamp, refused: []int32{0, 1}})
		add("append-time-from-client", shape{bytes: build(t, c, at(0), at(1)).with(posAttributes, int16(c)|attrLogAppendTime),
			settings: "message.timestamp.type=LogAppendTime", rules: func(r *Rules) { r.LogAppendTime = true },
			kind: KindInvalidTimestamp, refused: []int32{0, 1}})
		add("append-time-from-client-none-given", shape{bytes: build(t, c, Record{Timestamp: -1}).with(posAttributes, int16(c)|attrLogAppendTime),
			kind: KindInvalidTimestamp, refused: []int32{0}})
		add("timestamp-minus-5", shape{bytes: build(t, c, Record{Timestamp: 0}).with(posBaseTimestamp, int64(-5))})
	}
	return all
}

func coordinatorShapes(t testing.TB) []shape {
	marker := func(codec Codec) Batch {
		b := NewBuilder(codec)
		b.Control, b.Transactional = true, true
		b.ProducerID, b.ProducerEpoch = 9, 2
		return buildWith(t, b, Marker{Type: ControlCommit, CoordinatorEpoch: 4}.Record(testNowMs-3))
	}
	settings, rules := compression(CodecGzip)
	follower := build(t, CodecGzip, samples()...).with(0, int64(100)).with(posLeaderEpoch, int32(5))
	next := build(t, CodecNone, samples()...).with(0, int64(105)).with(posLeaderEpoch, int32(5))
	badCRC := next.clone()
	badCRC[len(badCRC)-1] ^= 1
	return []shape{
		{name: "marker", bytes: marker(CodecNone), origin: OriginCoordinator},
		{name: "marker-stays-plain", bytes: marker(CodecNone), origin: OriginCoordinator, settings: settings, rules: rules},
		{name: "coordinator-two-batches", bytes: append(build(t, CodecNone, rec("a", "")), build(t, CodecNone, rec("a", ""))...),
			origin: OriginCoordinator, kind: KindInvalidRecord},
		{name: "coordinator-base-offset", bytes: build(t, CodecNone, rec("a", "")).with(0, int64(55)), origin: OriginCoordinator},
		{name: "replicated", bytes: append(follower.clone(), next...), origin: OriginReplication},
		{name: "replicated-cut", bytes: append(follower.clone(), next[:80]...), origin: OriginReplication},
		{name: "replicated-bad-crc", bytes: append(follower.clone(), badCRC...), origin: OriginReplication, kind: KindCorrupt},
		{name: "replicated-too-large-for-the-topic", bytes: follower, origin: OriginReplication, settings: "max.message.bytes=50",
			rules: func(r *Rules) { r.MaxMessageBytes = 50 }},
	}
}
