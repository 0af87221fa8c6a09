package storage

import (
	"testing"
	"time"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// send appends a batch of an idempotent producer.
func (b *bench) send(l *Log, id int64, epoch int16, sequence int32, records int) (AppendInfo, error) {
	b.t.Helper()
	values := make([]string, records)
	info, err := l.Append(batchWith(b.t, b.clock.Now(), func(r *record.Builder) {
		r.ProducerID, r.ProducerEpoch, r.BaseSequence = id, epoch, sequence
	}, values...), AppendOptions{})
	l.SetHighWatermark(l.LogEndOffset())
	return info, err
}

// sent fails unless the batch is appended, or found to be a duplicate, at an offset.
func (b *bench) sent(l *Log, id int64, epoch int16, sequence int32, records int, offset int64, duplicate bool) {
	b.t.Helper()
	info, err := b.send(l, id, epoch, sequence, records)
	if err != nil || info.FirstOffset != offset || info.LastOffset != offset+int64(records)-1 || info.Duplicate != duplicate {
		b.t.Errorf("producer %d epoch %d sequence %d: %+v, %v; want offset %d, duplicate %v", id, epoch, sequence, info, err, offset, duplicate)
	}
}

// refused fails unless the batch is refused with a code, and the log is as before.
func (b *bench) refused(l *Log, id int64, epoch int16, sequence int32, code protocol.Code) {
	b.t.Helper()
	end := l.LogEndOffset()
	info, err := b.send(l, id, epoch, sequence, 1)
	if ErrorCode(err) != code || l.LogEndOffset() != end {
		b.t.Errorf("producer %d epoch %d sequence %d: %+v, %v; want %v", id, epoch, sequence, info, err, code)
	}
}

func TestIdempotentProducer(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.sent(l, 7, 0, 0, 3, 0, false)
	b.sent(l, 7, 0, 3, 2, 3, false)
	b.sent(l, 7, 0, 0, 3, 0, true)
	b.sent(l, 7, 0, 3, 2, 3, true)
	b.refused(l, 7, 0, 6, protocol.OutOfOrderSequenceNumber)
	b.refused(l, 7, 0, 4, protocol.OutOfOrderSequenceNumber) // inside the last batch
	b.sent(l, 8, 0, 0, 1, 5, false)                          // another producer
	b.sent(l, 7, 1, 0, 1, 6, false)                          // the next epoch begins at 0
	b.refused(l, 7, 0, 5, protocol.InvalidProducerEpoch)
	b.refused(l, 7, 2, 4, protocol.OutOfOrderSequenceNumber) // an epoch that does not
	b.sent(l, 9, 0, 17, 1, 7, false)                         // nothing is known of producer 9: any sequence
}

func TestFiveBatchesAreRemembered(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	for i := range int32(7) {
		b.sent(l, 1, 0, i, 1, int64(i), false)
	}
	for i := int32(2); i < 7; i++ {
		b.sent(l, 1, 0, i, 1, int64(i), true)
	}
	b.refused(l, 1, 0, 1, protocol.OutOfOrderSequenceNumber)
}

func TestSequencesWrapAround(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.sent(l, 1, 0, 1<<31-2, 3, 0, false) // max-1, max, 0
	b.sent(l, 1, 0, 1, 1, 3, false)
	b.sent(l, 1, 0, 1<<31-2, 3, 0, true)
}

func TestProducersSurviveRestarts(t *testing.T) {
	for name, restart := range map[string]func(*bench){"clean": (*bench).restart, "kill": (*bench).kill} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, defaultTopic(smallSegments(1000)))
			l := b.log()
			for i := range int32(30) {
				b.sent(l, 1, 2, i, 1, int64(i), false)
			}
			b.sent(l, 2, 0, 0, 4, 30, false)
			restart(b)
			l = b.log()
			b.sent(l, 1, 2, 29, 1, 29, true)
			b.sent(l, 2, 0, 0, 4, 30, true)
			b.refused(l, 1, 2, 31, protocol.OutOfOrderSequenceNumber)
			b.refused(l, 1, 1, 30, protocol.InvalidProducerEpoch)
			b.sent(l, 1, 2, 30, 1, 34, false)
			states, err := l.ActiveProducers()
			if err != nil || len(states) != 2 || states[0].ProducerID != 1 || states[0].ProducerEpoch != 2 || states[0].LastSequence != 30 ||
				states[0].LastTimestamp != testStart.UnixMilli() || states[0].CurrentTxnFirstOffset != -1 || states[0].CoordinatorEpoch != -1 {
				t.Errorf("the producers are %+v, %v", states, err)
			}
		})
	}
}

