package storage

import (
	"errors"
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/vfs"
)

// failing makes one operation on files of one suffix fail until it is lifted.
func (b *bench) failing(op vfs.Op, suffix string, fault vfs.Fault) (lift func()) {
	b.mem.Inject(func(o vfs.Op, name string) vfs.Fault {
		if o == op && strings.HasSuffix(name, suffix) {
			return fault
		}
		return vfs.Fault{}
	})
	return func() { b.mem.Inject(nil) }
}

func TestFullDiskRefusesAndRecovers(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(2000)))
	l := b.log()
	b.fill(l, 30)
	size := l.SizeBytes()
	for _, room := range []int64{0, 1, 50} { // nothing fits, or a part of the batch does
		b.mem.SetCapacity(b.mem.UsedBytes() + room)
		for range 3 {
			_, err := l.Append(batchOf(t, b.clock.Now(), valueAt(30)), AppendOptions{})
			if !errors.Is(err, ErrNoSpace) || ErrorCode(err) != protocol.KafkaStorageError {
				t.Fatalf("an append to a full disk: %v", err)
			}
		}
		holds(t, l, 0, 30)
		if l.SizeBytes() != size {
			t.Errorf("the log has %d bytes, before it had %d", l.SizeBytes(), size)
		}
	}
	b.mem.SetCapacity(0)
	b.fill(l, 60)
	holds(t, l, 0, 60)
	b.kill()
	holds(t, b.log(), 0, 60)
	b.close()
	b.sound()
}

func TestFullDiskDuringRollAndFlush(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1000)))
	l := b.log()
	b.fill(l, 5)
	if err := l.AssignEpoch(3, 5); err != nil { // so that a flush has a file to write
		t.Fatal(err)
	}
	b.mem.SetCapacity(b.mem.UsedBytes())
	if err := l.Flush(); err != nil && !errors.Is(err, ErrNoSpace) {
		t.Errorf("Flush: %v", err)
	}
	if err := l.Roll(); !errors.Is(err, ErrNoSpace) {
		t.Errorf("Roll: %v", err)
	}
	b.clock.Advance(5 * time.Minute) // checkpoints fail, too
	b.mem.SetCapacity(0)
	if err := b.m.dirs[0].online(); err != nil {
		t.Fatalf("a full disk ended the directory: %v", err)
	}
	for n := int64(5); n < 40; n++ {
		if _, err := l.Append(batchOf(t, b.clock.Now(), valueAt(n)), AppendOptions{LeaderEpoch: 3}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	b.restart()
	holds(t, b.log(), 0, 40)
	b.close()
	b.sound()
}

func TestFullDiskDropsIndexEntriesOnly(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.IndexIntervalBytes = 1 }))
	l := b.log()
	lift := b.failing(vfs.OpWrite, indexSuffix, vfs.Fault{Err: syscall.ENOSPC, ShortBytes: 5})
	b.fill(l, 1100) // more than wait in memory
	lift()
	b.fill(l, 1200)
	holds(t, l, 0, 1200)
	b.restart()
	holds(t, b.log(), 0, 1200)
	b.close()
	b.sound()
}

