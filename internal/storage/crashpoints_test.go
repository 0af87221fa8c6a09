package storage

import (
	"math/rand/v2"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
)

// afterCrashes opens what power cuts may leave of the present disk, many times, and calls check for each.
func (b *bench) afterCrashes(check func(l *Log)) {
	b.t.Helper()
	original := b.mem
	for seed := range uint64(40) {
		b.abandon()
		clone := original.CrashClone(rand.New(rand.NewPCG(seed, 4)))
		b.mem, b.fs = clone, clone
		b.open()
		check(b.log())
		if b.t.Failed() {
			b.t.Fatalf("seed %d, logged:\n%s", seed, b.sink)
		}
	}
}

func findsNewest(t *testing.T, newest time.Time, offset int64) func(*Log) {
	return func(l *Log) {
		t.Helper()
		if found, ok, err := l.OffsetForTimestamp(newest.UnixMilli()); err != nil || !ok || found.Offset != offset {
			t.Errorf("the newest record: %+v, %v, %v; want offset %d", found, ok, err, offset)
		}
	}
}

// fourBatches appends batches of which the third gets entries in the indexes by its distance, and the fourth only when the
// segment is closed. It returns the time of the fourth.
func fourBatches(b *bench, l *Log) (newest time.Time) {
	b.t.Helper()
	for range 4 {
		b.clock.Advance(time.Second)
		newest = b.clock.Now()
		b.append(l, "x")
	}
	return newest
}

func everySecondBatch(c *config.Topic) { c.IndexIntervalBytes = 100 }

func TestTheLastTimeEntryOfARolledSegmentIsSynced(t *testing.T) {
	b := newBench(t, defaultTopic(everySecondBatch))
	l := b.log()
	newest := fourBatches(b, l)
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := l.Roll(); err != nil { // just at the recovery point
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := b.m.dirs[0].writeCheckpoints(); err != nil {
		t.Fatal(err)
	}
	b.afterCrashes(findsNewest(t, newest, 3))
}

func TestTheLastTimeEntryOfACleanStopIsSynced(t *testing.T) {
	b := newBench(t, defaultTopic(everySecondBatch, func(c *config.Topic) { c.FlushMessages = 1 }))
	newest := fourBatches(b, b.log())
	b.close()
	b.afterCrashes(findsNewest(t, newest, 3))
}

func TestRetentionLeavesNoGapForACrash(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(500)))
	l := b.log()
	b.fill(l, 50)
	if err := l.Flush(); err != nil { // durable, and the checkpoint does not say so yet
		t.Fatal(err)
	}
	if err := l.DeleteRecordsBefore(40); err != nil {
		t.Fatal(err)
	}
	b.afterCrashes(func(l *Log) {
		if l.LogEndOffset() != 50 || l.LogStartOffset() > 40 {
			t.Errorf("%s: want the records from 40 to 50", l)
		}
	})
}

func TestEmptyingByRetentionKeepsTheEnd(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(500)))
	l := b.log()
	b.fill(l, 20)
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	b.topic.RetentionMs = 1
	b.clock.Advance(time.Second)
	if _, err := l.ApplyRetention(); err != nil || l.LogStartOffset() != 20 {
		t.Fatal(err, l)
	}
	b.afterCrashes(func(l *Log) {
		if l.LogEndOffset() != 20 {
			t.Errorf("%s: offsets that were given before would be given again", l)
		}
	})
}
