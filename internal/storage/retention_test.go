package storage

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/protocol"
)

// names lists a directory.
func (b *bench) names(dir, containing string) (list []string) {
	b.t.Helper()
	entries, err := b.fs.ReadDir(dir)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range entries {
		if strings.Contains(e.Name, containing) {
			list = append(list, e.Name)
		}
	}
	return list
}

func TestRetentionByBytes(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1000)))
	l := b.log()
	b.fill(l, 50)
	keep := *b.topic
	keep.RetentionBytes = l.SizeBytes() - l.list()[0].size() - l.list()[1].size() - l.list()[2].size() + 1
	l.UpdateConfig(&keep)
	want := l.list()[2].base
	if removed, err := l.ApplyRetention(); removed != 2 || err != nil {
		t.Errorf("removed %d segments, %v; want 2", removed, err)
	}
	holds(t, l, want, 50)
	if _, err := l.Read(want-1, 100, math.MaxInt64, true); !errors.Is(err, ErrOffsetOutOfRange) {
		t.Errorf("reading what is gone: %v", err)
	}
}

func TestRetentionByTime(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.RetentionMs = 10_000 }))
	l := b.log()
	for range 3 {
		b.append(l, "x")
		if err := l.Roll(); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(4 * time.Second)
	}
	b.clock.Advance(2 * time.Second) // the first is 14 seconds old, the second 10, the third 6
	if removed, err := l.ApplyRetention(); removed != 1 || err != nil || l.LogStartOffset() != 1 {
		t.Errorf("removed %d, %v, the log starts at %d", removed, err, l.LogStartOffset())
	}
	b.clock.Advance(12 * time.Second) // by then the background has not begun
	if removed, err := l.ApplyRetention(); removed != 2 || err != nil || l.LogStartOffset() != 3 || l.NumSegments() != 1 {
		t.Errorf("removed %d, %v, the log starts at %d", removed, err, l.LogStartOffset())
	}
}

func TestRetentionRemovesTheActiveSegmentToo(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.RetentionMs = 1000 }))
	l := b.log()
	b.append(l, "old")
	b.clock.Advance(10 * time.Second)
	if removed, err := l.ApplyRetention(); removed != 1 || err != nil {
		t.Fatalf("removed %d, %v", removed, err)
	}
	if info := b.append(l, "new"); info.FirstOffset != 1 || l.LogStartOffset() != 1 {
		t.Errorf("the next append went to %d, the log starts at %d", info.FirstOffset, l.LogStartOffset())
	}
}

func TestRetentionStopsAtTheHighWatermark(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.RetentionMs, c.RetentionBytes = 1, 1; smallSegments(1000)(c) }))
	l := b.log()
	b.fill(l, 50)
	second := l.list()[1].base
	l.SetHighWatermark(second + 1)
	b.clock.Advance(10 * time.Second)
	if removed, err := l.ApplyRetention(); removed != 1 || err != nil || l.LogStartOffset() != second {
		t.Errorf("removed %d, %v; the log starts at %d, the high watermark is %d", removed, err, l.LogStartOffset(), second+1)
	}
}

func TestCompactedTopicsKeepTheirSegments(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.CleanupDelete, c.RetentionMs = false, 1 }))
	l := b.log()
	b.append(l, "x")
	b.clock.Advance(time.Hour)
	if removed, err := l.ApplyRetention(); removed != 0 || err != nil {
		t.Errorf("removed %d, %v", removed, err)
	}
}

func TestRemovedSegmentsGoAfterTheDelayAndReadersFinish(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1000)))
	l := b.log()
	b.fill(l, 50)
	slice, err := l.Read(0, 1000, math.MaxInt64, true)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]byte, slice.Len())
	if _, err := slice.ReadAt(want, 0); err != nil {
		t.Fatal(err)
	}
	if err := l.DeleteRecordsBefore(50); err != nil {
		t.Fatal(err)
	}
	if len(b.names("/data/topic-0", deletedSuffix)) == 0 {
		t.Error("the files were removed at once, or not at all")
	}
	b.clock.Advance(b.topic.FileDeleteDelay)
	if left := b.names("/data/topic-0", deletedSuffix); len(left) != 0 {
		t.Errorf("after the delay there are still %v", left)
	}
	got := make([]byte, len(want))
	if _, err := slice.ReadAt(got, 0); err != nil || string(got) != string(want) {
		t.Errorf("a reader that began before could not finish: %v", err)
	}
	slice.Release()
	b.restart()
	holds(t, b.log(), 50, 50)
}

func TestDeletedFilesOfAnEarlierLifeAreRemovedAtOpening(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1000)))
	b.fill(b.log(), 50)
	if err := b.log().DeleteRecordsBefore(30); err != nil {
		t.Fatal(err)
	}
	b.restart()
	if left := b.names("/data/topic-0", deletedSuffix); len(left) != 0 {
		t.Errorf("there are still %v", left)
	}
}

func TestDeleteRecordsBefore(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1000)))
	l := b.log()
	b.fill(l, 50)
	l.SetHighWatermark(40)
	for _, offset := range []int64{41, -2} {
		if err := l.DeleteRecordsBefore(offset); ErrorCode(err) != protocol.OffsetOutOfRange {
			t.Errorf("DeleteRecordsBefore(%d): %v", offset, err)
		}
	}
	middle := l.list()[1].base + 2
	if err := l.DeleteRecordsBefore(middle); err != nil || l.list()[0].base > middle {
		t.Fatalf("%v; the first segment begins at %d", err, l.list()[0].base)
	}
	holds(t, l, middle, 50)
	if err := l.DeleteRecordsBefore(3); err != nil || l.LogStartOffset() != middle {
		t.Errorf("a smaller offset moved the start to %d, %v", l.LogStartOffset(), err)
	}
	if err := l.DeleteRecordsBefore(-1); err != nil || l.LogStartOffset() != 40 {
		t.Errorf("-1 moved the start to %d, %v; want the high watermark", l.LogStartOffset(), err)
	}
}

func TestRaiseLogStartOffset(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1000)))
	l := b.log()
	b.fill(l, 50)
	if err := l.RaiseLogStartOffset(1000); err != nil || l.LogStartOffset() != 50 {
		t.Errorf("the start is %d, %v; want no more than the end", l.LogStartOffset(), err)
	}
}

func TestRetentionRunsByItself(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.RetentionMs = 1000 }))
	l := b.log()
	b.append(l, "old")
	b.clock.Advance(initialDelay + 5*time.Minute)
	if l.LogStartOffset() != 1 {
		t.Error("nothing was removed")
	}
}
