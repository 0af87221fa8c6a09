package storage

import (
	"errors"
	"math"
	"slices"
	"testing"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

func TestAppendGivesOffsetsAndReadReturnsThem(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	info := b.append(l, "a", "b", "c")
	if info.FirstOffset != 0 || info.LastOffset != 2 || info.LogAppendTime != -1 || info.Duplicate {
		t.Errorf("the first append said %+v", info)
	}
	info, err := l.Append(batchOf(t, b.clock.Now(), "d"), AppendOptions{LeaderEpoch: 7})
	if err != nil || info.FirstOffset != 3 || info.LastOffset != 3 {
		t.Errorf("the second append said %+v, %v", info, err)
	}
	got := contents(t, l, 0)
	want := map[int64]string{0: "a", 1: "b", 2: "c", 3: "d"}
	if len(got) != len(want) || got[0] != "a" || got[1] != "b" || got[2] != "c" || got[3] != "d" {
		t.Errorf("read %v, want %v", got, want)
	}
	list := batches(t, l, 0)
	if list[0].PartitionLeaderEpoch() != 0 || list[1].PartitionLeaderEpoch() != 7 {
		t.Errorf("leader epochs %d and %d, want 0 and 7", list[0].PartitionLeaderEpoch(), list[1].PartitionLeaderEpoch())
	}
	if l.SizeBytes() != int64(len(list[0])+len(list[1])) {
		t.Errorf("SizeBytes is %d, the batches have %d", l.SizeBytes(), len(list[0])+len(list[1]))
	}
}

func TestAppendOfSeveralBatches(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.append(l, "first")
	at := func(offset int64, values ...string) []byte {
		return batchWith(t, testStart, func(r *record.Builder) { r.BaseOffset = offset }, values...)
	}
	info, err := l.Append(slices.Concat(at(1, "a", "b"), at(3, "c")), AppendOptions{Origin: OriginReplication})
	if err != nil || info.FirstOffset != 1 || info.LastOffset != 3 {
		t.Fatalf("Append = %+v, %v", info, err)
	}
	if got := contents(t, l, 1); got[1] != "a" || got[2] != "b" || got[3] != "c" {
		t.Errorf("read %v", got)
	}
}

func TestRefusedAppendLeavesTheLogAsItWas(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1000)))
	l := b.log()
	b.append(l, "a")
	damaged := batchOf(t, b.clock.Now(), "b")
	damaged[len(damaged)-1] ^= 1
	large := make([]byte, 2000)
	for _, c := range []struct {
		name  string
		batch []byte
		code  protocol.Code
	}{
		{"a wrong CRC", damaged, protocol.None}, // *record.Error, mapped where records are
		{"larger than a segment", batchOf(t, b.clock.Now(), string(large)), protocol.RecordListTooLarge},
	} {
		_, err := l.Append(c.batch, AppendOptions{})
		var invalid *record.Error
		if err == nil || (c.code == protocol.None) != errors.As(err, &invalid) || c.code != protocol.None && ErrorCode(err) != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
		if l.LogEndOffset() != 1 {
			t.Errorf("%s: the log ends at %d", c.name, l.LogEndOffset())
		}
	}
	if info := b.append(l, "b"); info.FirstOffset != 1 {
		t.Errorf("the next append went to %d", info.FirstOffset)
	}
}

func TestReplicatedAppendKeepsOffsetsAndMayHaveGaps(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	at := func(offset int64) []byte {
		return batchWith(t, testStart, func(r *record.Builder) { r.BaseOffset, r.LeaderEpoch = offset, 3 }, "r")
	}
	for _, offset := range []int64{5, 9} {
		info, err := l.Append(at(offset), AppendOptions{Origin: OriginReplication})
		if err != nil || info.FirstOffset != offset {
			t.Fatalf("Append = %+v, %v", info, err)
		}
	}
	if _, err := l.Append(at(9), AppendOptions{Origin: OriginReplication}); !errors.Is(err, ErrUnexpectedOffset) {
		t.Errorf("an offset that is there already: %v", err)
	}
	if got := contents(t, l, 6); len(got) != 1 || got[9] != "r" {
		t.Errorf("from offset 6, in the gap, read %v", got)
	}
	if epoch, ok := l.LatestEpoch(); epoch != 3 || !ok {
		t.Errorf("the latest epoch is %d, %v", epoch, ok)
	}
}