func TestProducersWithoutSnapshotsComeFromTheBatches(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1000)))
	l := b.log()
	for i := range int32(30) {
		b.sent(l, 1, 0, i, 1, int64(i), false)
	}
	b.close()
	b.sound()
	damaged := b.names("/data/topic-0", snapshotSuffix)
	if len(damaged) < 3 {
		t.Fatalf("there are only the snapshots %v", damaged)
	}
	for i, name := range damaged {
		path := "/data/topic-0/" + name
		if i == 0 {
			if err := b.fs.Remove(path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		flipBit(t, b.fs, path, 12)
	}
	if problems, _ := CheckDir(b.fs, "/data"); len(problems) != len(damaged)-1 {
		t.Errorf("CheckDir found %v in %d damaged snapshots", problems, len(damaged)-1)
	}
	b.open()
	l = b.log()
	b.sent(l, 1, 0, 26, 1, 26, true)
	b.sent(l, 1, 0, 30, 1, 30, false)
	b.logged("a producer snapshot is damaged")
}

func TestProducersExpire(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.sent(l, 1, 0, 0, 1, 0, false)
	b.clock.Advance(23 * time.Hour)
	b.sent(l, 2, 0, 0, 1, 1, false)
	b.refused(l, 1, 0, 5, protocol.OutOfOrderSequenceNumber)
	b.clock.Advance(time.Hour + 10*time.Minute)
	states, err := l.ActiveProducers()
	if err != nil || len(states) != 1 || states[0].ProducerID != 2 {
		t.Errorf("after a day there are %+v, %v", states, err)
	}
	b.sent(l, 1, 0, 5, 1, 2, false) // unknown again: any sequence
}

func TestProducersThatExpiredDuringAStopAreForgotten(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.sent(b.log(), 1, 0, 0, 1, 0, false)
	b.close()
	b.clock.Advance(25 * time.Hour)
	b.open()
	if states, err := b.log().ActiveProducers(); err != nil || len(states) != 0 {
		t.Errorf("there are %+v, %v", states, err)
	}
}

func TestProducersOfDeletedRecordsStayUntilTheyExpire(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.sent(l, 1, 0, 0, 1, 0, false)
	b.restart() // takes a snapshot at 1
	l = b.log()
	b.append(l, "x", "y")
	if err := l.DeleteRecordsBefore(2); err != nil {
		t.Fatal(err)
	}
	b.kill()
	b.sent(b.log(), 1, 0, 0, 1, 0, true)
}

func TestTruncationForgetsWhatProducersSent(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	for i := range int32(5) {
		b.sent(l, 1, 0, i, 1, int64(i), false)
	}
	if err := l.TruncateTo(3); err != nil {
		t.Fatal(err)
	}
	b.refused(l, 1, 0, 4, protocol.OutOfOrderSequenceNumber)
	b.sent(l, 1, 0, 3, 1, 3, false)
	b.sent(l, 1, 0, 2, 1, 2, true)
	if err := l.TruncateFullyAndStartAt(0); err != nil {
		t.Fatal(err)
	}
	if states, err := l.ActiveProducers(); err != nil || len(states) != 0 {
		t.Errorf("an emptied log knows %+v, %v", states, err)
	}
}

func TestSnapshotsOfRemovedSegmentsGo(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(1000)))
	l := b.log()
	for i := range int32(40) {
		b.sent(l, 1, 0, i, 1, int64(i), false)
	}
	if err := l.DeleteRecordsBefore(40); err != nil {
		t.Fatal(err)
	}
	b.restart()
	l = b.log()
	if snapshots := b.names("/data/topic-0", snapshotSuffix); len(snapshots) > 2 {
		t.Errorf("of a log with %d segments there are the snapshots %v", l.NumSegments(), snapshots)
	}
	b.sent(l, 1, 0, 39, 1, 39, true)
}

// The data of a transactional producer, as a Kafka directory may hold it, must not keep a log from opening.
func TestTransactionalBatchesAndMarkersAreReplayed(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	at := func(offset int64, control bool, records ...record.Record) {
		t.Helper()
		builder := record.NewBuilder(record.CodecNone)
		builder.BaseOffset, builder.ProducerID, builder.ProducerEpoch, builder.BaseSequence = offset, 5, 3, 0
		builder.Transactional, builder.Control = true, control
		if control {
			builder.BaseSequence = record.NoSequence
		}
		for i := range records {
			if err := builder.Append(&records[i]); err != nil {
				t.Fatal(err)
			}
		}
		batch, err := builder.Build()
		if err == nil {
			_, err = l.Append(batch, AppendOptions{Origin: OriginReplication})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	at(0, false, record.Record{Timestamp: testStart.UnixMilli(), Value: []byte("x")})
	states, err := l.ActiveProducers()
	if err != nil || len(states) != 1 || states[0].CurrentTxnFirstOffset != 0 {
		t.Fatalf("inside the transaction: %+v, %v", states, err)
	}
	marker := record.Marker{Type: record.ControlCommit, CoordinatorEpoch: 9}.Record(testStart.UnixMilli())
	at(1, true, marker)
	for _, restart := range []func(){func() {}, b.kill, b.restart} {
		restart()
		states, err := b.log().ActiveProducers()
		if err != nil || len(states) != 1 || states[0].CurrentTxnFirstOffset != -1 || states[0].CoordinatorEpoch != 9 || states[0].LastSequence != 0 {
			t.Errorf("after the marker: %+v, %v", states, err)
		}
	}
}
