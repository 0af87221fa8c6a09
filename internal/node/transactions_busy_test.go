package node_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// TestShortCommittedWaitsWhileTransactionsEnd has the ends of fetches' waits coincide with markers, thousands of times. Every reader sees each
// batch once and in order, and of each aborted one that it was.
func TestShortCommittedWaitsWhileTransactionsEnd(t *testing.T) {
	const readers, transactions = 4, 1500
	b := start(t, t.TempDir(), nil)
	writer := attack(t, b.Addr())
	writer.send(metadataFrame("busy", true)).answer()
	id := "busy"
	p := beginAs(t, writer, id)
	var group sync.WaitGroup
	for range readers {
		c := dialRaw(t, b.Addr())
		group.Go(func() { readTransactions(t, c, "busy", 2*transactions) })
	}
	for i := range transactions {
		code := protocol.ConcurrentTransactions
		for code == protocol.ConcurrentTransactions {
			code = produceAs(writer, &id, inTransaction(t, p, 0), 12, "busy")[0]
		}
		if code != protocol.None {
			t.Fatalf("transaction %d: %s", i, code.Name())
		}
		endTransaction(t, writer, id, p, i%3 != 0, 5)
	}
	group.Wait()
}

// readTransactions reads batch and marker in turn up to an offset; every third transaction, beginning with the first, was aborted.
func readTransactions(t *testing.T, c *rawConn, topic string, end int64) {
	req := committedFetch(topic, 0, 1)
	req.MaxWaitMillis = 1
	for offset := int64(0); offset < end; {
		req.Topics[0].Partitions[0].FetchOffset = offset
		resp := kmsg.NewPtrFetchResponse()
		resp.SetVersion(11)
		if err := resp.ReadFrom(c.roundTrip(frameOf(req, 11))[4:]); err != nil {
			t.Error(err)
			return
		}
		part := resp.Topics[0].Partitions[0]
		aborted := map[int64]bool{}
		for _, a := range part.AbortedTransactions {
			aborted[a.FirstOffset] = true
		}
		if part.ErrorCode != 0 || part.LastStableOffset > part.HighWatermark || part.LastStableOffset < offset {
			t.Errorf("at offset %d: code %d, last stable offset %d, high watermark %d", offset, part.ErrorCode, part.LastStableOffset, part.HighWatermark)
			return
		}
		for rest := part.RecordBatches; len(rest) > 0; {
			batch, left, err := record.Next(rest)
			if err != nil {
				t.Error(err)
				return
			}
			if batch.BaseOffset() != offset || batch.IsControl() != (offset%2 == 1) {
				t.Errorf("batch %d (control %t) follows offset %d", batch.BaseOffset(), batch.IsControl(), offset)
				return
			}
			if want := offset%6 == 0; !batch.IsControl() && aborted[offset] != want {
				t.Errorf("the batch at %d is said to be aborted: %t, want %t; list %v", offset, aborted[offset], want, part.AbortedTransactions)
				return
			}
			offset, rest = batch.NextOffset(), left
		}
		if offset > part.LastStableOffset {
			t.Errorf("read to %d past the last stable offset %d", offset, part.LastStableOffset)
			return
		}
	}
}

// TestStopWhileTransactionsRun stops a node whose connections wait for its transaction coordinator.
func TestStopWhileTransactionsRun(t *testing.T) {
	b := start(t, t.TempDir(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var clients []*kgo.Client
	for i := range 6 {
		c := client(t, b, kgo.TransactionalID(fmt.Sprint("runs-", i)))
		clients = append(clients, c)
		transact(t, c, kgo.TryCommit, []string{"stopped"}, "warm")
		group.Go(func() {
			for ctx.Err() == nil {
				runTransaction(ctx, c, "v", true, map[string]bool{}, map[string]bool{})
			}
		})
	}
	time.Sleep(200 * time.Millisecond) // some are in the middle of something
	began := time.Now()
	if err := b.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the node took %v to stop", took)
	}
	cancel()
	for _, c := range clients {
		c.Close()
	}
	group.Wait()
}
