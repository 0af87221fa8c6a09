package node_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/broker"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// beginAs gives a transactional id its producer id and epoch.
func beginAs(t *testing.T, a *attacker, transactionalID string) *kmsg.InitProducerIDResponse {
	t.Helper()
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorType, find.CoordinatorKeys = 1, []string{transactionalID}
	if found := ask[*kmsg.FindCoordinatorResponse](a, find, 4).Coordinators[0]; found.ErrorCode != 0 || found.Port <= 0 {
		t.Fatalf("the coordinator of %s: %+v", transactionalID, found)
	}
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis = &transactionalID, 60_000
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		resp := ask[*kmsg.InitProducerIDResponse](a, req, 4)
		switch code := protocol.Code(resp.ErrorCode); {
		case code == protocol.None:
			return resp
		case code != protocol.CoordinatorLoadInProgress && code != protocol.ConcurrentTransactions || time.Now().After(deadline):
			t.Fatalf("InitProducerId: %s", code.Name())
		}
	}
}

func addPartition(t *testing.T, a *attacker, transactionalID string, p *kmsg.InitProducerIDResponse, topic string) {
	t.Helper()
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = transactionalID, p.ProducerID, p.ProducerEpoch
	req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: topic, Partitions: []int32{0}}}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		switch code := protocol.Code(ask[*kmsg.AddPartitionsToTxnResponse](a, req, 3).Topics[0].Partitions[0].ErrorCode); {
		case code == protocol.None:
			return
		case code != protocol.ConcurrentTransactions || time.Now().After(deadline):
			t.Fatalf("AddPartitionsToTxn: %s", code.Name())
		}
	}
}

func endTransaction(t *testing.T, a *attacker, transactionalID string, p *kmsg.InitProducerIDResponse, commit bool, version int16) {
	t.Helper()
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = transactionalID, p.ProducerID, p.ProducerEpoch, commit
	resp := ask[*kmsg.EndTxnResponse](a, req, version)
	if code := protocol.Code(resp.ErrorCode); code != protocol.None {
		t.Fatalf("EndTxn: %s", code.Name())
	}
	if version >= 5 {
		p.ProducerID, p.ProducerEpoch = resp.ProducerID, resp.ProducerEpoch
	}
}

