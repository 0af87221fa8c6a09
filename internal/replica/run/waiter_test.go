package run

import (
	"sync/atomic"
	"testing"

	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/storage"
)

// transactionalBatch is a batch of one record in a producer's transaction.
func transactionalBatch(t *testing.T, producerID int64, sequence int32) []byte {
	t.Helper()
	b := record.NewBuilder(record.CodecNone)
	b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Transactional = producerID, 0, sequence, true
	if err := b.Append(&record.Record{Timestamp: 1, Value: []byte("in a transaction")}); err != nil {
		t.Fatal(err)
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func appendTransactional(t *testing.T, p *Partition, producerID int64, sequence int32) storage.AppendInfo {
	t.Helper()
	guard, err := p.Log().StartVerification(producerID, 0, sequence, false)
	if err != nil {
		t.Fatal(err)
	}
	info, _, err := p.Append(transactionalBatch(t, producerID, sequence), storage.AppendOptions{Origin: storage.OriginClient, Guard: guard})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func endTransaction(t *testing.T, p *Partition, producerID int64, kind record.ControlType) {
	t.Helper()
	marker := record.AppendMarkerBatch(nil, producerID, 0, record.Marker{Type: kind}, 1)
	if _, _, err := p.Append(marker, storage.AppendOptions{Origin: storage.OriginCoordinator}); err != nil {
		t.Fatal(err)
	}
}

func TestReaderOfCommittedRecordsIsWokenByTheMarker(t *testing.T) {
	for name, kind := range map[string]record.ControlType{"commit": record.ControlCommit, "abort": record.ControlAbort} {
		t.Run(name, func(t *testing.T) {
			_, p := open(t, nil)
			var committed, all atomic.Int32
			c, a := NewWaiter(1, func() { committed.Add(1) }), NewWaiter(1, func() { all.Add(1) })
			c.WatchCommitted(p, 0, 0, 0, 1<<20)
			a.Watch(p, 0)
			if appendTransactional(t, p, 7, 0); committed.Load() != 0 || all.Load() != 1 {
				t.Fatalf("while the transaction is open %d readers of committed records were woken, %d others", committed.Load(), all.Load())
			}
			if endTransaction(t, p, 7, kind); committed.Load() != 1 {
				t.Fatalf("woken %d times when the transaction ended", committed.Load())
			}
			c.Stop()
			a.Stop()
		})
	}
}

// TestReaderOfCommittedRecordsCountsWhatItCouldNotRead has one transaction hold back another: what arrives with the end of the second is
// not yet readable, and the end of the first lets both be read.
func TestReaderOfCommittedRecordsCountsWhatItCouldNotRead(t *testing.T) {
	_, p := open(t, nil)
	first := appendTransactional(t, p, 1, 0)
	second := appendTransactional(t, p, 2, 0)
	var fired atomic.Int32
	wants := int64(first.SizeBytes + second.SizeBytes + 2*record.MarkerBatchBytes)
	w := NewWaiter(wants, func() { fired.Add(1) })
	w.WatchCommitted(p, 0, p.Log().LastStableOffset(), 0, 1<<20)
	if endTransaction(t, p, 2, record.ControlCommit); fired.Load() != 0 {
		t.Fatal("fired while the first transaction is open")
	}
	if endTransaction(t, p, 1, record.ControlAbort); fired.Load() != 1 {
		t.Fatalf("fired %d times when all can be read, with %d bytes missing", fired.Load(), w.missing.Load())
	}
	w.Stop()

	// One more byte than there is, and nothing is counted twice.
	w = NewWaiter(wants+1, func() { fired.Add(1) })
	w.WatchCommitted(p, 0, p.Log().LastStableOffset(), int(wants), 1<<20)
	w.missing.Add(-wants) // what the caller has read
	if p.Advance(p.Log().HighWatermark(), 100); fired.Load() != 1 {
		t.Fatal("fired although the last stable offset did not move")
	}
	if appendTo(t, p, "a"); fired.Load() != 2 {
		t.Fatalf("not woken by a record outside of transactions, %d bytes missing", w.missing.Load())
	}
	w.Stop()
}

func TestWatchingCommittedRecordsSeesWhatCameBefore(t *testing.T) {
	_, p := open(t, nil)
	appendTransactional(t, p, 7, 0)
	var fired atomic.Int32
	w := NewWaiter(1<<20, func() { fired.Add(1) })
	if w.WatchCommitted(p, 0, 0, 0, 1<<20); fired.Load() != 0 {
		t.Fatal("an open transaction is no news")
	}
	w.Stop()
	endTransaction(t, p, 7, record.ControlCommit)
	w = NewWaiter(1<<20, func() { fired.Add(1) })
	if w.WatchCommitted(p, 0, 0, 0, 1<<20); fired.Load() != 0 {
		t.Fatal("less came than was asked for")
	}
	w.Stop()
	w = NewWaiter(record.MarkerBatchBytes+1, func() { fired.Add(1) })
	if w.WatchCommitted(p, 0, 0, 0, 1<<20); fired.Load() != 1 {
		t.Fatal("the transaction ended between reading and watching, and nobody was told")
	}
	w.Stop()
}
