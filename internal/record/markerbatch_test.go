package record

import (
	"bytes"
	"testing"
)

// TestAppendMarkerBatch compares with what the Builder makes, which is proven against Apache Kafka.
func TestAppendMarkerBatch(t *testing.T) {
	for _, m := range []Marker{{ControlCommit, 7}, {ControlAbort, 0}, {ControlAbort, -1}} {
		b := NewBuilder(CodecNone)
		b.ProducerID, b.ProducerEpoch, b.Transactional, b.Control = 4711, 3, true, true
		r := m.Record(1_700_000_000_123)
		if err := b.Append(&r); err != nil {
			t.Fatal(err)
		}
		want, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		got := AppendMarkerBatch([]byte("before"), 4711, 3, m, 1_700_000_000_123)
		if !bytes.Equal(got[6:], want) || string(got[:6]) != "before" || len(want) != MarkerBatchBytes {
			t.Errorf("%+v:\n%x\n%x", m, got[6:], want)
		}
		found, ms, ok, err := Batch(got[6:]).Marker()
		if found != m || ms != 1_700_000_000_123 || !ok || err != nil {
			t.Errorf("%+v: %+v, %d, %t, %v", m, found, ms, ok, err)
		}
		if _, err := Validate(got[6:], Rules{
			Origin: OriginCoordinator, LeaderEpoch: 2, NowMs: 1_700_000_000_123, Settings: &Settings{TimestampBeforeMaxMs: 1, TimestampAfterMaxMs: 1, Compacted: true},
		}); err != nil {
			t.Errorf("a coordinator's marker: %v", err)
		}
		if _, err := Validate(got[6:], Rules{Origin: OriginClient, Settings: &Settings{}}); kindOf(err) != KindInvalidRecord {
			t.Errorf("a client's marker: %v", err)
		}
	}
}

func TestMarkerOfBatch(t *testing.T) {
	build := func(change func(*Builder), r Record) Batch {
		b := NewBuilder(CodecNone)
		b.ProducerID, b.ProducerEpoch, b.Transactional, b.Control = 1, 0, true, true
		change(b)
		if err := b.Append(&r); err != nil {
			t.Fatal(err)
		}
		batch, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		return batch
	}
	plain := func(*Builder) {}
	commit := Marker{ControlCommit, 9}
	if m, ms, ok, err := build(func(b *Builder) { b.Codec = CodecGzip }, commit.Record(5)).Marker(); m != commit || ms != 5 || !ok || err != nil {
		t.Errorf("compressed: %+v, %d, %t, %v", m, ms, ok, err)
	}
	if _, ms, ok, err := build(func(b *Builder) { b.LogAppendTimeMs = 77 }, commit.Record(5)).Marker(); ms != 77 || !ok || err != nil {
		t.Errorf("with the broker's time: %d, %t, %v", ms, ok, err)
	}
	if _, _, ok, err := build(func(b *Builder) { b.Control = false }, commit.Record(5)).Marker(); ok || err != nil {
		t.Errorf("a data batch: %t, %v", ok, err)
	}
	if _, _, ok, err := build(plain, Record{Key: []byte{0, 0, 0, 2}, Value: []byte{0}}).Marker(); ok || err != nil {
		t.Errorf("another kind of control record: %t, %v", ok, err)
	}
	empty := build(plain, commit.Record(5))[:HeaderSize]
	empty[posNumRecords+3] = 0
	if _, _, ok, err := empty.Marker(); ok || err != nil {
		t.Errorf("an emptied batch: %t, %v", ok, err)
	}
	for name, r := range map[string]Record{
		"no key":      {Value: []byte{0, 0, 0, 0, 0, 1}},
		"short value": {Key: []byte{0, 0, 0, 1}, Value: []byte{0, 0, 0}},
	} {
		if _, _, ok, err := build(plain, r).Marker(); ok || kindOf(err) != KindInvalidRecord {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
	}
	for cut := HeaderSize; cut < MarkerBatchBytes; cut++ {
		if _, _, ok, err := build(plain, commit.Record(5))[:cut].Marker(); ok || err == nil {
			t.Errorf("cut to %d bytes: %t, %v", cut, ok, err)
		}
	}
}

func TestMarkerAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	buf := make([]byte, 0, MarkerBatchBytes)
	n := testing.AllocsPerRun(100, func() {
		buf = AppendMarkerBatch(buf[:0], 1, 2, Marker{ControlAbort, 3}, 4)
		if _, _, ok, err := Batch(buf).Marker(); !ok || err != nil {
			t.Fatal(ok, err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
