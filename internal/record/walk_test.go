package record

import (
	"bytes"
	"math"
	"testing"
)

// longBody is a record with fields that are larger than the window of a stream, in parts that a test can damage.
type longBody struct {
	offsetDelta             int64
	keySize, valueSize      int64
	key, value              []byte
	numHeaders              int64
	headerKeySize           int64
	headerKey               []byte
	headerValueSize         int64
	headerValue             []byte
	behind                  []byte
	sizeError               int
	cutNumbers, withoutTail bool
}

func newLongBody() longBody {
	key, value, header := text(1, 50_000), text(2, 120_000), text(3, 40_000)
	return longBody{keySize: int64(len(key)), key: key, valueSize: int64(len(value)), value: value, numHeaders: 1,
		headerKeySize: 4, headerKey: []byte("name"), headerValueSize: int64(len(header)), headerValue: header}
}

func (l longBody) encode() []byte {
	body := appendVarint([]byte{0}, 0)
	body = appendVarint(body, l.offsetDelta)
	body = append(appendVarint(body, l.keySize), l.key...)
	body = append(appendVarint(body, l.valueSize), l.value...)
	if !l.withoutTail {
		body = appendVarint(body, l.numHeaders)
		body = append(appendVarint(body, l.headerKeySize), l.headerKey...)
		body = append(appendVarint(body, l.headerValueSize), l.headerValue...)
	}
	if l.cutNumbers {
		body = append([]byte{0}, bytes.Repeat([]byte{0xff}, 30_000)...)
	}
	body = append(body, l.behind...)
	return append(appendVarint(nil, int64(len(body)+l.sizeError)), body...)
}

// TestLongRecords: a record that is skipped through field by field gets the same verdict as one that is looked at as a whole.
func TestLongRecords(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*longBody)
		kind   Kind
	}{
		"sound":                  {func(*longBody) {}, 0},
		"no key":                 {func(l *longBody) { l.keySize, l.key = -1, nil }, 0},
		"no header value":        {func(l *longBody) { l.headerValueSize, l.headerValue = -1, nil }, 0},
		"offset delta":           {func(l *longBody) { l.offsetDelta = 1 }, KindInvalidRecord},
		"key beyond the record":  {func(l *longBody) { l.keySize = 1 << 20 }, KindInvalidRecord},
		"key shorter":            {func(l *longBody) { l.keySize -= 9 }, KindInvalidRecord},
		"value beyond":           {func(l *longBody) { l.valueSize = 1 << 30 }, KindInvalidRecord},
		"no header key":          {func(l *longBody) { l.headerKeySize, l.headerKey = -1, nil }, KindInvalidRecord},
		"negative headers":       {func(l *longBody) { l.numHeaders = -1 }, KindInvalidRecord},
		"too many headers":       {func(l *longBody) { l.numHeaders = 2 }, KindInvalidRecord},
		"impossibly many":        {func(l *longBody) { l.numHeaders = 1<<31 - 1 }, KindInvalidRecord},
		"too few headers":        {func(l *longBody) { l.numHeaders = 0 }, KindInvalidRecord},
		"header value beyond":    {func(l *longBody) { l.headerValueSize++ }, KindInvalidRecord},
		"bytes behind":           {func(l *longBody) { l.behind = []byte{0} }, KindInvalidRecord},
		"size one more":          {func(l *longBody) { l.sizeError = 1 }, KindInvalidRecord},
		"size one less":          {func(l *longBody) { l.sizeError = -1 }, KindInvalidRecord},
		"ends behind the value":  {func(l *longBody) { l.withoutTail = true }, KindInvalidRecord},
		"numbers of many bytes":  {func(l *longBody) { l.cutNumbers = true }, KindInvalidRecord},
		"claims more than comes": {func(l *longBody) { l.sizeError = 1 << 20 }, KindInvalidRecord},
	} {
		body := newLongBody()
		c.change(&body)
		for _, codec := range allCodecs {
			b := build(t, codec, rec("k", "v")).withRecords(t, body.encode())
			rules := openRules()
			if _, err := Validate(b, rules); kindOf(err) != c.kind {
				t.Errorf("%s, %s: %v, want %s", name, codec, err, c.kind)
			}
			if rules.Compacted = true; name == "no key" {
				if _, err := Validate(b.with(0, int64(0)), rules); kindOf(err) != KindInvalidRecord {
					t.Errorf("%s, %s: the missing key was not seen: %v", name, codec, err)
				}
			}
		}
	}
}

