package storage

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

func TestTheTransactionIndexOfACleanedSegment(t *testing.T) {
	c := newSwapCrash(t)
	path := "/data/topic-0/" + fileName(12, txnIndexSuffix)
	c.clean()
	list, err := ReadTransactionIndex(c.fs, path, 12)
	if err != nil || len(list) != 1 || list[0] != c.aborted[0] {
		t.Fatalf("%+v, %v, want %+v", list, err, c.aborted)
	}
	// The data are gone; once a round has seen that, nobody needs the entry.
	l := c.log()
	c.roll(l)
	c.put(l, nil, kv{"x", "1"})
	c.put(l, func(b *record.Builder) {
		b.Transactional, b.ProducerID, b.ProducerEpoch, b.BaseSequence = true, 8, 0, 2
	}, kv{"y", "1"}) // so that the empty batch of the aborted one need not stay
	marker := record.AppendMarkerBatch(nil, 8, 0, record.Marker{Type: record.ControlCommit}, c.clock.Now().UnixMilli())
	if _, err := l.Append(marker, AppendOptions{Origin: OriginCoordinator}); err != nil {
		t.Fatal(err)
	}
	l.SetHighWatermark(l.LogEndOffset())
	for range 2 {
		c.put(l, nil, kv{"x", "2"})
		c.roll(l)
		c.clean()
	}
	if aborted := c.abortedOf(l); len(aborted) != 0 {
		t.Errorf("%+v", aborted)
	}
	if _, err := c.fs.Stat(path); err == nil {
		t.Error("an index without entries is left")
	}
	c.sound()
}

func TestTheCleanersCheckpoint(t *testing.T) {
	b := compactBench(t)
	l := b.log()
	for i := range 20 {
		b.put(l, nil, kv{"a", fmt.Sprint(i)})
	}
	b.roll(l)
	b.clean()
	text, err := readFile(b.fs, "/data/cleaner-offset-checkpoint")
	if want := "0\n1\ntopic 0 20\n"; err != nil || string(text) != want {
		t.Fatalf("%q, %v, want %q", text, err, want)
	}
	b.kill()
	if l = b.log(); l.cleanedTo.Load() != 20 {
		t.Errorf("after a restart the checkpoint is %d", l.cleanedTo.Load())
	}
	must(t, l.TruncateTo(15))
	if text, _ := readFile(b.fs, "/data/cleaner-offset-checkpoint"); !strings.HasSuffix(string(text), fmt.Sprintf("topic 0 %d\n", l.LogEndOffset())) || l.LogEndOffset() > 15 {
		t.Errorf("after a truncation it is %q, and the log ends at %d", text, l.LogEndOffset())
	}
	must(t, b.m.Delete(testPartition))
	b.log()
	if text, _ := readFile(b.fs, "/data/cleaner-offset-checkpoint"); string(text) != "0\n0\n" {
		t.Errorf("it speaks of a deleted topic to one of the same name: %q", text)
	}
}

func TestACheckpointThatDoesNotFit(t *testing.T) {
	b := compactBench(t)
	l := b.log()
	b.put(l, nil, kv{"a", "1"})
	b.put(l, nil, kv{"a", "2"})
	b.roll(l)
	l.cleanedTo.Store(1000)
	b.clean()
	b.logged("does not fit")
	wantKept(t, l, map[int64]string{1: "a=2"})
	if l.cleanedTo.Load() != 2 {
		t.Errorf("%d", l.cleanedTo.Load())
	}
}

func TestNothingIsCutWhenTheTopicIsNoLongerCompacted(t *testing.T) {
	b := compactBench(t)
	l := b.log()
	for i := range 60 {
		b.put(l, nil, kv{fmt.Sprint("key", i%4), fmt.Sprint(i)})
	}
	b.roll(l)
	b.put(l, nil, kv{"key0", "last"})
	for range 2 {
		b.clean()
		b.put(l, nil, kv{"key1", "last"})
		b.roll(l)
	}
	must(t, l.Flush())
	want, end := kept(t, l), l.LogEndOffset()
	if len(want) > 10 || l.NumSegments() < 3 {
		t.Fatal(want, l.NumSegments())
	}
	b.topic = defaultTopic(smallSegments(1000))
	must(t, b.fs.Remove("/data/recovery-point-offset-checkpoint")) // all of it is recovered, and nothing is known
	b.kill()
	b.logged("recovering")
	if l := b.log(); l.LogEndOffset() != end || l.RecoveryPoint() != 0 {
		t.Fatalf("%s, recovery point %d, want the end %d", l, l.RecoveryPoint(), end)
	}
	wantKept(t, b.log(), want)
}

