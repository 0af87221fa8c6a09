package storage

import (
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
)

func TestOffsetForTimestampAgainstACount(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1500)))
	l := b.log()
	// Times that go up and down, three records in each batch with different ones.
	times := map[int64]int64{}
	for i := range int64(60) {
		builder := record.NewBuilder(record.CodecZstd)
		for j := range int64(3) {
			at := testStart.UnixMilli() + i*100 + (i*7919+j*104729)%500
			times[l.LogEndOffset()+j] = at
			if err := builder.Append(&record.Record{Timestamp: at, Value: []byte(valueAt(i))}); err != nil {
				t.Fatal(err)
			}
		}
		batch, err := builder.Build()
		if err != nil {
			t.Fatal(err)
		}
		b.appendBatch(l, batch)
	}
	for round, prepare := range []func(){func() {}, b.restart, b.kill} {
		prepare()
		l = b.log()
		if l.NumSegments() < 3 {
			t.Fatalf("only %d segments", l.NumSegments())
		}
		for ts := testStart.UnixMilli() - 50; ts < testStart.UnixMilli()+7000; ts += 37 {
			want := int64(-1)
			for offset := range l.LogEndOffset() {
				if times[offset] >= ts {
					want = offset
					break
				}
			}
			found, ok, err := l.OffsetForTimestamp(ts)
			if err != nil || ok != (want >= 0) || ok && (found.Offset != want || found.Timestamp != times[want] || found.LeaderEpoch != 0) {
				t.Fatalf("round %d, timestamp %d: %+v, %v, %v; want offset %d at %d", round, ts, found, ok, err, want, times[want])
			}
		}
		largest := int64(0)
		for _, at := range times {
			largest = max(largest, at)
		}
		if found, ok, err := l.OffsetForTimestamp(MaxTimestamp); err != nil || !ok || found.Timestamp != largest || times[found.Offset] != largest {
			t.Errorf("round %d, the largest timestamp: %+v, %v, %v; want %d", round, found, ok, err, largest)
		}
	}
}

func TestOffsetForSpecialTimestamps(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	if found, ok, err := l.OffsetForTimestamp(MaxTimestamp); ok || err != nil {
		t.Errorf("of an empty log: %+v, %v", found, err)
	}
	b.fill(l, 10)
	if err := l.DeleteRecordsBefore(3); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		timestamp, offset int64
	}{{EarliestTimestamp, 3}, {EarliestLocalTimestamp, 3}, {LatestTimestamp, 10}} {
		found, ok, err := l.OffsetForTimestamp(c.timestamp)
		if !ok || err != nil || found != (TimestampOffset{-1, c.offset, 0}) {
			t.Errorf("timestamp %d: %+v, %v, %v; want offset %d", c.timestamp, found, ok, err, c.offset)
		}
	}
	if found, ok, _ := l.OffsetForTimestamp(0); !ok || found.Offset != 3 {
		t.Errorf("a timestamp before all: %+v; want the start", found)
	}
	if found, ok, _ := l.OffsetForTimestamp(testStart.Add(time.Hour).UnixMilli()); ok {
		t.Errorf("a timestamp after all: %+v", found)
	}
}

