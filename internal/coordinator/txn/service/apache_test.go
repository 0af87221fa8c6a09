package service

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator/scripttest"
	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/protocol"
)

// TestLogOfApacheKafka loads a partition of __transaction_state that Apache Kafka 4.3.1 wrote while real clients used it:
// id "expired" with its tombstone; "zero" at transaction.version 0; "one" at 1, with a commit and an abort; at 2 "two",
// "offsets" (with a group's offsets), "timed-out", "open", which was never ended, and "idle", which was initialized twice;
// and "old-client", which at 2 went by version 0. What is said of them is what Kafka's DescribeTransactions said.
func TestLogOfApacheKafka(t *testing.T) {
	log := scripttest.LogOf(t, scripttest.ReadBatches(t, "../testdata/apache-kafka-4.3.1.log"))
	var logged bytes.Buffer
	b := &bench{t: t, clock: clock.NewFake(time.UnixMilli(log.Batches()[0].MaxTimestamp())), level: 2, config: txn.DefaultConfig(), written: make(map[string]int)}
	b.Service = New(Options{
		Clock: b.clock, Logger: slog.New(slog.NewTextHandler(&logged, nil)), Config: func() txn.Config { return b.config },
		PartitionCount: func() int32 { return 1 }, TransactionVersion: func() int16 { return b.level }, NextProducerID: b.nextProducerID,
		GroupPartition: func(string) int32 { return 0 }, OffsetsTopic: "__consumer_offsets", WriteMarkers: b.writeMarkers,
		PartitionExists: func(string, int32) bool { return true }, Go: func(task func()) { task() },
	})
	b.OnPartitionLeader(0, 3, log)

	var got []string
	list := kmsg.NewPtrListTransactionsRequest()
	for _, s := range ask(b, b.ListTransactions, list).TransactionStates {
		d := b.describe(s.TransactionalID)
		got = append(got, fmt.Sprintf("%s %s %d/%d timeout=%d start=%d %v", s.TransactionalID, d.State, d.ProducerID, d.ProducerEpoch, d.TimeoutMillis, d.StartTimestamp, d.Topics))
	}
	want := []string{
		"idle Empty 1007/1 timeout=60000 start=-1 []",
		"offsets CompleteCommit 1005/1 timeout=40000 start=1795275036568 []",
		"old-client CompleteCommit 1003/0 timeout=60000 start=1795275032172 []",
		"one CompleteAbort 1001/0 timeout=60000 start=1795275030010 []",
		"open Ongoing 1006/0 timeout=600000 start=1795275036629 [{t [1] {map[]}}]",
		"timed-out CompleteAbort 1004/1 timeout=1000 start=1795275032204 []",
		"two CompleteCommit 1002/3 timeout=60000 start=1795275032142 []",
		"zero CompleteCommit 1000/0 timeout=60000 start=1795275027582 []",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if strings.Contains(logged.String(), "WARN") || strings.Contains(logged.String(), "ERROR") {
		t.Errorf("logged %s", logged.String())
	}

	// Its producers go on.
	b.want(ask(b, b.EndTxn, endRequest(5, "open", 1006, 0, true)).ErrorCode, protocol.None)
	b.want(ask(b, b.EndTxn, endRequest(5, "two", 1002, 2, true)).ErrorCode, protocol.None) // a retry
	b.wantState("open", "CompleteCommit")
	if b.written["t-1 1006/1 commit=true v2 coordinator 3"] != 1 || len(b.written) != 1 {
		t.Errorf("markers are %v", b.written)
	}
}