func TestDamageMakesALogUncleanable(t *testing.T) {
	b := compactBench(t)
	l := b.log()
	for i := range 10 {
		b.put(l, nil, kv{"a", fmt.Sprint(i)})
	}
	b.roll(l)
	flipBit(t, b.fs, "/data/topic-0/"+fileName(0, logSuffix), 205)
	other := b.logOf(TopicPartition{"other", 0})
	b.put(other, nil, kv{"a", "1"})
	b.put(other, nil, kv{"a", "2"})
	b.roll(other)
	b.clock.Advance(time.Minute)
	stats := b.m.CleanerStats()
	if reason := stats.Uncleanable[testPartition]; !strings.Contains(reason, "the batch at offset 2") {
		t.Errorf("%+v", stats)
	}
	if stats.Failed != 1 || stats.Cleanings != 1 {
		t.Errorf("%+v", stats)
	}
	if state, err := l.Compaction(); err != nil || state.Uncleanable == "" || state.DirtyRatio != 1 {
		t.Errorf("%+v, %v", state, err)
	}
	wantKept(t, other, map[int64]string{1: "a=2"})
	if l.dir.online() != nil || l.LogEndOffset() != 10 {
		t.Error("the log is not left as it is")
	}
	noStrayFiles(t, b, "/data/topic-0")
	b.logged("cannot be cleaned")
}

func TestRetentionOfCompactedLogs(t *testing.T) {
	b := compactBench(t, func(c *config.Topic) { c.CleanupDelete, c.RetentionMs = true, time.Hour.Milliseconds() })
	l := b.log()
	b.put(l, nil, kv{"a", "1"}, kv{"b", "1"})
	b.put(l, nil, kv{"a", "2"})
	b.roll(l)
	b.clock.Advance(30 * time.Second)
	wantKept(t, l, map[int64]string{1: "b=1", 2: "a=2"})
	b.clock.Advance(59 * time.Minute)
	b.put(l, nil, kv{"c", "1"})
	wantKept(t, l, map[int64]string{1: "b=1", 2: "a=2", 3: "c=1"})
	b.clock.Advance(time.Minute)
	wantKept(t, l, map[int64]string{3: "c=1"})
	if l.LogStartOffset() != 3 {
		t.Errorf("%s", l)
	}
	b.restart()
	if l := b.log(); l.LogStartOffset() != 3 {
		t.Errorf("after a restart: %s", l)
	}
}

func TestThreadsComeAndGo(t *testing.T) {
	b := compactBench(t)
	b.m.UpdateSettings(func(o *ManagerOptions) { o.Cleaner.Threads = 3 })
	count := func() int {
		b.m.cleaner.mu.Lock()
		defer b.m.cleaner.mu.Unlock()
		return len(b.m.cleaner.threads)
	}
	if count() != 3 {
		t.Errorf("%d threads", count())
	}
	b.m.UpdateSettings(func(o *ManagerOptions) { o.Cleaner.Threads = 1 })
	b.clock.Advance(time.Minute)
	if count() != 1 {
		t.Errorf("%d threads", count())
	}
	b.m.UpdateSettings(func(o *ManagerOptions) { o.Cleaner.Disabled = true })
	b.clock.Advance(time.Minute)
	l := b.log()
	b.put(l, nil, kv{"a", "1"})
	b.put(l, nil, kv{"a", "2"})
	b.roll(l)
	b.clock.Advance(time.Minute)
	if count() != 0 || b.m.CleanerStats().Cleanings != 0 {
		t.Errorf("%d threads, although the cleaner is switched off", count())
	}
	b.m.UpdateSettings(func(o *ManagerOptions) { o.Cleaner.Disabled = false })
	b.clock.Advance(time.Minute)
	wantKept(t, l, map[int64]string{1: "a=2"})
}

