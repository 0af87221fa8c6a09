package storage

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/vfs"
)

func TestASecondManagerIsToldWhoHoldsTheDirectory(t *testing.T) {
	for name, b := range map[string]*bench{"mem": newBench(t, defaultTopic()), "os": onDisk(t)} {
		_, err := b.tryOpen()
		var locked *vfs.LockedError
		if !errors.As(err, &locked) || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), "process ") {
			t.Errorf("%s: %v", name, err)
		}
		b.restart() // Close gives the lock back
	}
}

func TestDirectoriesOfOthersAreRefused(t *testing.T) {
	b := newBench(t, defaultTopic())
	id := b.m.ClusterID()
	b.restart()
	if id == "" || b.m.ClusterID() != id {
		t.Errorf("the cluster id was %q and is %q", id, b.m.ClusterID())
	}
	b.close()
	for name, change := range map[string]func(*ManagerOptions){
		"another node":    func(o *ManagerOptions) { o.NodeID = 2 },
		"another cluster": func(o *ManagerOptions) { o.ClusterID = "another" },
	} {
		b.options = change
		if _, err := b.tryOpen(); !errors.Is(err, errWrongOwner) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.options = nil
	b.open()
	b.close()
	if err := b.fs.MkdirAll("/other"); err != nil {
		t.Fatal(err)
	}
	meta := MetaProperties{Version: 1, ClusterID: "another", NodeID: 1, DirectoryID: NewID()}
	if err := writeMetaProperties(b.fs, "/other", meta); err != nil {
		t.Fatal(err)
	}
	b.dirs = []string{"/data", "/other"}
	if _, err := b.tryOpen(); !errors.Is(err, errWrongOwner) {
		t.Errorf("directories of two clusters: %v", err)
	}
	b.dirs = []string{"/data"}
	b.open()
}

func TestMetaPropertiesThatCannotBeRead(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.close()
	for _, text := range []string{"version=7\n", "version=1\nnode.id=one\n", "version=1\ndirectory.id=short\n"} {
		writeFileOf(t, b.fs, "/data/"+metaPropertiesName, []byte(text))
		if _, err := b.tryOpen(); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %v", text, err)
		}
	}
	writeFileOf(t, b.fs, "/data/"+metaPropertiesName, []byte("#of an old Kafka\nversion=0\nbroker.id=1\ncluster.id=abc\n"))
	b.open()
	if b.m.ClusterID() != "abc" || b.m.DirectoryIDs()["/data"] == [16]byte{} {
		t.Errorf("cluster %q, directory ids %v", b.m.ClusterID(), b.m.DirectoryIDs())
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]TopicPartition{"a-0": {"a", 0}, "a-b-17": {"a-b", 17}, "--1": {"-", 1}} {
		if tp, err := ParseTopicPartition(name); err != nil || tp != want || tp.String() != name {
			t.Errorf("%q: %v, %v", name, tp, err)
		}
	}
	for _, name := range []string{"", "a", "-0", "a-", "a-x", "a-+1", "a--", "a-99999999999"} {
		if tp, err := ParseTopicPartition(name); err == nil {
			t.Errorf("%q was read as %v", name, tp)
		}
	}
	long := asideDirName(TopicPartition{strings.Repeat("t", 249), 12}, strings.Repeat("f", 32), deleteDirSuffix)
	if len(long) > maxDirNameBytes || !strings.HasSuffix(long, "-12."+strings.Repeat("f", 32)+deleteDirSuffix) {
		t.Errorf("%d characters: %s", len(long), long)
	}
	if offset, suffix, ok := parseFileName("00000000000000000042.log.deleted"); offset != 42 || suffix != ".log.deleted" || !ok {
		t.Errorf("%d, %q, %v", offset, suffix, ok)
	}
	for _, name := range []string{"42.log", "0000000000000000004x.log", "99999999999999999999.log", "00000000000000000042"} {
		if _, _, ok := parseFileName(name); ok {
			t.Errorf("%q was taken for a file of a segment", name)
		}
	}
}

func TestDeletePartition(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.fill(l, 5)
	if err := b.m.Delete(testPartition); err != nil {
		t.Fatal(err)
	}
	if _, err := b.m.Get(testPartition); !errors.Is(err, ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if err := b.m.Delete(testPartition); !errors.Is(err, ErrNotFound) {
		t.Errorf("the second Delete: %v", err)
	}
	for what, err := range map[string]error{
		"Flush": l.Flush(), "Roll": l.Roll(), "TruncateTo": l.TruncateTo(0), "AssignEpoch": l.AssignEpoch(4, 5), "DeleteRecordsBefore": l.DeleteRecordsBefore(1),
	} {
		if err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("%s of a deleted log: %v", what, err)
		}
	}
	if _, err := l.Append(batchOf(t, testStart, "x"), AppendOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("an append to a deleted log: %v", err)
	}
	if err := b.m.dirs[0].online(); err != nil {
		t.Fatalf("using a deleted log ended the directory: %v", err)
	}
	if aside := b.names("/data", deleteDirSuffix); len(aside) != 1 || len(b.names("/data", "topic-0")) != 1 {
		t.Errorf("the directory holds %v", b.names("/data", ""))
	}
	b.clock.Advance(time.Minute)
	if left := b.names("/data", "topic"); len(left) != 0 {
		t.Errorf("after the delay there is still %v", left)
	}
}

