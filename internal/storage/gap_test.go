package storage

import (
	"testing"

	"ottla.dev/ottla/internal/record"
)

// TestGapBelowTheRecoveryPointIsNoLoss: in a topic that was once compacted a segment may end long before the next begins. What
// lies below the recovery point is on stable storage, so nothing that a crash took can be missing there.
func TestGapBelowTheRecoveryPointIsNoLoss(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(400)))
	l := b.log()
	replicate := func(offset int64) {
		t.Helper()
		batch := record.Batch(batchOf(t, testStart, valueAt(0), valueAt(1), valueAt(2)))
		batch.SetBaseOffset(offset)
		if _, err := l.Append(batch, AppendOptions{Origin: OriginReplication}); err != nil {
			t.Fatal(err)
		}
	}
	replicate(0)
	replicate(20)
	if list := l.list(); len(list) != 2 || list[1].base != 20 {
		t.Fatalf("there are %d segments", len(list))
	}
	b.close()
	for _, c := range []struct{ recoveryPoint, end int64 }{
		{20, 23}, // as Apache Kafka leaves it: all before the active segment was flushed when that began
		{1, 3},   // nobody knows whether the first segment went on
	} {

		if err := b.fs.Remove("/data/" + cleanShutdownName); err != nil { // each case opens what the one before has left
			t.Fatal(err)
		}
		points := map[TopicPartition]int64{testPartition: c.recoveryPoint}
		if err := writeOffsetCheckpoint(b.fs, "/data", recoveryPointCheckpointName, points); err != nil {
			t.Fatal(err)
		}
		b.open()
		if end := b.log().LogEndOffset(); end != c.end {
			t.Errorf("with the recovery point %d the log ends at %d, want %d\n%s", c.recoveryPoint, end, c.end, b.sink)
		}
		b.close()
	}
}