func TestASmallMapTakesSeveralRounds(t *testing.T) {
	b := compactBench(t)
	b.m.UpdateSettings(func(o *ManagerOptions) { o.Cleaner.DedupeBufferBytes = 24 * 10 })
	l := b.log()
	for i := range 100 {
		b.put(l, nil, kv{fmt.Sprint("key", i%30), fmt.Sprint(i)})
	}
	b.roll(l)
	if n := b.clean(); n < 4 {
		t.Errorf("%d rounds", n)
	}
	if s := b.m.CleanerStats().LastOfThread[0]; s.MapBytes > 240 || s.MapUtilization > 0.9 {
		t.Errorf("%+v", s)
	}
	if got := kept(t, l); len(got) != 30 || got[99] != "key9=99" || got[70] != "key10=70" {
		t.Errorf("%v", got)
	}
	b.sound()
}

func TestCleaningBatchesLargerThanTheBuffers(t *testing.T) {
	b := compactBench(t, func(c *config.Topic) { c.SegmentBytes = 1 << 20 })
	b.m.UpdateSettings(func(o *ManagerOptions) { o.Cleaner.IOBufferBytes = 1 })
	l := b.log()
	big := strings.Repeat("x", 10*minIOBufferBytes)
	for i := range 4 {
		b.put(l, nil, kv{"small", fmt.Sprint(i)})
		b.put(l, nil, kv{"big", big + fmt.Sprint(i)}, kv{fmt.Sprint("other", i%2), "1"})
	}
	b.roll(l)
	if b.clean() != 1 {
		t.Fatal(b.sink)
	}
	wantKept(t, l, map[int64]string{8: "other0=1", 9: "small=3", 10: "big=" + big + "3", 11: "other1=1"})
	b.sound()
}

func TestSegmentsBecomeOne(t *testing.T) {
	b := compactBench(t)
	l := b.log()
	for i := range 80 {
		b.put(l, nil, kv{fmt.Sprint("key", i%3), fmt.Sprint(i)})
	}
	b.roll(l)
	for i := range 2 {
		b.clean()
		b.put(l, nil, kv{"last", fmt.Sprint(i)})
		b.roll(l)
	}
	if l.NumSegments() > 4 {
		t.Errorf("%d segments", l.NumSegments())
	}
	bases := map[int64]bool{}
	for _, s := range l.list() {
		bases[s.base] = true
	}
	for _, offset := range l.producers.snapshots {
		if !bases[offset] {
			t.Errorf("the snapshot of %d is left", offset)
		}
	}
	if found, ok, err := l.OffsetForTimestamp(testStart.UnixMilli()); err != nil || !ok || found.Offset != 77 {
		t.Errorf("%+v, %v, %v", found, ok, err)
	}
	b.clock.Advance(2 * time.Minute) // the files go
	entries, err := b.fs.ReadDir("/data/topic-0")
	must(t, err)
	for _, e := range entries {
		if strings.Contains(e.Name, deletedSuffix) {
			t.Errorf("%s is left", e.Name)
		}
	}
	b.restart()
	b.sound()
}

func TestCompactionLag(t *testing.T) {
	b := compactBench(t, func(c *config.Topic) { c.MinCompactionLagMs = time.Hour.Milliseconds() })
	l := b.log()
	b.put(l, nil, kv{"a", "1"})
	b.put(l, nil, kv{"a", "2"})
	b.roll(l)
	b.clock.Advance(time.Hour - time.Millisecond)
	wantKept(t, l, map[int64]string{0: "a=1", 1: "a=2"})
	b.clock.Advance(time.Minute)
	wantKept(t, l, map[int64]string{1: "a=2"})

	b = compactBench(t, func(c *config.Topic) {
		c.MinCleanableDirtyRate, c.MaxCompactionLagMs, c.SegmentMs = 1, time.Hour.Milliseconds(), 24*time.Hour.Milliseconds()
	})
	l = b.log()
	b.put(l, nil, kv{"a", "1"})
	b.put(l, nil, kv{"a", "2"})
	b.clock.Advance(time.Hour + time.Minute)
	b.put(l, nil, kv{"b", "1"}) // the segment has been open for the lag, and is closed
	b.clock.Advance(time.Minute)
	wantKept(t, l, map[int64]string{1: "a=2", 2: "b=1"})
}