func TestDeletionIsFinishedAfterAStop(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.fill(b.log(), 5)
	if err := b.m.Delete(testPartition); err != nil {
		t.Fatal(err)
	}
	b.restart()
	b.clock.Advance(time.Second)
	if left := b.names("/data", "topic"); len(left) != 0 || len(b.m.All()) != 0 {
		t.Errorf("there is still %v", left)
	}
}

func TestDirectoriesThatAreNoPartitionsAreLeftAlone(t *testing.T) {
	b := newBench(t, defaultTopic())
	names := []string{"etcd", "lost+found", "topic-0.abc-future", "topic-1.abc-stray", clusterMetadataTopic + "-0"}
	for _, name := range names {
		if err := b.fs.MkdirAll("/data/" + name); err != nil {
			t.Fatal(err)
		}
	}
	b.restart()
	b.clock.Advance(time.Hour)
	for _, name := range names {
		if _, err := b.fs.Stat("/data/" + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(b.m.All()) != 0 {
		t.Errorf("opened as partitions: %v", b.m.All())
	}
}

func TestCheckpointsAreWrittenInTheBackground(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.fill(l, 10)
	if err := l.DeleteRecordsBefore(4); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(5 * time.Second)
	if marks, err := ReadOffsetCheckpoint(b.fs, "/data/"+highWatermarkCheckpointName); err != nil || marks[testPartition] != 10 {
		t.Errorf("high watermarks: %v, %v", marks, err)
	}
	b.clock.Advance(time.Minute)
	if points, err := ReadOffsetCheckpoint(b.fs, "/data/"+recoveryPointCheckpointName); err != nil || points[testPartition] != 10 {
		t.Errorf("recovery points: %v, %v", points, err)
	}
	if starts, err := ReadOffsetCheckpoint(b.fs, "/data/"+startOffsetCheckpointName); err != nil || starts[testPartition] != 4 {
		t.Errorf("start offsets: %v, %v", starts, err)
	}
}

func TestIdleManagerWritesNothing(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.fill(b.log(), 10)
	b.clock.Advance(10 * time.Minute)
	writes := 0
	b.mem.Inject(func(op vfs.Op, _ string) vfs.Fault {
		if op != vfs.OpRead {
			writes++
		}
		return vfs.Fault{}
	})
	b.clock.Advance(10 * time.Minute)
	b.mem.Inject(nil)
	if writes > 0 {
		t.Errorf("ten idle minutes cost %d operations on the disk", writes)
	}
}

func TestFlushByTimeAndByMessages(t *testing.T) {
	b := newBench(t, defaultTopic(func(c *config.Topic) { c.FlushMs, c.FlushMessages = 5000, 10 }))
	l := b.log()
	b.fill(l, 9)
	if l.RecoveryPoint() != 0 {
		t.Errorf("flushed to %d before flush.messages", l.RecoveryPoint())
	}
	b.fill(l, 10)
	if l.RecoveryPoint() != 10 {
		t.Errorf("flushed to %d with flush.messages", l.RecoveryPoint())
	}
	b.fill(l, 11)
	b.clock.Advance(4 * time.Second)
	if l.RecoveryPoint() != 10 {
		t.Errorf("flushed to %d before flush.ms", l.RecoveryPoint())
	}
	b.clock.Advance(2 * time.Second)
	if l.RecoveryPoint() != 11 {
		t.Errorf("flushed to %d after flush.ms", l.RecoveryPoint())
	}
}

func TestWaitDurableServesManyWithFewSyncs(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	syncs := 0
	b.mem.Inject(func(op vfs.Op, name string) vfs.Fault {
		if op == vfs.OpSync && strings.HasSuffix(name, logSuffix) {
			syncs++
		}
		return vfs.Fault{}
	})
	done := make(chan error, 100)
	l.flushMu.Lock() // a sync is under way
	for range 21 {
		b.append(l, "x")
		l.WaitDurable(l.LogEndOffset(), func(err error) { done <- err })
	}
	l.flushMu.Unlock()
	for range 21 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	b.mem.Inject(nil)
	if l.DurableOffset() != 21 || syncs > 2 {
		t.Errorf("durable to %d after %d syncs, where one for the first and one for the rest are enough", l.DurableOffset(), syncs)
	}
	l.WaitDurable(21, func(err error) { done <- err })
	if len(done) != 1 {
		t.Error("what is durable already was not answered at once")
	}
}

func TestOpenGivesUpWhenTheContextEnds(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.fill(b.log(), 3)
	b.close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := OpenManager(ctx, ManagerOptions{FS: b.fs, Clock: b.clock, Dirs: b.dirs, NodeID: 1, Default: b.topic}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	b.open() // the locks were given back, and the records are there
	holds(t, b.log(), 0, 3)
}
