package record

import (
	"io"
	"math"
	"testing"
)

func TestNext(t *testing.T) {
	a, b := build(t, CodecNone, rec("a", "1")), build(t, CodecGzip, rec("b", "2"), rec("c", "3"))
	both := append(a.clone(), b...)

	first, rest, err := Next(both)
	if err != nil || string(first) != string(a) || string(rest) != string(b) {
		t.Fatalf("first: %v, %d bytes, %d left", err, len(first), len(rest))
	}
	if cap(first) != len(a) {
		t.Error("appending to a batch would write into the next one")
	}
	second, rest, err := Next(rest)
	if err != nil || string(second) != string(b) || len(rest) != 0 {
		t.Fatalf("second: %v, %d bytes, %d left", err, len(second), len(rest))
	}
	if _, _, err = Next(rest); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestNextRefuses(t *testing.T) {
	b := build(t, CodecNone, rec("a", "1"))
	for cut := 1; cut < len(b); cut++ {
		if _, rest, err := Next(b[:cut]); err != ErrTruncated || len(rest) != cut {
			t.Fatalf("%d of %d bytes: %v", cut, len(b), err)
		}
	}
	for _, c := range []struct {
		name string
		in   Batch
		want error
	}{
		{"length 0", b.with(posLength, int32(0)), ErrLength},
		{"length negative", b.with(posLength, int32(math.MinInt32)), ErrLength},
		{"length under an old message", b.with(posLength, int32(13)), ErrLength},
		{"length under the header", b.with(posLength, int32(48)), ErrLength},
		{"length of the header", b.with(posLength, int32(49)), nil},
		{"length beyond the bytes", b.with(posLength, int32(math.MaxInt32)), ErrTruncated},
		{"magic 0", b.with(posMagic, int8(0)), ErrOldMagic},
		{"magic 1", b.with(posMagic, int8(1)), ErrOldMagic},
		{"magic 3", b.with(posMagic, int8(3)), ErrMagic},
		{"magic -1", b.with(posMagic, int8(-1)), ErrMagic},
	} {
		if _, _, err := Next(c.in); err != c.want {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

func TestAccessors(t *testing.T) {
	builder := NewBuilder(CodecLz4)
	builder.BaseOffset, builder.LeaderEpoch = 1<<40, 7
	builder.ProducerID, builder.ProducerEpoch, builder.BaseSequence = 1<<33, 12, math.MaxInt32-1
	builder.Transactional = true
	b := buildWith(t, builder, Record{Timestamp: 50}, Record{Timestamp: 40}, Record{Timestamp: 45})

	checkInt(t, "BaseOffset", b.BaseOffset(), 1<<40)
	checkInt(t, "LastOffset", b.LastOffset(), 1<<40+2)
	checkInt(t, "NextOffset", b.NextOffset(), 1<<40+3)
	checkInt(t, "Size", int64(b.Size()), int64(len(b)))
	checkInt(t, "PartitionLeaderEpoch", int64(b.PartitionLeaderEpoch()), 7)
	checkInt(t, "Magic", int64(b.Magic()), 2)
	checkInt(t, "Codec", int64(b.Codec()), int64(CodecLz4))
	checkInt(t, "LastOffsetDelta", int64(b.LastOffsetDelta()), 2)
	checkInt(t, "BaseTimestamp", b.BaseTimestamp(), 50)
	checkInt(t, "MaxTimestamp", b.MaxTimestamp(), 50)
	checkInt(t, "ProducerID", b.ProducerID(), 1<<33)
	checkInt(t, "ProducerEpoch", int64(b.ProducerEpoch()), 12)
	checkInt(t, "BaseSequence", int64(b.BaseSequence()), math.MaxInt32-1)
	checkInt(t, "LastSequence", int64(b.LastSequence()), 0)
	checkInt(t, "NumRecords", int64(b.NumRecords()), 3)
	if !b.IsTransactional() || b.IsControl() || !b.HasProducerID() || b.TimestampType() != CreateTime {
		t.Errorf("attributes %#x", b.Attributes())
	}
	if _, ok := b.DeleteHorizon(); ok {
		t.Error("a delete horizon that nobody set")
	}
	if ms, ok := b.with(posAttributes, int16(attrDeleteHorizon)).DeleteHorizon(); !ok || ms != 50 {
		t.Errorf("delete horizon %d, %v", ms, ok)
	}
	// What a broker assigns lies outside the CRC.
	b.SetBaseOffset(3)
	b.SetPartitionLeaderEpoch(4)
	if err := b.CheckCRC(); err != nil || b.BaseOffset() != 3 || b.PartitionLeaderEpoch() != 4 {
		t.Errorf("after assigning: %v, offset %d, epoch %d", err, b.BaseOffset(), b.PartitionLeaderEpoch())
	}
	b[len(b)-1]++
	if kindOf(b.CheckCRC()) != KindCorrupt {
		t.Error("a flipped bit went unseen")
	}
}

func TestAccessorsOfNone(t *testing.T) {
	b := build(t, CodecNone, rec("a", "b"))
	if b.HasProducerID() || b.LastSequence() != NoSequence || b.PartitionLeaderEpoch() != NoLeaderEpoch || b.ProducerEpoch() != NoProducerEpoch {
		t.Errorf("defaults: %x", b[:HeaderSize])
	}
}

func checkInt(t *testing.T, name string, got, want int64) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %d, want %d", name, got, want)
	}
}

func TestSequenceArithmetic(t *testing.T) {
	for _, c := range []struct{ from, by, to int32 }{
		{0, 0, 0}, {5, 3, 8}, {math.MaxInt32, 0, math.MaxInt32}, {math.MaxInt32, 1, 0},
		{math.MaxInt32 - 1, 3, 1}, {1, math.MaxInt32, 0},
	} {
		if got := IncrementSequence(c.from, c.by); got != c.to {
			t.Errorf("%d + %d = %d, want %d", c.from, c.by, got, c.to)
		}
		if got := DecrementSequence(c.to, c.by); got != c.from {
			t.Errorf("%d - %d = %d, want %d", c.to, c.by, got, c.from)
		}
	}
}
