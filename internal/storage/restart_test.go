package storage

import (
	"strings"
	"testing"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/vfs"
)

// readCounter counts what is read of files whose names end in a suffix.
type readCounter map[string]int

func (r readCounter) inject(op vfs.Op, name string) vfs.Fault {
	if op == vfs.OpRead {
		r[name[strings.LastIndexByte(name, '.')+1:]]++
	}
	return vfs.Fault{}
}

func TestCleanRestart(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(2000)))
	l := b.log()
	b.fill(l, 100)
	if err := l.AssignEpoch(4, 100); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(batchOf(t, b.clock.Now(), valueAt(100)), AppendOptions{LeaderEpoch: 4}); err != nil {
		t.Fatal(err)
	}
	l.SetHighWatermark(101)
	b.close()
	b.sound()
	reads := readCounter{}
	b.mem.Inject(reads.inject)
	b.open()
	b.mem.Inject(nil)
	if reads["log"] > 1 {
		t.Errorf("a clean start read batches %d times", reads["log"])
	}
	l, err := b.m.Get(testPartition)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, l, 0, 101)
	if l.HighWatermark() != 101 || l.RecoveryPoint() != 101 || l.TopicID() != [16]byte{1, 2, 3} {
		t.Errorf("high watermark %d, recovery point %d, topic id %v", l.HighWatermark(), l.RecoveryPoint(), l.TopicID())
	}
	if epoch, ok := l.LatestEpoch(); epoch != 4 || !ok {
		t.Errorf("the latest epoch is %d, %v", epoch, ok)
	}
	if info := b.append(l, valueAt(101)); info.FirstOffset != 101 {
		t.Errorf("the next offset is %d", info.FirstOffset)
	}
}

func TestAppendsAfterACleanRestartAreRecovered(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(2000)))
	b.fill(b.log(), 40)
	b.restart()
	b.fill(b.log(), 80)
	b.kill()
	holds(t, b.log(), 0, 80)
	b.logged("not closed in order")
	b.close()
	b.sound()
}

func TestKillBeforeTheFirstFlush(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.fill(b.log(), 3)
	b.kill()
	holds(t, b.log(), 0, 3)
}

func TestRecoveryReadsOnlyPastTheRecoveryPoint(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(4000)))
	l := b.log()
	b.fill(l, 500)
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := b.m.dirs[0].writeCheckpoints(); err != nil {
		t.Fatal(err)
	}
	b.fill(l, 505)
	segments := l.NumSegments()
	b.abandon()
	touched := map[string]bool{}
	b.mem.Inject(func(op vfs.Op, name string) vfs.Fault {
		if op == vfs.OpRead && strings.HasSuffix(name, logSuffix) {
			touched[name] = true
		}
		return vfs.Fault{}
	})
	b.open()
	b.mem.Inject(nil)
	if segments < 5 || len(touched) > 2 {
		t.Errorf("recovery read %d of %d segments", len(touched), segments)
	}
	holds(t, b.log(), 0, 505)
}

func TestTornTailIsCut(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.fill(l, 20)
	size := l.SizeBytes()
	b.abandon()
	name := "/data/topic-0/" + fileName(0, logSuffix)
	f, err := b.fs.OpenReadWrite(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("half a batch"), size); err != nil {
		t.Fatal(err)
	}
	b.open()
	l = b.log()
	holds(t, l, 0, 20)
	b.logged("cutBytes=12")
	b.logged("position=" + itoa(size))
	b.fill(l, 25)
	b.restart()
	holds(t, b.log(), 0, 25)
}

func TestACutBelowTheRecoveryPointIsCheckpointedAtOnce(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.fill(b.log(), 20)
	b.close()
	name := "/data/topic-0/" + fileName(0, logSuffix)
	f, err := b.fs.OpenReadWrite(name)
	if err != nil {
		t.Fatal(err)
	}
	size, _ := f.Size()
	if err := f.Truncate(size - 10); err != nil {
		t.Fatal(err)
	}
	b.open() // the shutdown was clean, and still a file is short
	holds(t, b.log(), 0, 19)
	b.logged("closed in order is damaged")
	points, err := ReadOffsetCheckpoint(b.fs, "/data/"+recoveryPointCheckpointName)
	if err != nil || points[testPartition] > 19 {
		t.Errorf("the checkpoint says %v, %v: what is appended at 19 now would count as durable", points, err)
	}
}

func TestLogStartOffsetSurvives(t *testing.T) {
	for name, stop := range map[string]func(*bench){"clean": (*bench).close, "kill": func(b *bench) {
		if err := b.m.dirs[0].writeStartOffsets(); err != nil {
			b.t.Fatal(err)
		}
		b.abandon()
	}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, defaultTopic())
			l := b.log()
			b.fill(l, 10)
			if err := l.DeleteRecordsBefore(6); err != nil {
				t.Fatal(err)
			}
			stop(b)
			b.open()
			holds(t, b.log(), 6, 10)
		})
	}
}

func TestLogThatEndsBeforeItsStartIsEmptied(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.fill(l, 10)
	if err := l.DeleteRecordsBefore(6); err != nil {
		t.Fatal(err)
	}
	b.close()
	if err := b.fs.Remove("/data/topic-0/" + fileName(0, logSuffix)); err != nil {
		t.Fatal(err)
	}
	b.open()
	holds(t, b.log(), 6, 6)
	if info := b.append(b.log(), "x"); info.FirstOffset != 6 {
		t.Errorf("the next offset is %d", info.FirstOffset)
	}
	b.close()
	b.sound()
}

func TestCloseTwiceWritesNothingTheSecondTime(t *testing.T) {
	b := newBench(t, defaultTopic())
	first := b.m
	b.fill(b.log(), 3)
	b.restart()
	b.fill(b.log(), 5)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.fs.Stat("/data/" + cleanShutdownName); err == nil {
		t.Error("a manager that was closed long ago declared the directory of another one clean")
	}
}

func TestAppendAfterCloseIsRefused(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.close()
	if _, err := l.Append(batchOf(t, testStart, "x"), AppendOptions{}); err == nil {
		t.Error("an append after Close was taken")
	}
}

func TestSettingsWithoutDefaultTopicAreRefused(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.close()
	b.options = func(o *ManagerOptions) { o.Default = nil }
	if _, err := b.tryOpen(); err == nil {
		t.Error("a manager without topic settings was opened")
	}
}

func TestLargestTimestampSurvivesACleanRestartAfterAFlush(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.FlushMessages = 1 }))
	l := b.log()
	b.append(l, "a")
	b.clock.Advance(5e9)
	newest := b.clock.Now()
	b.append(l, "b")
	b.restart()
	l = b.log()
	b.clock.Advance(3600e9)
	found, ok, err := l.OffsetForTimestamp(newest.UnixMilli())
	if err != nil || !ok || found.Offset != 1 {
		t.Errorf("found %+v, %v, %v; want offset 1", found, ok, err)
	}
}