// inTransaction is a batch of one record in a transaction.
func inTransaction(t *testing.T, p *kmsg.InitProducerIDResponse, sequence int32) []byte {
	t.Helper()
	b := record.NewBuilder(record.CodecNone)
	b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Transactional = p.ProducerID, p.ProducerEpoch, sequence, true
	if err := b.Append(&record.Record{Timestamp: time.Now().UnixMilli(), Value: []byte("v")}); err != nil {
		t.Fatal(err)
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func produceAs(a *attacker, transactionalID *string, batch []byte, version int16, topics ...string) []protocol.Code {
	a.t.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis, req.TransactionID = -1, 10_000, transactionalID
	for _, topic := range topics {
		rt, rp := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
		rt.Topic, rp.Records = topic, batch
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
	}
	var codes []protocol.Code
	for _, topic := range ask[*kmsg.ProduceResponse](a, req, version).Topics {
		codes = append(codes, protocol.Code(topic.Partitions[0].ErrorCode))
	}
	return codes
}

// TestDelayedProduceIsRefused sends the batch that lingered in the network until its transaction was aborted (KIP-890).
func TestDelayedProduceIsRefused(t *testing.T) {
	b := start(t, t.TempDir(), nil)
	a := attack(t, b.Addr())
	a.send(metadataFrame("delayed", true)).answer()
	for _, test := range []struct {
		name         string
		produce, end int16
		commit       bool
		want         protocol.Code
	}{
		{"before version 11", 9, 4, false, protocol.InvalidTxnState},
		{"version 11", 11, 4, false, protocol.TransactionAbortable},
		{"after a commit", 11, 4, true, protocol.TransactionAbortable},
		{"version 12", 12, 5, false, protocol.InvalidProducerEpoch},
		{"version 12 after a commit", 12, 5, true, protocol.InvalidProducerEpoch},
	} {
		t.Run(test.name, func(t *testing.T) {
			id := "late " + test.name
			p := beginAs(t, a, id)
			late := *p
			if test.produce < 12 {
				addPartition(t, a, id, p, "delayed")
			}
			if code := produceAs(a, &id, inTransaction(t, p, 0), test.produce, "delayed")[0]; code != protocol.None {
				t.Fatalf("in time: %s", code.Name())
			}
			endTransaction(t, a, id, p, test.commit, test.end)
			awaitStable(t, a, "delayed")
			if code := produceAs(a, &id, inTransaction(t, &late, 1), test.produce, "delayed")[0]; code != test.want {
				t.Errorf("late: %s, want %s", code.Name(), test.want.Name())
			}
			awaitStable(t, a, "delayed")
			if test.produce >= 12 { // and the next transaction begins by itself
				if code := produceAs(a, &id, inTransaction(t, p, 0), test.produce, "delayed")[0]; code != protocol.None {
					t.Errorf("the next transaction: %s", code.Name())
				}
				endTransaction(t, a, id, p, true, test.end)
			}
		})
	}
}

func TestVerificationCanBeSwitchedOff(t *testing.T) {
	b := start(t, t.TempDir(), map[string]string{"transaction.partition.verification.enable": "false"})
	a := attack(t, b.Addr())
	a.send(metadataFrame("open", true)).answer()
	id := "unverified"
	p := beginAs(t, a, id)
	if code := produceAs(a, &id, inTransaction(t, p, 0), 11, "open")[0]; code != protocol.None {
		t.Fatalf("a batch that nobody verifies: %s", code.Name())
	}
	if stable, end := offsetsOf(a, "open"); stable != 0 || end != 1 {
		t.Fatalf("last stable offset %d, end %d", stable, end)
	}
	// The transaction hangs: the coordinator does not know of it. That is how it is ended by hand (kafka-transactions --abort).
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	marker := kmsg.NewWriteTxnMarkersRequestMarker()
	marker.ProducerID, marker.ProducerEpoch, marker.CoordinatorEpoch = p.ProducerID, p.ProducerEpoch, 0
	marker.Topics = []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: "open", Partitions: []int32{0}}, {Topic: "none", Partitions: []int32{3}}}
	req.Markers = append(req.Markers, marker)
	topics := ask[*kmsg.WriteTxnMarkersResponse](a, req, 1).Markers[0].Topics
	if got := protocol.Code(topics[0].Partitions[0].ErrorCode); got != protocol.None {
		t.Errorf("the marker: %s", got.Name())
	}
	if got := protocol.Code(topics[1].Partitions[0].ErrorCode); got != protocol.UnknownTopicOrPartition {
		t.Errorf("a marker for a partition that is not there: %s", got.Name())
	}
	if stable, end := offsetsOf(a, "open"); stable != 2 || end != 2 {
		t.Errorf("after the marker: last stable offset %d, end %d", stable, end)
	}
}

func TestTransactionalProduceNeedsItsID(t *testing.T) {
	b := start(t, t.TempDir(), nil)
	a := attack(t, b.Addr())
	a.send(metadataFrame("one", true)).answer()
	a.send(metadataFrame("two", true)).answer()
	id, other := "needs", "other"
	p, q := beginAs(t, a, id), beginAs(t, a, other)
	if codes := produceAs(a, nil, inTransaction(t, p, 0), 12, "one", "two"); codes[0] != protocol.TransactionalIDAuthorizationFailed || codes[1] != codes[0] {
		t.Errorf("without an id: %v", codes)
	}
	if code := produceAs(a, &other, inTransaction(t, p, 0), 12, "one")[0]; code != protocol.InvalidProducerIDMapping {
		t.Errorf("with the id of another producer: %s", code.Name())
	}
	req := produceRequest("one", 0, inTransaction(t, p, 0))
	req.TransactionID = &id
	req.Topics = append(req.Topics, produceRequest("two", 0, inTransaction(t, q, 0)).Topics...)
	for _, topic := range ask[*kmsg.ProduceResponse](a, req, 12).Topics {
		if code := protocol.Code(topic.Partitions[0].ErrorCode); code != protocol.InvalidProducerIDMapping {
			t.Errorf("two producers in one request: %s for %s", code.Name(), topic.Topic)
		}
	}
	if code := produceAs(a, &id, inTransaction(t, p, 0), 12, "one", "nowhere"); code[0] != protocol.None || code[1] != protocol.UnknownTopicOrPartition {
		t.Errorf("one partition that is not there: %v", code)
	}
	if _, end := offsetsOf(a, "one"); end != 1 {
		t.Errorf("%d records were written, want the last one", end)
	}
}