func TestFailedSyncTakesTheDirectoryOffline(t *testing.T) {
	for _, c := range []struct {
		op     vfs.Op
		suffix string
		err    error
	}{
		{vfs.OpSync, logSuffix, syscall.EIO},
		{vfs.OpSync, logSuffix, syscall.ENOSPC}, // as well: what was not written is not known
		{vfs.OpSync, indexSuffix, syscall.EIO},
		{vfs.OpSyncDir, "topic-0", syscall.EIO},
		{vfs.OpSyncDir, "data", syscall.EIO},
	} {
		t.Run(string(c.op)+c.suffix+c.err.Error(), func(t *testing.T) {
			b := newBench(t, defaultTopic(func(c *config.Topic) { c.IndexIntervalBytes = 1 }))
			failed := ""
			b.m.UpdateSettings(func(o *ManagerOptions) { o.OnDirFailure = func(dir string, _ error) { failed += dir } })
			l := b.log()
			b.fill(l, 10)
			lift := b.failing(c.op, c.suffix, vfs.Fault{Err: c.err})
			if err := l.Flush(); !errors.Is(err, ErrDirOffline) {
				t.Errorf("Flush: %v", err)
			}
			lift() // the next sync would succeed, and must not be believed
			if err := l.Flush(); !errors.Is(err, ErrDirOffline) {
				t.Errorf("the next Flush: %v", err)
			}
			if _, err := l.Append(batchOf(t, testStart, "x"), AppendOptions{}); ErrorCode(err) != protocol.KafkaStorageError {
				t.Errorf("an append: %v", err)
			}
			waited := make(chan error, 1)
			l.WaitDurable(l.DurableOffset()+1, func(err error) { waited <- err })
			if err := <-waited; !errors.Is(err, ErrDirOffline) {
				t.Errorf("WaitDurable: %v", err)
			}
			if _, err := b.m.Get(testPartition); !errors.Is(err, ErrDirOffline) {
				t.Errorf("Get: %v", err)
			}
			if failed != "/data" {
				t.Errorf("OnDirFailure was called for %q", failed)
			}
			if d := b.m.DescribeDirs()[0]; d.Err == nil || len(b.m.DirectoryIDs()) != 0 {
				t.Errorf("the directory is described as %+v", d)
			}
			if err := b.m.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if _, err := b.fs.Stat("/data/" + cleanShutdownName); err == nil {
				t.Error("a failed directory was marked as closed in order")
			}
		})
	}
}

func TestWriteErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want error
	}{
		{"no free file handle", syscall.EMFILE, ErrIO},
		{"quota", syscall.EDQUOT, ErrNoSpace},
		{"the disk", syscall.EIO, ErrDirOffline},
		{"permission", syscall.EACCES, ErrDirOffline},
		{"read-only file system", syscall.EROFS, ErrDirOffline},
	} {
		b := newBench(t, defaultTopic())
		l := b.log()
		b.fill(l, 5)
		lift := b.failing(vfs.OpWrite, logSuffix, vfs.Fault{Err: c.err, ShortBytes: 20})
		if _, err := l.Append(batchOf(t, testStart, "x"), AppendOptions{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v; want %v", c.name, err, c.want)
		}
		lift()
		if l.LogEndOffset() != 5 {
			t.Errorf("%s: the log ends at %d", c.name, l.LogEndOffset())
		}
		b.kill()
		holds(t, b.log(), 0, 5)
	}
}

func TestAPartThatCannotBeCutOffEndsTheDirectory(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.fill(l, 5)
	b.mem.Inject(func(op vfs.Op, name string) vfs.Fault {
		if strings.HasSuffix(name, logSuffix) && (op == vfs.OpWrite || op == vfs.OpTruncate) {
			return vfs.Fault{Err: syscall.ENOSPC, ShortBytes: 20}
		}
		return vfs.Fault{}
	})
	if _, err := l.Append(batchOf(t, testStart, "x"), AppendOptions{}); !errors.Is(err, ErrDirOffline) {
		t.Errorf("%v", err)
	}
	b.mem.Inject(nil)
	b.kill()
	holds(t, b.log(), 0, 5)
}

func TestReadErrors(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.fill(l, 5)
	lift := b.failing(vfs.OpRead, logSuffix, vfs.Fault{Err: syscall.EIO})
	if _, err := l.Read(2, 100, math.MaxInt64, true); !errors.Is(err, ErrDirOffline) {
		t.Errorf("%v", err)
	}
	lift()
}

func TestMinFreeBytes(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.mem.SetCapacity(1 << 20)
	b.m.UpdateSettings(func(o *ManagerOptions) { o.MinFreeBytes = 1<<20 - 3000 })
	l := b.log()
	var err error
	for l.LogEndOffset() < 1000 && err == nil {
		_, err = l.Append(batchOf(t, b.clock.Now(), valueAt(l.LogEndOffset())), AppendOptions{})
	}
	end := l.LogEndOffset()
	if !errors.Is(err, ErrNoSpace) || ErrorCode(err) != protocol.KafkaStorageError || end < 5 || b.mem.UsedBytes() > 3000 {
		t.Fatalf("after %d batches, with %d bytes used: %v", end, b.mem.UsedBytes(), err)
	}
	holds(t, l, 0, end)
	b.logged("the disk is nearly full")
	l.SetHighWatermark(end)
	if err := l.Roll(); err != nil { // deleting needs a little room
		t.Fatal(err)
	}
	if err := l.DeleteRecordsBefore(-1); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(time.Minute)
	b.append(l, valueAt(end))
	b.logged("the disk has room again")
}