// FuzzRecords gives records, rather than batches, to the validation: the verdict must not depend on how they are packed.
func FuzzRecords(f *testing.F) {
	for _, b := range []Batch{build(f, CodecNone, samples()...), build(f, CodecNone, rec("a", "b"))} {
		f.Add([]byte(b.Payload()), int32(b.NumRecords()))
	}
	for _, s := range structureShapes(f) {
		if b := Batch(s.bytes); b.Codec() == CodecNone {
			f.Add([]byte(b.Payload()), int32(b.NumRecords()))
		}
	}
	headers := make([]Batch, len(allCodecs))
	for i, c := range allCodecs {
		headers[i] = build(f, c, rec("k", "v"))[:HeaderSize]
	}
	f.Fuzz(func(t *testing.T, records []byte, count int32) {
		var plain error
		for i, c := range allCodecs {
			rules := openRules()
			rules.Compacted = true
			b := headers[i].withRecords(t, records).with(posNumRecords, count).with(posLastOffsetDelta, count-1)
			result, err := Validate(b, rules)
			if i == 0 {
				plain = err
			}
			if kindOf(err) != kindOf(plain) || len(refusedIndexes(err)) != len(refusedIndexes(plain)) {
				t.Fatalf("%s: %v; plain: %v", c, err, plain)
			}
			if err == nil {
				checkValid(t, result)
			}
		}
	})
}

// TestWhatPassesIsNotRefused holds the quick look at a record against the careful one, at the edges of what the topic allows and of the numbers.
func TestWhatPassesIsNotRefused(t *testing.T) {
	edges := []int64{math.MinInt64, math.MinInt64 + 1, -testNowMs, -2, -1, 0, 1, 1000, testNowMs - 1000, testNowMs, testNowMs + 1000, math.MaxInt64 - 1, math.MaxInt64}
	limits := []int64{0, 1, 1000, testNowMs, math.MaxInt64}
	passed := 0
	for _, now := range []int64{-5, 0, testNowMs} {
		for i := range 2 * len(limits) * len(limits) {
			rules := openRules()
			rules.NowMs, rules.TimestampBeforeMaxMs, rules.TimestampAfterMaxMs = now, limits[i/2%len(limits)], limits[i/2/len(limits)]
			rules.LogAppendTime, rules.Compacted = i%2 == 1, i%3 == 0
			for _, base := range edges {
				for _, p := range []plain{{timestampDelta: 0, hasKey: true}, {timestampDelta: -1}, {timestampDelta: 1, hasKey: true}, {timestampDelta: 1000}, {offsetDelta: 1}} {
					b := build(t, CodecNone, rec("k", "v"))
					quick, careful := walker{}, walker{}
					quick.begin(b, rules)
					careful.begin(b, rules)
					quick.base, careful.base = base, base
					if !quick.passes(&p) {
						continue
					}
					passed++
					if err := careful.check(p.offsetDelta, p.timestampDelta, p.hasKey); err != nil || careful.refused != nil {
						t.Fatalf("%+v on %d passes under %+v at %d and is refused: %v, %v", p, base, *rules.Settings, now, err, careful.refused)
					}
					if quick.maxTimestamp != careful.maxTimestamp {
						t.Fatalf("largest timestamp %d and %d", quick.maxTimestamp, careful.maxTimestamp)
					}
				}
			}
		}
	}
	if passed == 0 {
		t.Error("nothing passes")
	}
}
