package storage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/vfs"
)

// FuzzRecovery opens a log whose files hold anything. It must open or refuse without a panic; what is open must be whole
// batches in order, take an append, and be sound after a clean close.
func FuzzRecovery(f *testing.F) {
	seed := func(dir string, base string) {
		read := func(suffix string) []byte {
			data, err := os.ReadFile(filepath.Join(dir, base+suffix))
			if err != nil && !os.IsNotExist(err) {
				f.Fatal(err)
			}
			return data
		}
		f.Add(read(logSuffix), read(indexSuffix), read(timeIndexSuffix), read(snapshotSuffix), read("leader-epoch-checkpoint"), int64(0), false)
		f.Add(read(logSuffix), read(indexSuffix), read(timeIndexSuffix), read(snapshotSuffix), []byte("0\n1\n0 0\n"), int64(20), true)
	}
	seed("testdata/apache/plain-0", fileName(0, ""))
	seed("testdata/apache/txn-0", fileName(3, ""))
	f.Add([]byte{}, []byte{}, []byte{}, []byte{}, []byte{}, int64(0), true)
	f.Fuzz(func(t *testing.T, log, index, timeIndex, snapshot, epochs []byte, recoveryPoint int64, clean bool) {
		b := newBench(t, defaultTopic(smallSegments(1<<20)))
		b.append(b.log(), "x") // makes the directory
		b.abandon()
		dir := "/data/topic-0/"
		for name, data := range map[string][]byte{
			fileName(0, logSuffix): log, fileName(0, indexSuffix): index, fileName(0, timeIndexSuffix): timeIndex,
			fileName(10, snapshotSuffix): snapshot, epochCheckpointName: epochs,
		} {
			writeFileOf(t, b.fs, dir+name, data)
		}
		if err := writeOffsetCheckpoint(b.fs, "/data", recoveryPointCheckpointName, map[TopicPartition]int64{testPartition: recoveryPoint}); err != nil {
			t.Fatal(err)
		}
		if clean {
			writeFileOf(t, b.fs, "/data/"+cleanShutdownName, nil)
		}
		m, err := b.tryOpen()
		if err != nil {
			if !strings.Contains(err.Error(), "before magic 2") {
				t.Fatalf("refused: %v", err)
			}
			b.fs, b.mem = vfs.NewMem(), nil // so that the bench can be closed
			b.open()
			return
		}
		b.m = m
		fuzzUse(t, b, clean || recoveryPoint > 0)
	})
}

// fuzzUse uses a log with arbitrary contents. Where the contents were declared durable, wrong bytes may have been believed:
// then errors are right, and panics are not.
func fuzzUse(t *testing.T, b *bench, believed bool) {
	l, err := b.m.Get(testPartition)
	if err != nil {
		t.Fatal(err)
	}
	if believed {
		_ = l.ReadBatches(l.LogStartOffset(), l.LogEndOffset(), nothing)
		if s, err := l.Read(l.LogStartOffset(), 1000, l.LogEndOffset(), true); err == nil {
			s.Release()
		}
	} else {
		batches(t, l, l.LogStartOffset())
	}
	_, _, _ = l.OffsetForTimestamp(1)
	_, _, _ = l.OffsetForTimestamp(MaxTimestamp)
	_, _ = l.ActiveProducers()
	end := l.LogEndOffset()
	if end > 1<<62 {
		return // an append could count over the end of all numbers
	}
	info, err := l.Append(batchOf(t, testStart, "x"), AppendOptions{LeaderEpoch: 1 << 30})
	if err == nil && info.FirstOffset != end || err != nil && !believed {
		t.Fatalf("an append to %s: %+v, %v", l, info, err)
	}
	if believed {
		return
	}
	b.close()
	b.sound()
}

// FuzzSmallFiles reads anything as each of the files that are read whole.
func FuzzSmallFiles(f *testing.F) {
	for _, name := range []string{"recovery-point-offset-checkpoint", "meta.properties", "plain-0/leader-epoch-checkpoint",
		"plain-0/partition.metadata", "plain-0/00000000000000000040.snapshot"} {
		data, err := os.ReadFile("testdata/apache/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fs := vfs.NewMem()
		writeFileOf(t, fs, "/meta.properties", data)
		writeFileOf(t, fs, "/partition.metadata", data)
		if offsets, err := ReadOffsetCheckpoint(fs, "/meta.properties"); err == nil {
			if err := writeOffsetCheckpoint(fs, "/", "again", offsets); err != nil {
				t.Fatal(err)
			}
			if again, err := ReadOffsetCheckpoint(fs, "/again"); err != nil || len(again) != len(offsets) {
				t.Fatalf("%v was written as %v, %v", offsets, again, err)
			}
		}
		_, _ = ReadEpochCheckpoint(fs, "/meta.properties")
		_, _ = ReadProducerSnapshot(fs, "/meta.properties")
		_, _ = ReadMetaProperties(fs, "/")
		_, _, _ = readPartitionMetadata(fs, "/")
	})
}