func TestSegmentJitterSpreadsRolls(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) {
		c.SegmentMs, c.SegmentJitterMs = time.Hour.Milliseconds(), time.Hour.Milliseconds()/2
	}))
	seen := map[int64]bool{}
	for i := range int32(50) {
		l := b.logOf(TopicPartition{"jitter", i})
		jitterMs := l.active().jitterMs
		if jitterMs < 0 || jitterMs >= l.Config().SegmentJitterMs {
			t.Fatalf("jitter %d", jitterMs)
		}
		seen[jitterMs] = true
		first := b.clock.Now()
		for _, c := range []struct {
			afterMs int64
			rolls   int
		}{{0, 1}, {l.Config().SegmentMs - jitterMs, 1}, {l.Config().SegmentMs - jitterMs + 1, 2}} {
			b.appendBatch(l, batchOf(t, first.Add(time.Duration(c.afterMs)*time.Millisecond), "x"))
			if l.NumSegments() != c.rolls {
				t.Errorf("with a jitter of %d ms: %d segments after %d ms", jitterMs, l.NumSegments(), c.afterMs)
			}
		}
	}
	if len(seen) < 25 {
		t.Errorf("only %d different jitters", len(seen))
	}
}

func TestReadersOfSegmentsThatAreReplaced(t *testing.T) {
	for _, fsys := range []string{"memory", "disk"} {
		t.Run(fsys, func(t *testing.T) {
			b := compactBench(t, func(c *config.Topic) { c.FileDeleteDelay = 0 })
			if fsys == "disk" {
				b.close()
				b.mem, b.fs, b.dirs = nil, vfs.OS, []string{t.TempDir()}
				b.open()
			}
			l := b.log()
			for i := range 20 {
				b.put(l, nil, kv{"a", fmt.Sprint(i)})
			}
			b.roll(l)
			slice, err := l.Read(3, 1<<20, 1<<40, true)
			must(t, err)
			old := l.list()
			b.clean()
			b.clock.Advance(time.Millisecond) // the old files are removed
			data := make([]byte, slice.Len())
			if n, err := slice.ReadAt(data, 0); n != len(data) {
				t.Fatal(n, err)
			}
			if batch := record.Batch(data[:record.Batch(data).Size()]); batch.BaseOffset() != 3 || batch.CheckCRC() != nil {
				t.Errorf("the slice holds offset %d", batch.BaseOffset())
			}
			if _, _, ok := slice.File(); ok != (fsys == "disk") {
				t.Error("no file for sendfile")
			}
			slice.Release()
			if _, err := old[0].acquire(); err == nil {
				t.Error("the old file can still be opened")
			}
		})
	}
}

func TestRecordsWithoutTimestampsStayAsOldAsTheyAre(t *testing.T) {
	b := compactBench(t, func(c *config.Topic) { c.CleanupDelete, c.RetentionMs = true, time.Hour.Milliseconds() })
	l := b.log()
	for i := range 3 {
		builder := record.NewBuilder(record.CodecNone)
		must(t, builder.Append(&record.Record{Timestamp: record.NoTimestamp, Key: []byte("a"), Value: []byte(fmt.Sprint(i))}))
		batch, err := builder.Build()
		must(t, err)
		b.appendBatch(l, batch)
	}
	b.roll(l)
	b.clock.Advance(59 * time.Minute)
	wantKept(t, l, map[int64]string{2: "a=2"}) // cleaned long after it was written
	b.put(l, nil, kv{"b", "1"})
	b.clock.Advance(2 * time.Minute)
	wantKept(t, l, map[int64]string{3: "b=1"})
}
