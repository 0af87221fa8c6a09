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
	"ottla.dev/ottla/internal/coordinator"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/memlog"
	"ottla.dev/ottla/internal/coordinator/scripttest"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

func txnCommitRequest(version int16, groupID string, topics ...string) *kmsg.TxnOffsetCommitRequest {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version, req.Group, req.TransactionalID, req.ProducerID, req.ProducerEpoch = version, groupID, "tx", 7, 3
	for _, name := range topics {
		topic := kmsg.NewTxnOffsetCommitRequestTopic()
		topic.Topic = name
		for partition := range int32(3) { // of which two exist
			p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			p.Partition, p.Offset, p.LeaderEpoch = partition, 10+int64(partition), 4
			topic.Partitions = append(topic.Partitions, p)
		}
		req.Topics = append(req.Topics, topic)
	}
	return req
}

func txnAnswers(resp *kmsg.TxnOffsetCommitResponse) string {
	var parts []string
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			parts = append(parts, fmt.Sprintf("%s/%d=%s", t.Topic, p.Partition, protocol.Code(p.ErrorCode).Name()))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// stable fetches what the group has of topic t, in words.
func (b *bench) stable(groupID string) string {
	b.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.RequireStable = 8, true
	req.Groups = []kmsg.OffsetFetchRequestGroup{{Group: groupID, Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", Partitions: []int32{0, 1}}}}}
	var parts []string
	for _, p := range ask(b, b.OffsetFetch, req).Groups[0].Topics[0].Partitions {
		parts = append(parts, fmt.Sprintf("%d@%d %s", p.Offset, p.LeaderEpoch, protocol.Code(p.ErrorCode).Name()))
	}
	return strings.Join(parts, ", ")
}

func (b *bench) complete(partition int32, commit bool) error {
	b.t.Helper()
	return b.completeAs(partition, coordinator.Marker{ProducerID: 7, ProducerEpoch: 4, Commit: commit, TransactionVersion: 2})
}

func (b *bench) completeAs(partition int32, marker coordinator.Marker) error {
	b.t.Helper()
	var done bool
	var outcome error
	b.CompleteTransaction(partition, marker, func(err error) {
		if done {
			b.t.Error("a marker was answered twice")
		}
		done, outcome = true, err
	})
	if !done {
		b.t.Fatal("a marker was not answered")
	}
	return outcome
}

func TestTxnOffsetsInEveryVersion(t *testing.T) {
	for version := range int16(6) {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			b := newBench(t)
			var asked []string
			b.options.VerifyTransaction = func(partition int32, transactionalID string, producerID int64, epoch int16, supportsEpochBump bool, done func(uint64, error)) {
				asked = append(asked, fmt.Sprintf("%d %s %d/%d bump=%v", partition, transactionalID, producerID, epoch, supportsEpochBump))
				done(99, nil)
			}
			partition := b.PartitionFor("g")
			var told []coordinator.AppendOptions
			b.logs[partition].Check = func(_ record.Batch, o coordinator.AppendOptions) error { told = append(told, o); return nil }
			req := txnCommitRequest(version, "g", "t", "nowhere")
			if got, want := txnAnswers(ask(b, b.TxnOffsetCommit, req)), "nowhere/0=UNKNOWN_TOPIC_OR_PARTITION nowhere/1=UNKNOWN_TOPIC_OR_PARTITION nowhere/2=UNKNOWN_TOPIC_OR_PARTITION t/0=NONE t/1=NONE t/2=UNKNOWN_TOPIC_OR_PARTITION"; got != want {
				t.Fatalf("got %s", got)
			}
			if got := b.stable("g"); got != "-1@-1 UNSTABLE_OFFSET_COMMIT, -1@-1 UNSTABLE_OFFSET_COMMIT" {
				t.Fatalf("while the transaction is open: %s", got)
			}
			if err := b.complete(partition, true); err != nil {
				t.Fatal(err)
			}
			want := "10@4 NONE, 11@4 NONE"
			if version < 2 {
				want = "10@-1 NONE, 11@-1 NONE"
			}
			if got := b.stable("g"); got != want {
				t.Fatalf("after the commit: %s", got)
			}
			if want := fmt.Sprintf("%d tx 7/3 bump=%v", partition, version >= 5); !slices.Equal(asked, []string{want}) {
				t.Fatalf("asked %q, want %q", asked, want)
			}
			level := int16(1)
			if version >= 5 {
				level = 2
			}
			if want := []coordinator.AppendOptions{{Guard: 99, TransactionVersion: level}, {TransactionVersion: 2}}; !slices.Equal(told, want) {
				t.Fatalf("the log was told %+v, want %+v", told, want)
			}
		})
	}
}

func TestVerificationFails(t *testing.T) {
	for _, c := range []struct {
		err     error
		version int16
		want    protocol.Code
	}{
		{protocol.ProducerFenced, 5, protocol.InvalidProducerEpoch},
		{protocol.InvalidProducerEpoch, 3, protocol.InvalidProducerEpoch},
		{protocol.InvalidProducerIDMapping, 5, protocol.InvalidProducerIDMapping},
		{protocol.TransactionAbortable, 5, protocol.TransactionAbortable},
		{protocol.TransactionAbortable, 4, protocol.TransactionAbortable},
		{protocol.TransactionAbortable, 3, protocol.InvalidTxnState},
		{protocol.InvalidTxnState, 3, protocol.InvalidTxnState},
		{protocol.ConcurrentTransactions, 5, protocol.ConcurrentTransactions},
		{protocol.NetworkException, 3, protocol.CoordinatorLoadInProgress},
		{protocol.NetworkException, 1, protocol.CoordinatorNotAvailable},
		{protocol.CoordinatorLoadInProgress, 2, protocol.CoordinatorLoadInProgress},
		{protocol.CoordinatorLoadInProgress, 0, protocol.CoordinatorNotAvailable},
		{protocol.NotLeaderOrFollower, 4, protocol.NotCoordinator},
		{protocol.UnknownTopicOrPartition, 4, protocol.CoordinatorNotAvailable},
		{protocol.Errorf(protocol.ProducerFenced, "in other words"), 5, protocol.InvalidProducerEpoch},
		{fmt.Errorf("no code"), 5, protocol.UnknownServerError},
	} {
		b := newBench(t)
		b.options.VerifyTransaction = func(_ int32, _ string, _ int64, _ int16, _ bool, done func(uint64, error)) { done(99, c.err) }
		resp := ask(b, b.TxnOffsetCommit, txnCommitRequest(c.version, "g", "t"))
		want := fmt.Sprintf("t/0=%[1]s t/1=%[1]s t/2=UNKNOWN_TOPIC_OR_PARTITION", c.want.Name())
		if got := txnAnswers(resp); got != want {
			t.Errorf("%v in v%d: %s, want %s", c.err, c.version, got, want)
		}
		if len(b.logs[b.PartitionFor("g")].Batches()) != 0 {
			t.Errorf("%v: something was written", c.err)
		}
	}
}

// TestTransactionThatEndsDuringVerification: what was verified is history when the log is asked.
func TestTransactionThatEndsDuringVerification(t *testing.T) {
	b := newBench(t)
	partition := b.PartitionFor("g")
	var verified func(uint64, error)
	b.options.VerifyTransaction = func(_ int32, _ string, _ int64, _ int16, _ bool, done func(uint64, error)) { verified = done }
	valid := uint64(99)
	b.logs[partition].Check = func(batch record.Batch, o coordinator.AppendOptions) error {
		switch {
		case batch.IsControl():
			valid = 0 // the log forgets the verification with the marker
		case o.Guard != valid:
			return protocol.InvalidTxnState
		}
		return nil
	}
	var got string
	b.TxnOffsetCommit(group.RequestContext{}, txnCommitRequest(4, "g", "t"), func(resp *kmsg.TxnOffsetCommitResponse) { got = txnAnswers(resp) })
	if got != "" {
		t.Fatalf("answered before the verification: %s", got)
	}
	if err := b.complete(partition, false); err != nil {
		t.Fatal(err)
	}
	verified(99, nil)
	if got != "t/0=INVALID_TXN_STATE t/1=INVALID_TXN_STATE t/2=UNKNOWN_TOPIC_OR_PARTITION" {
		t.Fatalf("got %s", got)
	}
	if got := b.stable("g"); got != "-1@-1 NONE, -1@-1 NONE" {
		t.Fatalf("the late commit left %s", got)
	}
}

func TestTxnRequestsThatNeedNoShard(t *testing.T) {
	b := newBench(t)
	b.options.VerifyTransaction = func(int32, string, int64, int16, bool, func(uint64, error)) { t.Error("asked") }
	if got := txnAnswers(ask(b, b.TxnOffsetCommit, txnCommitRequest(5, "", "t"))); got != "t/0=INVALID_GROUP_ID t/1=INVALID_GROUP_ID t/2=UNKNOWN_TOPIC_OR_PARTITION" {
		t.Fatalf("no group: %s", got)
	}
	if got := txnAnswers(ask(b, b.TxnOffsetCommit, txnCommitRequest(5, "g"))); got != "" {
		t.Fatalf("no topics: %s", got)
	}
	b.Close()
	if got := txnAnswers(ask(b, b.TxnOffsetCommit, txnCommitRequest(5, "g", "t"))); got != "t/0=COORDINATOR_NOT_AVAILABLE t/1=COORDINATOR_NOT_AVAILABLE t/2=UNKNOWN_TOPIC_OR_PARTITION" {
		t.Fatalf("closed: %s", got)
	}
	if err := b.complete(0, true); protocol.CodeOf(err) != protocol.CoordinatorNotAvailable {
		t.Fatalf("marker after the close: %v", err)
	}
}

func TestTxnPartitionsThatAreNotServed(t *testing.T) {
	b := newBench(t)
	partition := b.PartitionFor("g")
	b.OnPartitionLost(partition, 2)
	for version, want := range map[int16]string{1: "NOT_COORDINATOR", 5: "NOT_COORDINATOR"} {
		if got := txnAnswers(ask(b, b.TxnOffsetCommit, txnCommitRequest(version, "g", "t"))); !strings.HasPrefix(got, "t/0="+want) {
			t.Fatalf("v%d: %s", version, got)
		}
	}
	if err := b.complete(partition, true); protocol.CodeOf(err) != protocol.NotCoordinator {
		t.Fatal(err)
	}
	b.hold = true
	b.OnPartitionLeader(partition, 3, b.logs[partition])
	for version, want := range map[int16]string{1: "COORDINATOR_NOT_AVAILABLE", 2: "COORDINATOR_LOAD_IN_PROGRESS"} {
		if got := txnAnswers(ask(b, b.TxnOffsetCommit, txnCommitRequest(version, "g", "t"))); !strings.HasPrefix(got, "t/0="+want) {
			t.Fatalf("v%d: %s", version, got)
		}
	}
	if err := b.complete(partition, true); protocol.CodeOf(err) != protocol.CoordinatorLoadInProgress {
		t.Fatal(err)
	}
}

// TestRestartInTransaction moves the coordinator while a transaction is open.
func TestRestartInTransaction(t *testing.T) {
	b := newBench(t)
	partition := b.PartitionFor("g")
	ask(b, b.TxnOffsetCommit, txnCommitRequest(5, "g", "t"))
	for epoch := range int32(2) {
		b.OnPartitionLost(partition, 2+2*epoch)
		b.OnPartitionLeader(partition, 3+2*epoch, b.logs[partition])
		want := "-1@-1 UNSTABLE_OFFSET_COMMIT, -1@-1 UNSTABLE_OFFSET_COMMIT"
		if epoch == 1 {
			want = "10@4 NONE, 11@4 NONE"
		}
		if got := b.stable("g"); got != want {
			t.Fatalf("loaded %s, want %s", got, want)
		}
		if err := b.complete(partition, true); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMarkerTimesOut: the marker is in the log, but nobody may say so yet.
func TestMarkerTimesOut(t *testing.T) {
	b := newBench(t)
	partition := b.PartitionFor("g")
	log := &memlog.Log{ManualHighWatermark: true}
	b.OnPartitionLost(partition, 2)
	b.OnPartitionLeader(partition, 3, log)
	var outcome error
	b.CompleteTransaction(partition, coordinator.Marker{ProducerID: 7, Commit: true}, func(err error) { outcome = err })
	b.clock.Advance(4 * time.Second)
	if outcome != nil || len(log.Batches()) != 1 {
		t.Fatalf("%v, %d batches", outcome, len(log.Batches()))
	}
	b.clock.Advance(time.Second)
	if protocol.CodeOf(outcome) != protocol.RequestTimedOut {
		t.Fatal(outcome)
	}
}

// newOrdersBench is a service with one partition, for the topic in the log of Apache Kafka.
func newOrdersBench(t *testing.T, now time.Time, log *memlog.Log) *bench {
	b := &bench{t: t, clock: clock.NewFake(now)}
	b.Service = New(Options{
		Clock: b.clock, Logger: slog.New(slog.DiscardHandler), Config: group.DefaultConfig,
		Topics: catalog{"orders"}, PartitionCount: func() int32 { return 1 }, Go: func(task func()) { task() },
	})
	b.OnPartitionLeader(0, 1, log)
	return b
}

// TestTransactionOfApacheKafkaIsFinishedHere loads the log as it was before Apache Kafka wrote the marker.
func TestTransactionOfApacheKafkaIsFinishedHere(t *testing.T) {
	batches := batchesOfApacheKafka(t)
	cut := slices.IndexFunc(batches, record.Batch.IsControl)
	marker := batches[cut]
	for commit, want := range map[bool]int64{true: 10, false: -1} {
		b := newOrdersBench(t, time.UnixMilli(marker.MaxTimestamp()), scripttest.LogOf(t, batches[:cut]))
		fetch := kmsg.NewPtrOffsetFetchRequest()
		fetch.Version, fetch.RequireStable = 8, true
		fetch.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "transactional", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "orders", Partitions: []int32{0}}}}}
		if p := ask(b, b.OffsetFetch, fetch).Groups[0].Topics[0].Partitions[0]; protocol.Code(p.ErrorCode) != protocol.UnstableOffsetCommit {
			t.Fatalf("before the marker: %+v", p)
		}
		if err := b.completeAs(0, coordinator.Marker{ProducerID: marker.ProducerID(), ProducerEpoch: marker.ProducerEpoch(), Commit: commit}); err != nil {
			t.Fatal(err)
		}
		if p := ask(b, b.OffsetFetch, fetch).Groups[0].Topics[0].Partitions[0]; p.Offset != want || p.ErrorCode != 0 {
			t.Fatalf("commit %v: %+v", commit, p)
		}
	}
}

