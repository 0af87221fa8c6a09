package storage

import (
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
)

func TestRollBySize(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1000)))
	l := b.log()
	b.fill(l, 50)
	size := int64(len(batches(t, l, 0)[0]))
	for i, s := range l.list() {
		if s.size() > 1000 || i < l.NumSegments()-1 && s.size()+size+10 <= 1000 {
			t.Errorf("segment %d has %d bytes, of a limit of 1000 and batches of %d", s.base, s.size(), size)
		}
	}
	holds(t, l, 0, 50)
	b.close()
	b.sound()
}

func TestRollByTheRecordsTime(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.SegmentMs = 1000 }))
	l := b.log()
	old := testStart.Add(-48 * time.Hour)
	b.appendBatch(l, batchOf(t, old, "a"))
	b.clock.Advance(time.Hour) // the broker's time does not count
	b.appendBatch(l, batchOf(t, old.Add(time.Second), "b"))
	if l.NumSegments() != 1 {
		t.Errorf("%d segments after exactly segment.ms", l.NumSegments())
	}
	b.appendBatch(l, batchOf(t, old.Add(1001*time.Millisecond), "c"))
	if l.NumSegments() != 2 || l.active().base != 2 {
		t.Errorf("%d segments, the active one from %d, after more than segment.ms", l.NumSegments(), l.active().base)
	}
}

func TestRollByTimeWithoutTimestamps(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.SegmentMs = 1000 }))
	l := b.log()
	none := time.UnixMilli(record.NoTimestamp)
	b.appendBatch(l, batchOf(t, none, "a"))
	b.clock.Advance(1000 * time.Millisecond)
	b.appendBatch(l, batchOf(t, none, "b"))
	if l.NumSegments() != 1 {
		t.Errorf("%d segments after exactly segment.ms", l.NumSegments())
	}
	b.clock.Advance(time.Millisecond)
	b.appendBatch(l, batchOf(t, none, "c"))
	if l.NumSegments() != 2 {
		t.Errorf("%d segments after more than segment.ms", l.NumSegments())
	}
}

func TestRollWhenAnIndexIsFull(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.IndexIntervalBytes, c.SegmentIndexBytes = 1, 10*timeEntryBytes }))
	l := b.log()
	for range 40 {
		b.clock.Advance(time.Millisecond) // so that each gets an entry in the time index too
		b.append(l, "x")
	}
	if l.NumSegments() < 3 {
		t.Fatalf("%d segments of 40 batches, and the index has room for 10 entries", l.NumSegments())
	}
	for _, s := range l.list() {
		if s.times.count() > 10 || s.offsets.count() > 15 {
			t.Errorf("segment %d has %d time and %d offset entries", s.base, s.times.count(), s.offsets.count())
		}
	}
	b.close()
	b.sound()
}

func TestRollWhenOffsetsNoLongerFit(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	far := int64(1) << 31
	for _, offset := range []int64{0, far - 1, far} {
		batch := batchWith(t, testStart, func(r *record.Builder) { r.BaseOffset = offset }, "x")
		if _, err := l.Append(batch, AppendOptions{Origin: OriginReplication}); err != nil {
			t.Fatal(err)
		}
	}
	if l.NumSegments() != 2 || l.active().base != far {
		t.Errorf("%d segments, the active one from %d; want a second from %d", l.NumSegments(), l.active().base, far)
	}
	b.kill()
	if l := b.log(); l.LogEndOffset() != far+1 || len(contents(t, l, 0)) != 3 {
		t.Errorf("after a restart: %s", l)
	}
}

func TestRollOnDemandTakesASnapshot(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.append(l, "a")
	for range 2 { // the second time there is nothing to roll
		if err := l.Roll(); err != nil {
			t.Fatal(err)
		}
	}
	if l.NumSegments() != 2 {
		t.Errorf("%d segments", l.NumSegments())
	}
	if _, err := b.fs.Stat("/data/topic-0/00000000000000000001.snapshot"); err != nil {
		t.Error(err)
	}
}