func TestLeaderEpochs(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	if _, ok := l.LatestEpoch(); ok {
		t.Error("an empty log has an epoch")
	}
	for _, epoch := range []int32{2, 2, 5, 9} {
		if _, err := l.Append(batchOf(t, testStart, "x"), AppendOptions{LeaderEpoch: epoch}); err != nil {
			t.Fatal(err)
		}
	}
	l.SetHighWatermark(4)
	// epoch 2 from 0, 5 from 2, 9 from 3
	check := func() {
		t.Helper()
		for _, c := range []struct {
			ask, found int32
			end        int64
		}{{-1, -1, -1}, {0, 0, 0}, {2, 2, 2}, {4, 2, 2}, {5, 5, 3}, {8, 5, 3}, {9, 9, 4}, {10, -1, -1}} {
			if found, end := l.EpochEndOffset(c.ask); found != c.found || end != c.end {
				t.Errorf("EpochEndOffset(%d) = %d, %d; want %d, %d", c.ask, found, end, c.found, c.end)
			}
		}
		for offset, want := range []int32{2, 2, 5, 9} {
			if epoch, ok := l.EpochForOffset(int64(offset)); epoch != want || !ok {
				t.Errorf("EpochForOffset(%d) = %d, %v; want %d", offset, epoch, ok, want)
			}
		}
	}
	check()
	b.kill()
	l = b.log()
	check()
	b.close()
	if err := b.fs.Remove("/data/topic-0/" + epochCheckpointName); err != nil {
		t.Fatal(err)
	}
	b.open()
	l = b.log()
	check() // from the batches
	l.SetHighWatermark(4)
	if err := l.DeleteRecordsBefore(1); err != nil {
		t.Fatal(err)
	}
	if entries, err := l.EpochEntries(); err != nil || len(entries) != 3 || entries[0] != (EpochEntry{2, 1}) {
		t.Errorf("after the start moved to 1: %v, %v", entries, err)
	}
	if err := l.DeleteRecordsBefore(3); err != nil {
		t.Fatal(err)
	}
	if entries, err := l.EpochEntries(); err != nil || len(entries) != 1 || entries[0] != (EpochEntry{9, 3}) {
		t.Errorf("after the start moved to 3: %v, %v", entries, err)
	}
}

func TestAnEpochWithoutRecordsGoesWithACrash(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.append(l, "x")
	if err := l.AssignEpoch(6, 1); err != nil {
		t.Fatal(err)
	}
	b.kill()
	if epoch, ok := b.log().LatestEpoch(); epoch != 0 || !ok {
		t.Errorf("the latest epoch is %d, %v", epoch, ok)
	}
}

func TestTruncateTo(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1000)))
	l := b.log()
	b.fill(l, 50)
	if err := l.AssignEpoch(3, 50); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(time.Second)
	for _, to := range []int64{60, 47, l.list()[2].base, l.list()[1].base + 1} {
		if err := l.TruncateTo(to); err != nil {
			t.Fatal(err)
		}
		holds(t, l, 0, min(to, 50))
		if l.HighWatermark() > to || l.RecoveryPoint() > to || l.DurableOffset() > to {
			t.Errorf("after truncating to %d: high watermark %d, recovery point %d, durable %d", to, l.HighWatermark(), l.RecoveryPoint(), l.DurableOffset())
		}
		points, err := ReadOffsetCheckpoint(b.fs, "/data/"+recoveryPointCheckpointName)
		if err != nil || points[testPartition] > to {
			t.Errorf("after truncating to %d the checkpoint says %v, %v", to, points, err)
		}
		if epoch, _ := l.LatestEpoch(); epoch != 0 {
			t.Errorf("after truncating to %d the latest epoch is %d", to, epoch)
		}
	}
	b.fill(l, 50)
	b.kill()
	holds(t, b.log(), 0, 50)
	b.close()
	b.sound()
}

func TestTruncateInsideABatchRemovesItWhole(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.append(l, "a", "b", "c")
	b.append(l, "d", "e", "f")
	if err := l.TruncateTo(4); err != nil {
		t.Fatal(err)
	}
	if l.LogEndOffset() != 3 {
		t.Errorf("the log ends at %d", l.LogEndOffset())
	}
}

func TestTruncateForgetsTheTimestamps(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.IndexIntervalBytes = 1 }))
	l := b.log()
	for range 10 {
		b.append(l, "x")
		b.clock.Advance(time.Second)
	}
	if err := l.TruncateTo(4); err != nil {
		t.Fatal(err)
	}
	if found, ok, err := l.OffsetForTimestamp(MaxTimestamp); err != nil || !ok || found.Offset != 3 {
		t.Errorf("the largest timestamp is at %+v, %v, %v; want offset 3", found, ok, err)
	}
}

func TestTruncateFullyAndStartAt(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1000)))
	l := b.log()
	b.fill(l, 50)
	if err := l.TruncateFullyAndStartAt(200); err != nil {
		t.Fatal(err)
	}
	if l.LogStartOffset() != 200 || l.LogEndOffset() != 200 || l.HighWatermark() != 200 || l.NumSegments() != 1 {
		t.Errorf("%s, high watermark %d, %d segments", l, l.HighWatermark(), l.NumSegments())
	}
	b.fill(l, 210)
	b.kill()
	holds(t, b.log(), 200, 210)
}
