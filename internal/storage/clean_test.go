package storage

import (
	"fmt"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
)

func TestCleaningKeepsTheLastOfEachKey(t *testing.T) {
	for codec := record.CodecNone; codec <= record.CodecZstd; codec++ {
		t.Run(codec.String(), func(t *testing.T) {
			b := compactBench(t)
			l := b.log()
			compress := func(r *record.Builder) { r.Codec = codec }
			b.put(l, compress, kv{"a", "1"}, kv{"b", "1"})
			b.put(l, compress, kv{"a", "2"}, kv{"c", "1"})
			b.put(l, compress, kv{"b", "2"})
			b.roll(l)
			b.put(l, compress, kv{"c", "2"}) // of the active segment, which counts for nothing yet
			if n := b.clean(); n != 1 {
				t.Fatalf("%d cleanings\n%s", n, b.sink)
			}
			want := map[int64]string{2: "a=2", 3: "c=1", 4: "b=2", 5: "c=2"}
			wantKept(t, l, want)
			for _, batch := range batches(t, l, 0) {
				if batch.NumRecords() > 0 && batch.Codec() != codec {
					t.Errorf("the batch at %d has the codec %s", batch.BaseOffset(), batch.Codec())
				}
			}
			b.restart()
			b.sound()
			wantKept(t, b.log(), want)
			if l := b.log(); l.cleanedTo.Load() != 5 || l.LogEndOffset() != 6 {
				t.Errorf("%s, cleaned to %d", l, l.cleanedTo.Load())
			}
		})
	}
}

func TestCleaningInTheBackground(t *testing.T) {
	b := compactBench(t)
	l := b.log()
	for i := range 100 {
		b.put(l, nil, kv{fmt.Sprint("key", i%5), fmt.Sprint("value", i)})
	}
	size := l.SizeBytes()
	b.clock.Advance(15 * time.Second)
	if l.SizeBytes() > size/4 {
		t.Fatalf("%d bytes, %d before\n%s", l.SizeBytes(), size, b.sink)
	}
	stats := b.m.CleanerStats()
	if stats.Cleanings != 1 || stats.BytesRead <= stats.BytesWritten || stats.LastOfThread[0].RecordsRead < 50 {
		t.Errorf("%+v", stats)
	}
	b.logged("cleaned a log")
	end := l.active().base
	if state, err := l.Compaction(); err != nil || state.FirstDirty != end || state.DirtyRatio != 0 || !state.Compacted {
		t.Errorf("%+v, %v", state, err)
	}
	b.clock.Advance(15 * time.Second)
	if again := b.m.CleanerStats(); again.Cleanings != 1 {
		t.Errorf("cleaned again although nothing had changed: %+v", again)
	}
	got := kept(t, l)
	for i := end - 5; i < 100; i++ {
		if want := fmt.Sprintf("key%d=value%d", i%5, i); got[i] != want {
			t.Errorf("offset %d holds %q, want %q", i, got[i], want)
		}
	}
	b.sound()
}

func TestTombstonesLiveAsLongAsPromised(t *testing.T) {
	b := compactBench(t, func(c *config.Topic) { c.DeleteRetention = time.Hour })
	l := b.log()
	b.put(l, nil, kv{"a", "1"}, kv{"b", "1"})
	b.put(l, nil, kv{"a", ""}, kv{"d", "1"})
	b.roll(l)
	b.clean()
	wantKept(t, l, map[int64]string{1: "b=1", 2: "a=", 3: "d=1"})
	horizon, ok := batches(t, l, 2)[0].DeleteHorizon()
	if want := b.clock.Now().Add(time.Hour).UnixMilli(); !ok || horizon != want {
		t.Fatalf("the delete horizon is %d, want %d", horizon, want)
	}
	b.clock.Advance(time.Hour - time.Millisecond)
	b.put(l, nil, kv{"e", "1"})
	b.roll(l)
	b.clean()
	wantKept(t, l, map[int64]string{1: "b=1", 2: "a=", 3: "d=1", 4: "e=1"})
	b.clock.Advance(time.Millisecond)
	b.put(l, nil, kv{"f", "1"})
	b.roll(l)
	b.clean()
	wantKept(t, l, map[int64]string{1: "b=1", 3: "d=1", 4: "e=1", 5: "f=1"})
	if records, err := batches(t, l, 2)[0].Records(0); err != nil || records[0].Timestamp != testStart.UnixMilli() {
		t.Errorf("%v, %v", records, err)
	}
	b.sound()
}

func TestCleaningKeepsTheLastSequenceOfAProducer(t *testing.T) {
	b := compactBench(t)
	l := b.log()
	sequence := int32(0)
	producer := func(r *record.Builder) {
		r.ProducerID, r.ProducerEpoch, r.BaseSequence = 7, 1, sequence
		sequence++
	}
	b.put(l, producer, kv{"a", "1"})
	b.put(l, producer, kv{"a", "2"})
	b.put(l, nil, kv{"a", "3"})
	b.put(l, nil, kv{"b", "1"})
	b.roll(l)
	b.clean()
	wantKept(t, l, map[int64]string{2: "a=3", 3: "b=1"})
	first := batches(t, l, 0)[0]
	if first.BaseOffset() != 1 || first.NumRecords() != 0 || first.LastSequence() != 1 || first.ProducerEpoch() != 1 {
		t.Fatalf("the first batch is %d to %d with %d records, sequence %d", first.BaseOffset(), first.LastOffset(), first.NumRecords(), first.LastSequence())
	}
	b.close()
	if err := b.fs.Remove("/data/topic-0/" + fileName(4, snapshotSuffix)); err != nil {
		t.Fatal(err)
	}
	b.open()
	l = b.log()
	if states, err := l.ActiveProducers(); err != nil || len(states) != 1 || states[0].LastSequence != 1 {
		t.Fatalf("%+v, %v", states, err)
	}
	b.put(l, producer, kv{"c", "1"})
	b.sound()
}

func TestKeylessRecordsAreRefusedByCompactedTopics(t *testing.T) {
	b := compactBench(t)
	if _, err := b.log().Append(batchOf(t, b.clock.Now(), "no key"), AppendOptions{}); err == nil || ErrorCode(err) != batchErrorCode(record.KindInvalidRecord) {
		t.Errorf("%v", err)
	}
}