func TestSeveralDirectories(t *testing.T) {
	mem := vfs.NewMem()
	b := newBench(t, defaultTopic())
	b.close()
	b.mem, b.fs, b.dirs = mem, mem, []string{"/a", "/b", "/c"}
	b.open()
	count := map[string]int{}
	for partition := range int32(9) {
		l := b.logOf(TopicPartition{"spread", partition})
		b.fill(l, int64(partition)+1)
		count[l.Dir()]++
	}
	if count["/a"] != 3 || count["/b"] != 3 || count["/c"] != 3 {
		t.Errorf("the partitions are spread as %v", count)
	}
	l, err := b.m.GetOrCreate(TopicPartition{"preferred", 0}, CreateOptions{Config: b.topic, Dir: "/c"})
	if err != nil || l.Dir() != "/c" {
		t.Errorf("the preferred directory was not taken: %v", err)
	}
	b.restart()
	for partition := range int32(9) {
		holds(t, b.logOf(TopicPartition{"spread", partition}), 0, int64(partition)+1)
	}
	total := 0
	for _, d := range b.m.DescribeDirs() {
		total += len(d.Logs)
		if d.Err != nil || d.FreeBytes <= 0 || d.TotalBytes < d.FreeBytes {
			t.Errorf("%+v", d)
		}
	}
	if total != 10 || len(b.m.DirectoryIDs()) != 3 {
		t.Errorf("%d partitions and %d ids are described", total, len(b.m.DirectoryIDs()))
	}

	// One fails; what lies in the others goes on, and new partitions go there.
	lift := b.failing(vfs.OpSync, logSuffix, vfs.Fault{Err: syscall.EIO})
	inA := b.logOf(TopicPartition{"spread", 0})
	b.fill(inA, 20)
	if err := inA.Flush(); !errors.Is(err, ErrDirOffline) {
		t.Fatal(err)
	}
	lift()
	for partition := range int32(6) {
		if l := b.logOf(TopicPartition{"later", partition}); l.Dir() == inA.Dir() {
			t.Errorf("a partition was made in the failed directory")
		}
	}
	b.fill(b.logOf(TopicPartition{"spread", 1}), 30)
	b.restart()
	holds(t, b.logOf(TopicPartition{"spread", 1}), 0, 30)
	holds(t, b.logOf(TopicPartition{"spread", 0}), 0, 20) // the fault is gone
}

func TestADirectoryThatCannotBeOpenedIsOffline(t *testing.T) {
	mem := vfs.NewMem()
	b := newBench(t, defaultTopic())
	b.close()
	b.mem, b.fs, b.dirs = mem, mem, []string{"/a", "/b"}
	b.open()
	for partition := range int32(4) {
		b.fill(b.logOf(TopicPartition{"topic", partition}), 3)
	}
	b.close()
	b.failing(vfs.OpReadDir, "/a", vfs.Fault{Err: syscall.EIO})
	b.open()
	if n := len(b.m.All()); n != 2 {
		t.Errorf("%d partitions are open, want the 2 of the other directory", n)
	}
	if d := b.m.DescribeDirs(); d[0].Err == nil || d[1].Err != nil {
		t.Errorf("described as %+v", d)
	}
	b.close()
	b.failing(vfs.OpReadDir, "", vfs.Fault{Err: syscall.EIO})
	if _, err := b.tryOpen(); err == nil {
		t.Error("a manager without a single usable directory was opened")
	}
	b.mem.Inject(nil)
	b.open() // so the failed attempt has given the locks back
}

func TestAPartitionInTwoDirectories(t *testing.T) {
	mem := vfs.NewMem()
	b := newBench(t, defaultTopic())
	b.close()
	b.mem, b.fs, b.dirs = mem, mem, []string{"/a", "/b"}
	b.open()
	b.fill(b.log(), 3)
	b.close()
	if err := mem.MkdirAll("/b/topic-0"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.tryOpen(); err == nil || !strings.Contains(err.Error(), "two log directories") {
		t.Errorf("%v", err)
	}
	if err := mem.RemoveAll("/b/topic-0"); err != nil {
		t.Fatal(err)
	}
	b.open()
}
