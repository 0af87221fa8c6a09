package storage

import (
	"errors"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"ottla.dev/ottla/internal/vfs"
)

// TestRecreatedPartitionInheritsNothing: the checkpoints still speak of the partition of that name that was deleted. Its start
// offset would empty the new log at the next opening, its recovery point declare safe what was never synced.
func TestRecreatedPartitionInheritsNothing(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.fill(l, 100)
	l.SetHighWatermark(100)
	if err := l.DeleteRecordsBefore(60); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(2 * time.Minute) // the checkpoints are written
	if err := b.m.Delete(testPartition); err != nil {
		t.Fatal(err)
	}
	b.fill(b.log(), 10)
	b.kill()
	l = b.log()
	if l.LogStartOffset() != 0 || l.LogEndOffset() != 10 || l.RecoveryPoint() != 0 {
		t.Errorf("the recreated log came back as %s with the recovery point %d\n%s", l, l.RecoveryPoint(), b.sink)
	}
}

// TestDeletedPartitionDoesNotTakeTheNameBack: a power cut may undo the renaming of a deleted directory, but not once the name has been
// given to another partition, whose records it would hide.
func TestDeletedPartitionDoesNotTakeTheNameBack(t *testing.T) {
	for seed := range uint64(40) {
		b := newBench(t, defaultTopic())
		b.fill(b.log(), 5)
		if err := b.log().Flush(); err != nil {
			t.Fatal(err)
		}
		if err := b.m.Delete(testPartition); err != nil {
			t.Fatal(err)
		}
		id := [16]byte{9}
		if _, err := b.m.GetOrCreate(testPartition, CreateOptions{TopicID: id, Config: b.topic}); err != nil {
			t.Fatal(err)
		}
		clone := b.mem.CrashClone(rand.New(rand.NewPCG(seed, 3)))
		b.abandon()
		b.mem, b.fs = clone, clone
		b.open()
		l, err := b.m.GetOrCreate(testPartition, CreateOptions{TopicID: id, Config: b.topic})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if l.LogEndOffset() != 0 {
			t.Fatalf("seed %d: the new partition has the records of the deleted one: %s", seed, l)
		}
	}
}

// TestPartitionOfAnOfflineDirectoryIsNotMadeAnew: while the directory that holds a partition's records cannot be opened, an
// empty log elsewhere would hide them.
func TestPartitionOfAnOfflineDirectoryIsNotMadeAnew(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.close()
	b.dirs = []string{"/data", "/more"}
	b.open()
	other := TopicPartition{"topic", 1}
	b.fill(b.log(), 5)
	b.fill(b.logOf(other), 5)
	down := b.logOf(other)
	b.close()
	b.mem.Inject(func(op vfs.Op, name string) vfs.Fault {
		if op == vfs.OpReadDir && name == down.Dir()+"/"+other.String() {
			return vfs.Fault{Err: syscall.EIO}
		}
		return vfs.Fault{}
	})
	b.open()
	_, err := b.m.GetOrCreate(other, CreateOptions{TopicID: [16]byte{1, 2, 3}, Config: b.topic})
	if !errors.Is(err, ErrDirOffline) {
		t.Errorf("a partition whose directory is offline was made anew: %v", err)
	}
	if _, err := b.m.Get(other); !errors.Is(err, ErrDirOffline) {
		t.Errorf("Get: %v", err)
	}
	if _, err := b.m.GetOrCreate(TopicPartition{"new", 0}, CreateOptions{Config: b.topic}); err != nil {
		t.Errorf("a new partition has room in the other directory: %v", err)
	}
}

// TestStrayIsPutAside: a stop between the deletion of a topic in the metadata and that of its logs leaves them on disk. They
// must not keep the name from a new topic, and they are not destroyed either.
func TestStrayIsPutAside(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.fill(b.log(), 5)
	b.kill()
	id := [16]byte{9}
	l, err := b.m.GetOrCreate(testPartition, CreateOptions{TopicID: id, Config: b.topic})
	if err != nil {
		t.Fatal(err)
	}
	b.fill(l, 2)
	b.logged("put aside")
	b.restart()
	if l, err := b.m.Get(testPartition); err != nil || l.LogEndOffset() != 2 || l.TopicID() != id {
		t.Errorf("after a restart: %v, %v", l, err)
	}
	entries, err := b.fs.ReadDir("/data")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name, strayDirSuffix) {
			if info, err := b.fs.Stat("/data/" + e.Name + "/" + fileName(0, logSuffix)); err != nil || info.SizeBytes == 0 {
				t.Errorf("the stray has lost its records: %+v, %v", info, err)
			}
			return
		}
	}
	t.Error("the stray is gone")
}

// TestDirectoryOfADeletedPartitionDoesNotMeetItsSuccessor: the deleted one may lie in another log directory than the new one. Were it
// to come back, the node would find the partition twice and refuse to start.
func TestDirectoryOfADeletedPartitionDoesNotMeetItsSuccessor(t *testing.T) {
	for seed := range uint64(40) {
		b := newBench(t, defaultTopic())
		b.close()
		b.dirs = []string{"/data", "/more"}
		b.open()
		old := b.log()
		b.fill(old, 5)
		if err := old.Flush(); err != nil {
			t.Fatal(err)
		}
		b.fill(b.logOf(TopicPartition{"topic", 1}), 5) // so that the other directory has room first
		if err := b.m.Delete(testPartition); err != nil {
			t.Fatal(err)
		}
		elsewhere := "/more"
		if old.Dir() == elsewhere {
			elsewhere = "/data"
		}
		l, err := b.m.GetOrCreate(testPartition, CreateOptions{TopicID: [16]byte{9}, Config: b.topic, Dir: elsewhere})
		if err != nil {
			t.Fatal(err)
		}
		b.fill(l, 3)
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
		clone := b.mem.CrashClone(rand.New(rand.NewPCG(seed, 4)))
		b.abandon()
		b.mem, b.fs = clone, clone
		b.open()
		if l, err := b.m.Get(testPartition); err != nil || l.LogEndOffset() != 3 || l.Dir() != elsewhere {
			t.Fatalf("seed %d: %v, %v", seed, l, err)
		}
	}
}
