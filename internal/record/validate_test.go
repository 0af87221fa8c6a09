package record

import (
	"bytes"
	"errors"
	"testing"
)

// TestShapes holds every shape against what is expected of it, and an error against leaving the bytes alone.
func TestShapes(t *testing.T) {
	for _, s := range shapes(t) {
		t.Run(s.name, func(t *testing.T) {
			in := append([]byte{}, s.bytes...)
			result, err := Validate(in, s.rulesFor())
			if s.kind == 0 {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				checkAccepted(t, &s, in, result)
				return
			}
			if kind := kindOf(err); kind != s.kind {
				t.Fatalf("got %s (%v), want %s", kind, err, s.kind)
			}
			if !bytes.Equal(in, s.bytes) {
				t.Error("a refused batch was changed")
			}
			if got := refusedIndexes(err); !equalIndexes(got, s.refused) {
				t.Errorf("refused records %v, want %v", got, s.refused)
			}
		})
	}
}

// checkAccepted checks what must be true of every accepted append.
func checkAccepted(t *testing.T, s *shape, in []byte, result Result) {
	t.Helper()
	if s.origin == OriginReplication {
		if !bytes.Equal(in, s.bytes) || !bytes.HasPrefix(in, result.Batches) {
			t.Error("replicated bytes were changed")
		}
		return
	}
	rules := s.rulesFor()
	b, rest, err := Next(result.Batches)
	if err != nil || len(rest) != 0 {
		t.Fatalf("the result is not one batch: %v", err)
	}
	if err := b.CheckCRC(); err != nil {
		t.Error(err)
	}
	if b.BaseOffset() != rules.FirstOffset || b.PartitionLeaderEpoch() != rules.LeaderEpoch {
		t.Errorf("offset %d, epoch %d", b.BaseOffset(), b.PartitionLeaderEpoch())
	}
	records, err := b.Records(0)
	if err != nil {
		t.Fatal(err)
	}
	maxTimestamp := NoTimestamp
	for _, r := range records {
		maxTimestamp = max(maxTimestamp, r.Timestamp)
	}
	// Apache takes a batch that pretends to have an append time for what it says, though its records differ.
	if original := Batch(s.bytes); original.TimestampType() == LogAppendTime {
		maxTimestamp = original.MaxTimestamp()
	}
	if b.MaxTimestamp() != maxTimestamp || result.MaxTimestamp != maxTimestamp {
		t.Errorf("max timestamp %d, result %d, of the records %d", b.MaxTimestamp(), result.MaxTimestamp, maxTimestamp)
	}
	if want := int64(len(records)) - 1; result.LastOffset-result.FirstOffset != want {
		t.Errorf("offsets %d to %d for %d records", result.FirstOffset, result.LastOffset, want+1)
	}
	if original, copied := Batch(s.bytes), &result.Batches[0] != &in[0]; copied == (b.Codec() == original.Codec()) {
		t.Errorf("copied: %v, from %s to %s", copied, original.Codec(), b.Codec())
	}
}

func kindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return 0
}

func refusedIndexes(err error) []int32 {
	var indexes []int32
	if e, ok := errors.AsType[*Error](err); ok {
		for _, r := range e.Records {
			indexes = append(indexes, r.Index)
		}
	}
	return indexes
}

func equalIndexes(a, b []int32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestCheckProduce(t *testing.T) {
	zstd := build(t, CodecZstd, rec("a", "b"))
	if err := CheckProduce(zstd, true); err != nil {
		t.Error(err)
	}
	if kind := kindOf(CheckProduce(zstd, false)); kind != KindUnsupportedCompression {
		t.Errorf("zstd in an old request: %s", kind)
	}
	if err := CheckProduce(build(t, CodecLz4, rec("a", "b")), false); err != nil {
		t.Error(err)
	}
	if kind := kindOf(CheckProduce(nil, true)); kind != KindInvalidRecord {
		t.Errorf("nothing: %s", kind)
	}
	if kind := kindOf(CheckProduce(append(zstd.clone(), zstd...), true)); kind != KindInvalidRecord {
		t.Errorf("two: %s", kind)
	}
}

func TestRefusedRecordsAreBounded(t *testing.T) {
	b := NewBuilder(CodecNone)
	const records = 3 * MaxRecordErrors
	for range records {
		if err := b.Append(&Record{Timestamp: testNowMs}); err != nil {
			t.Fatal(err)
		}
	}
	batch, _ := b.Build()
	rules := openRules()
	rules.Compacted = true
	_, err := Validate(batch, rules)
	e, ok := errors.AsType[*Error](err)
	if !ok || len(e.Records) != MaxRecordErrors || e.NumRecords != records {
		t.Fatalf("got %v", err)
	}
	if len(e.Error()) > 500 {
		t.Errorf("the message has %d bytes", len(e.Error()))
	}
}

func TestReplicatedOrder(t *testing.T) {
	first := build(t, CodecNone, samples()...).with(0, int64(100))
	second := build(t, CodecZstd, samples()...).with(0, int64(200))
	rules := Rules{Origin: OriginReplication, Settings: &Settings{}}

	result, err := Validate(append(first.clone(), second...), rules)
	if err != nil {
		t.Fatal(err)
	}
	want := Result{Batches: result.Batches, FirstOffset: 100, LastOffset: 204, MaxTimestamp: testNowMs - 1, LogAppendTimeMs: NoTimestamp}
	if len(result.Batches) != len(first)+len(second) {
		t.Errorf("%d bytes", len(result.Batches))
	}
	result.Batches, want.Batches = nil, nil
	if !equalResults(result, want) {
		t.Errorf("got %+v, want %+v", result, want)
	}
	if _, err := Validate(append(second.clone(), first...), rules); kindOf(err) != KindOutOfOrder {
		t.Errorf("wrong order: %v", err)
	}
	if _, err := Validate(append(first.clone(), first...), rules); kindOf(err) != KindOutOfOrder {
		t.Errorf("twice the same: %v", err)
	}
	if _, err := Validate(append(first.clone(), second.with(0, int64(104))...), rules); kindOf(err) != KindOutOfOrder {
		t.Errorf("overlapping by one offset: %v", err)
	}
	if _, err := Validate(append(first.clone(), second.with(0, int64(105))...), rules); err != nil {
		t.Errorf("adjacent: %v", err)
	}
	if _, err := Validate(first[:30], rules); kindOf(err) != KindInvalidRecord {
		t.Errorf("nothing whole: %v", err)
	}
}

func equalResults(a, b Result) bool {
	return bytes.Equal(a.Batches, b.Batches) && a.FirstOffset == b.FirstOffset && a.LastOffset == b.LastOffset &&
		a.MaxTimestamp == b.MaxTimestamp && a.LogAppendTimeMs == b.LogAppendTimeMs
}