func TestLogAppendTime(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.LogAppendTime = true }))
	l := b.log()
	b.clock.Advance(1234)
	info := b.appendBatch(l, batchOf(t, testStart.Add(-1e9), "a"))
	if want := b.clock.Now().UnixMilli(); info.LogAppendTime != want || batches(t, l, 0)[0].MaxTimestamp() != want {
		t.Errorf("stamped %d and %d, want %d", info.LogAppendTime, batches(t, l, 0)[0].MaxTimestamp(), want)
	}
}

func TestReadBounds(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.fill(l, 10)
	size := len(batches(t, l, 0)[0])
	read := func(offset int64, maxBytes int, upTo int64, minOne bool) (int, bool) {
		t.Helper()
		s, err := l.Read(offset, maxBytes, upTo, minOne)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Release()
		return s.Len(), s.FirstBatchIncomplete()
	}
	for _, c := range []struct {
		name       string
		offset     int64
		maxBytes   int
		upTo       int64
		minOne     bool
		want       int
		incomplete bool
	}{
		{"everything", 0, 1 << 20, math.MaxInt64, false, 10 * size, false},
		{"a limit inside the third batch", 0, 2*size + 5, math.MaxInt64, false, 2*size + 5, false},
		{"a limit inside the first batch", 0, 10, math.MaxInt64, false, 10, true},
		{"at least one batch", 0, 10, math.MaxInt64, true, size, false},
		{"no bytes", 0, 0, math.MaxInt64, false, 0, false},
		{"no bytes but one batch", 4, 0, math.MaxInt64, true, size, false},
		{"up to the high watermark", 2, 1 << 20, 5, false, 3 * size, false},
		{"from the high watermark", 5, 1 << 20, 5, true, 0, false},
		{"past the high watermark", 7, 1 << 20, 5, true, 0, false},
		{"from the end", 10, 1 << 20, math.MaxInt64, true, 0, false},
	} {
		if n, incomplete := read(c.offset, c.maxBytes, c.upTo, c.minOne); n != c.want || incomplete != c.incomplete {
			t.Errorf("%s: %d bytes, incomplete %v; want %d, %v", c.name, n, incomplete, c.want, c.incomplete)
		}
	}
	for _, offset := range []int64{-1, 11} {
		_, err := l.Read(offset, 100, math.MaxInt64, true)
		var outside *OffsetOutOfRangeError
		if !errors.As(err, &outside) || outside.LogEndOffset != 10 || ErrorCode(err) != protocol.OffsetOutOfRange {
			t.Errorf("reading offset %d: %v", offset, err)
		}
	}
}

func TestReadStopsAtABatchThatReachesOverTheBound(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.append(l, "a", "b", "c")
	b.append(l, "d", "e", "f")
	s, err := l.Read(0, 1<<20, 4, true) // inside the second batch
	if err != nil {
		t.Fatal(err)
	}
	defer s.Release()
	if want := len(batches(t, l, 0)[0]); s.Len() != want {
		t.Errorf("read %d bytes, want the first batch alone: %d", s.Len(), want)
	}
}

func TestReadBatchesVisitsWholeBatches(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(600)))
	l := b.log()
	b.fill(l, 30)
	var offsets []int64
	visit := func(batch record.Batch) error {
		offsets = append(offsets, batch.BaseOffset())
		return nil
	}
	if err := l.ReadBatches(7, 20, visit); err != nil || len(offsets) != 13 || offsets[0] != 7 || offsets[12] != 19 {
		t.Errorf("visited %v, %v", offsets, err)
	}
	stop := errors.New("stop")
	if err := l.ReadBatches(0, 20, func(record.Batch) error { return stop }); err != stop {
		t.Errorf("visit's error came back as %v", err)
	}
	if err := l.ReadBatches(31, 40, visit); !errors.Is(err, ErrOffsetOutOfRange) {
		t.Errorf("past the end: %v", err)
	}
}