// offsetsOf returns the last stable offset and the high watermark.
func offsetsOf(a *attacker, topic string) (stable, end int64) {
	a.t.Helper()
	req := kmsg.NewPtrListOffsetsRequest()
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Timestamp = -1
	req.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{p}}}
	end = ask[*kmsg.ListOffsetsResponse](a, req, 5).Topics[0].Partitions[0].Offset
	req.IsolationLevel = 1
	return ask[*kmsg.ListOffsetsResponse](a, req, 5).Topics[0].Partitions[0].Offset, end
}

// awaitStable waits until the markers of ended transactions are there.
func awaitStable(t *testing.T, a *attacker, topic string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		stable, end := offsetsOf(a, topic)
		if stable == end {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the last stable offset of %s stays at %d of %d", topic, stable, end)
		}
	}
}

// TestTransactionsAreDescribed asks what administrators ask.
func TestTransactionsAreDescribed(t *testing.T) {
	everyTransactionVersion(t, func(t *testing.T, b *broker.Broker) {
		a := attack(t, b.Addr())
		a.send(metadataFrame("seen", true)).answer()
		id := "described"
		p := beginAs(t, a, id)
		addPartition(t, a, id, p, "seen")
		if code := produceAs(a, &id, inTransaction(t, p, 0), 11, "seen")[0]; code != protocol.None {
			t.Fatal(code.Name())
		}
		describe := kmsg.NewPtrDescribeTransactionsRequest()
		describe.TransactionalIDs = []string{id, "nobody"}
		states := ask[*kmsg.DescribeTransactionsResponse](a, describe, 0).TransactionStates
		if s := states[0]; s.State != "Ongoing" || s.ProducerID != p.ProducerID || len(s.Topics) != 1 || s.Topics[0].Topic != "seen" {
			t.Errorf("described %+v", s)
		}
		if code := protocol.Code(states[1].ErrorCode); code != protocol.TransactionalIDNotFound {
			t.Errorf("an id that nobody has: %s", code.Name())
		}
		list := kmsg.NewPtrListTransactionsRequest()
		list.StateFilters = []string{"Ongoing"}
		if got := ask[*kmsg.ListTransactionsResponse](a, list, 1).TransactionStates; len(got) != 1 || got[0].TransactionalID != id {
			t.Errorf("listed %+v", got)
		}
		producers := kmsg.NewPtrDescribeProducersRequest()
		producers.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: "seen", Partitions: []int32{0}}}
		active := func() kmsg.DescribeProducersResponseTopicPartitionActiveProducer {
			return ask[*kmsg.DescribeProducersResponse](a, producers, 0).Topics[0].Partitions[0].ActiveProducers[0]
		}
		if got := active(); got.CurrentTxnStartOffset != 0 || got.CoordinatorEpoch != -1 || got.ProducerID != p.ProducerID {
			t.Errorf("producer %+v", got)
		}
		endTransaction(t, a, id, p, true, 4)
		awaitStable(t, a, "seen")
		if got := active(); got.CurrentTxnStartOffset != -1 || got.CoordinatorEpoch < 0 {
			t.Errorf("producer after the transaction %+v", got)
		}
	})
}