// TestBatchesAreThoseOfApacheKafka compares a transaction byte by byte with the one in the log that Apache Kafka wrote.
func TestBatchesAreThoseOfApacheKafka(t *testing.T) {
	var theirs []record.Batch
	for _, batch := range batchesOfApacheKafka(t) {
		if batch.ProducerID() >= 0 {
			theirs = append(theirs, batch)
		}
	}
	committed := theirs[0].MaxTimestamp() - 2 // Apache Kafka took the time of the batch two milliseconds after that of the commit
	log := &memlog.Log{}
	b := newOrdersBench(t, time.UnixMilli(committed), log)
	req := txnCommitRequest(5, "transactional")
	req.ProducerID, req.ProducerEpoch = theirs[0].ProducerID(), theirs[0].ProducerEpoch()
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	metadata := "kgo-482dfca6-7ab0-41fd-8719-4459024432a0"
	topic.Topic, p.Offset, p.LeaderEpoch, p.Metadata = "orders", 10, 0, &metadata
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	if got := txnAnswers(ask(b, b.TxnOffsetCommit, req)); got != "orders/0=NONE" {
		t.Fatal(got)
	}
	b.clock.Advance(time.UnixMilli(theirs[1].MaxTimestamp()).Sub(b.clock.Now()))
	if err := b.completeAs(0, coordinator.Marker{
		ProducerID: theirs[1].ProducerID(), ProducerEpoch: theirs[1].ProducerEpoch(), Commit: true, TransactionVersion: 2,
	}); err != nil {
		t.Fatal(err)
	}
	ours := log.Batches()
	if len(ours) != 2 || len(theirs) != 2 {
		t.Fatalf("%d batches, %d of Apache Kafka", len(ours), len(theirs))
	}
	const afterLeaderEpoch, afterCRC, timestamps, afterTimestamps = 16, 21, 27, 43
	if !bytes.Equal(ours[0][afterCRC:timestamps], theirs[0][afterCRC:timestamps]) || !bytes.Equal(ours[0][afterTimestamps:], theirs[0][afterTimestamps:]) {
		t.Errorf("offsets:\n%x\nApache Kafka's:\n%x", ours[0], theirs[0])
	}
	if !bytes.Equal(ours[1][afterLeaderEpoch:], theirs[1][afterLeaderEpoch:]) {
		t.Errorf("marker:\n%x\nApache Kafka's:\n%x", ours[1], theirs[1])
	}
}
