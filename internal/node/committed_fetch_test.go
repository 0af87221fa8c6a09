package node_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// committedFetch is a fetch of committed records that waits for up to 20 seconds.
func committedFetch(topic string, offset int64, minBytes int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxBytes, req.SessionEpoch, req.IsolationLevel = -1, 1<<20, -1, 1
	req.MaxWaitMillis, req.MinBytes = 20_000, minBytes
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch = offset, 1<<20, -1
	req.Topics = []kmsg.FetchRequestTopic{{Topic: topic, Partitions: []kmsg.FetchRequestTopicPartition{p}}}
	return req
}

// lastOffset returns the offset after the last batch.
func lastOffset(t *testing.T, batches []byte) (next int64) {
	t.Helper()
	for len(batches) > 0 {
		b, rest, err := record.Next(batches)
		if err != nil {
			t.Fatal(err)
		}
		next, batches = b.NextOffset(), rest
	}
	return next
}

// TestCommittedFetchWaitsForTheEndOfTheTransaction looks at what goes over the wire: nothing of an open transaction, not even to a client that
// would filter it; no answer for what may not be shown yet; and with what was read, which of it was aborted.
func TestCommittedFetchWaitsForTheEndOfTheTransaction(t *testing.T) {
	b := start(t, t.TempDir(), nil)
	a, reader := attack(t, b.Addr()), attack(t, b.Addr())
	a.send(metadataFrame("wire", true)).answer()
	plain := func() {
		if code := produced(a, "wire", batch(t, record.CodecNone, 1, 10)).ErrorCode; code != 0 {
			t.Fatal(protocol.Code(code).Name())
		}
	}
	plain() // 0
	ids := []string{"first", "second"}
	var producers []*kmsg.InitProducerIDResponse
	for _, id := range ids { // 1, 2
		p := beginAs(t, a, id)
		if code := produceAs(a, &id, inTransaction(t, p, 0), 12, "wire")[0]; code != protocol.None {
			t.Fatal(code.Name())
		}
		producers = append(producers, p)
	}
	plain() // 3
	got := ask[*kmsg.FetchResponse](reader, committedFetch("wire", 0, 1), 11).Topics[0].Partitions[0]
	if next := lastOffset(t, got.RecordBatches); next != 1 || got.LastStableOffset != 1 || got.HighWatermark != 4 || len(got.AbortedTransactions) != 0 {
		t.Fatalf("with two open transactions: read to %d, last stable offset %d, high watermark %d, aborted %v", next, got.LastStableOffset, got.HighWatermark, got.AbortedTransactions)
	}

	reader.send(frameOf(committedFetch("wire", 1, 1), 11))
	plain()                                              // 4
	endTransaction(t, a, ids[1], producers[1], false, 5) // 5
	plain()                                              // 6
	endTransaction(t, a, ids[0], producers[0], true, 5)  // 7
	resp := kmsg.NewPtrFetchResponse()
	resp.SetVersion(11)
	if err := resp.ReadFrom(reader.answer()[4:]); err != nil {
		t.Fatal(err)
	}
	got = resp.Topics[0].Partitions[0]
	if next := lastOffset(t, got.RecordBatches); next != 8 || got.LastStableOffset != 8 {
		t.Fatalf("answered at offset %d, last stable offset %d; what came before the first transaction ended may not be shown, and is no reason to answer", next, got.LastStableOffset)
	}
	if a := got.AbortedTransactions; len(a) != 1 || a[0].ProducerID != producers[1].ProducerID || a[0].FirstOffset != 2 {
		t.Fatalf("aborted transactions %+v, want that of the second producer from offset 2", a)
	}
	// Past the aborted one there is nothing to tell of it; and the uncommitted reader is told nothing.
	if a := ask[*kmsg.FetchResponse](reader, committedFetch("wire", 6, 1), 11).Topics[0].Partitions[0].AbortedTransactions; a == nil || len(a) != 0 {
		t.Errorf("from offset 6: aborted %v, want an empty list", a)
	}
	all := committedFetch("wire", 0, 1)
	all.IsolationLevel = 0
	if a := ask[*kmsg.FetchResponse](reader, all, 11).Topics[0].Partitions[0].AbortedTransactions; a != nil {
		t.Errorf("read_uncommitted: aborted %v, want none", a)
	}
}

// TestCommittedFetchSession has a session's answer come for an end of a transaction.
func TestCommittedFetchSession(t *testing.T) {
	b := start(t, t.TempDir(), nil)
	a, reader := attack(t, b.Addr()), attack(t, b.Addr())
	a.send(metadataFrame("session", true)).answer()
	id := "in-session"
	p := beginAs(t, a, id)
	if code := produceAs(a, &id, inTransaction(t, p, 0), 12, "session")[0]; code != protocol.None {
		t.Fatal(code.Name())
	}
	first := committedFetch("session", 0, 1)
	first.SessionEpoch, first.MaxWaitMillis = 0, 0
	opened := ask[*kmsg.FetchResponse](reader, first, 11)
	if opened.SessionID == 0 || len(opened.Topics) != 1 || len(opened.Topics[0].Partitions[0].RecordBatches) != 0 {
		t.Fatalf("the session opened with %+v", opened)
	}
	next := committedFetch("session", 0, 1)
	next.SessionID, next.SessionEpoch, next.Topics = opened.SessionID, 1, nil
	reader.send(frameOf(next, 11))
	endTransaction(t, a, id, p, false, 5)
	resp := kmsg.NewPtrFetchResponse()
	resp.SetVersion(11)
	if err := resp.ReadFrom(reader.answer()[4:]); err != nil || resp.ErrorCode != 0 || len(resp.Topics) != 1 {
		t.Fatalf("answer %+v, %v", resp, err)
	}
	got := resp.Topics[0].Partitions[0]
	if next := lastOffset(t, got.RecordBatches); next != 2 || len(got.AbortedTransactions) != 1 {
		t.Fatalf("read to %d, aborted %v", next, got.AbortedTransactions)
	}
}
