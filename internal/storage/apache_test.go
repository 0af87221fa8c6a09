package storage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
)

// apacheDir copies into memory a log directory that Apache Kafka 4.3.1 wrote: node 1, closed in order, with a topic "plain"
// (40 batches of an idempotent producer, snappy, three segments) and a topic "txn" (four transactions of three records,
// committed and aborted in turn).
func apacheDir(t *testing.T) *bench {
	t.Helper()
	return diskFrom(t, "testdata/apache", defaultTopic())
}

// diskFrom copies a directory into memory, as the log directory of a manager that is not open.
func diskFrom(t *testing.T, source string, topic *config.Topic) *bench {
	t.Helper()
	b := newBench(t, topic)
	b.close()
	if err := b.fs.RemoveAll("/data"); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(source, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := "/data" + strings.TrimPrefix(filepath.ToSlash(path), source)
		if d.IsDir() {
			return b.fs.MkdirAll(target)
		}
		data, err := os.ReadFile(path)
		writeFileOf(t, b.fs, target, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// kafkaKilled makes of the directory what Kafka leaves when it is killed: indexes of open segments as long as
// segment.index.bytes, no snapshot at the end, no mark.
func kafkaKilled(t *testing.T, b *bench) {
	t.Helper()
	for name, sizeBytes := range map[string]int64{
		"plain-0/00000000000000000032.index": 10485760, "plain-0/00000000000000000032.timeindex": 10485756,
		"txn-0/00000000000000000003.index": 10485760, "txn-0/00000000000000000003.timeindex": 10485756,
	} {
		f, err := b.fs.OpenReadWrite("/data/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(sizeBytes); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	for _, name := range []string{"plain-0/00000000000000000040.snapshot", "txn-0/00000000000000000016.snapshot", cleanShutdownName, recoveryPointCheckpointName} {
		if err := b.fs.Remove("/data/" + name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDirectoryOfApacheKafka(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, *bench){"closed": func(*testing.T, *bench) {}, "killed": kafkaKilled} {
		t.Run(name, func(t *testing.T) {
			b := apacheDir(t)
			prepare(t, b)
			b.sound()
			b.open()
			plain, err := b.m.Get(TopicPartition{"plain", 0})
			if err != nil {
				t.Fatal(err)
			}
			if plain.NumSegments() != 3 || plain.LogEndOffset() != 40 || plain.TopicID() == [16]byte{} {
				t.Errorf("%s with %d segments, topic id %v", plain, plain.NumSegments(), plain.TopicID())
			}
			got := contents(t, plain, 0)
			for n := range int64(40) {
				if want := fmt.Sprintf("value %d", n); got[n] != want {
					t.Errorf("offset %d holds %q, want %q", n, got[n], want)
				}
				found, ok, err := plain.OffsetForTimestamp(testStart.UnixMilli() + n*100 - 50)
				if err != nil || !ok || found.Offset != n {
					t.Errorf("timestamp +%d: %+v, %v, %v", n*100-50, found, ok, err)
				}
			}
			states, err := plain.ActiveProducers()
			if err != nil || len(states) != 1 || states[0].LastSequence != 39 || states[0].LastTimestamp != testStart.Add(3900*time.Millisecond).UnixMilli() {
				t.Errorf("the producers are %+v, %v", states, err)
			}
			checkTransactions(t, b)
			b.append(plain, "ours")
			if _, err := plain.Append(batchOf(t, testStart, "of a later epoch"), AppendOptions{LeaderEpoch: 1}); err != nil {
				t.Error(err)
			}
			b.close()
			b.sound()
		})
	}
}

func checkTransactions(t *testing.T, b *bench) {
	t.Helper()
	txn, err := b.m.Get(TopicPartition{"txn", 0})
	if err != nil {
		t.Fatal(err)
	}
	controls, records := 0, 0
	err = txn.ReadBatches(0, 16, func(batch record.Batch) error {
		if batch.IsControl() {
			controls++
		} else {
			records += int(batch.NumRecords())
		}
		return nil
	})
	if err != nil || controls != 4 || records != 12 || txn.LogEndOffset() != 16 {
		t.Errorf("%s has %d markers and %d records: %v", txn, controls, records, err)
	}
	states, err := txn.ActiveProducers()
	if err != nil || len(states) != 1 || states[0].CurrentTxnFirstOffset != -1 || states[0].CoordinatorEpoch < 0 {
		t.Errorf("the producers are %+v, %v", states, err)
	}
}
