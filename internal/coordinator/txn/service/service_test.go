package service

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator/memlog"
	"ottla.dev/ottla/internal/coordinator/scripttest"
	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/protocol"
)

const partitions = 3

// bench is a service with logs and partitions in memory.
type bench struct {
	*Service
	t     testing.TB
	clock *clock.Fake
	logs  [partitions]*memlog.Log
	level int16

	hold  bool // loads wait
	loads []func()

	nextID     int64
	idError    error
	holdIDs    bool
	waitingIDs []func(id int64, err error)

	topics map[string]int32 // number of partitions by name
	// holdMarkers keeps the requests for markers unanswered, in requests.
	holdMarkers bool
	requests    []*markersRequest
	sent        int
	written     map[string]int // markers by "t-0 1000/1 commit"
	config      txn.Config
}

// markersRequest is a WriteTxnMarkers request that is under way.
type markersRequest struct {
	*kmsg.WriteTxnMarkersRequest
	done func(*kmsg.WriteTxnMarkersResponse, error)
}

func newBench(t testing.TB) *bench {
	b := &bench{
		t: t, clock: clock.NewFake(time.UnixMilli(1_000_000)), level: 2, nextID: 1000,
		topics: map[string]int32{"t": 4, "u": 2, "__consumer_offsets": 50}, written: make(map[string]int), config: txn.DefaultConfig(),
	}
	b.Service = New(Options{
		Clock: b.clock, Logger: slog.New(slog.DiscardHandler),
		Config:             func() txn.Config { return b.config },
		PartitionCount:     func() int32 { return partitions },
		NextProducerID:     b.nextProducerID,
		TransactionVersion: func() int16 { return b.level },
		GroupPartition:     func(groupID string) int32 { return int32(len(groupID)) },
		OffsetsTopic:       "__consumer_offsets",
		WriteMarkers:       b.writeMarkers,
		PartitionExists:    func(topic string, p int32) bool { return p < b.topics[topic] },
		Go: func(task func()) {
			if b.hold {
				b.loads = append(b.loads, task)
				return
			}
			task()
		},
	})
	for p := range b.logs {
		b.logs[p] = &memlog.Log{}
		b.OnPartitionLeader(int32(p), 7, b.logs[p])
	}
	return b
}

func (b *bench) nextProducerID(done func(int64, error)) {
	switch {
	case b.holdIDs:
		b.waitingIDs = append(b.waitingIDs, done)
	case b.idError != nil:
		done(-1, b.idError)
	default:
		b.nextID++
		done(b.nextID-1, nil)
	}
}

func (b *bench) writeMarkers(req *kmsg.WriteTxnMarkersRequest, done func(*kmsg.WriteTxnMarkersResponse, error)) {
	b.sent++
	r := &markersRequest{req, done}
	if b.holdMarkers {
		b.requests = append(b.requests, r)
		return
	}
	r.answer(b, func(string, int32) protocol.Code { return protocol.None })
}

// answer writes the markers and answers. The request is sent through its codec, as to another broker.
func (r *markersRequest) answer(b *bench, code func(topic string, partition int32) protocol.Code) {
	var req kmsg.WriteTxnMarkersRequest
	req.SetVersion(r.Version)
	if err := req.ReadFrom(r.AppendTo(nil)); err != nil {
		b.t.Fatal(err)
	}
	resp := req.ResponseKind().(*kmsg.WriteTxnMarkersResponse)
	for _, m := range req.Markers {
		marker := kmsg.NewWriteTxnMarkersResponseMarker()
		marker.ProducerID = m.ProducerID
		for _, t := range m.Topics {
			topic := kmsg.NewWriteTxnMarkersResponseMarkerTopic()
			topic.Topic = t.Topic
			for _, p := range t.Partitions {
				partition := kmsg.NewWriteTxnMarkersResponseMarkerTopicPartition()
				partition.Partition, partition.ErrorCode = p, int16(code(t.Topic, p))
				topic.Partitions = append(topic.Partitions, partition)
				if partition.ErrorCode == 0 {
					b.written[fmt.Sprintf("%s-%d %d/%d commit=%v v%d coordinator %d", t.Topic, p, m.ProducerID, m.ProducerEpoch, m.Committed, m.TransactionVersion, m.CoordinatorEpoch)]++
				}
			}
			marker.Topics = append(marker.Topics, topic)
		}
		resp.Markers = append(resp.Markers, marker)
	}
	r.done(resp, nil)
}

// ask sends a request as a connection would, and returns its only answer as the client would read it.
func ask[Req kmsg.Request, Resp kmsg.Response](b *bench, call func(Req, func(Resp)), req Req) Resp {
	b.t.Helper()
	answer, ok := scripttest.Ask(b.t, call, req)()
	if !ok {
		b.t.Fatalf("%T was not answered", req)
	}
	return answer
}

func (b *bench) want(code int16, want protocol.Code) {
	b.t.Helper()
	if protocol.Code(code) != want {
		b.t.Fatalf("got %s, want %s", protocol.Code(code).Name(), want.Name())
	}
}

func initRequest(version int16, id string) *kmsg.InitProducerIDRequest {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.TransactionalID, req.TransactionTimeoutMillis = version, &id, 60_000
	req.ProducerID, req.ProducerEpoch = -1, -1
	return req
}

func addRequest(version int16, id string, producerID int64, epoch int16, topic string, ps ...int32) *kmsg.AddPartitionsToTxnRequest {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.Version = version
	if version < 4 {
		req.TransactionalID, req.ProducerID, req.ProducerEpoch = id, producerID, epoch
		req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: topic, Partitions: ps}}
		return req
	}
	req.Transactions = []kmsg.AddPartitionsToTxnRequestTransaction{{
		TransactionalID: id, ProducerID: producerID, ProducerEpoch: epoch,
		Topics: []kmsg.AddPartitionsToTxnRequestTransactionTopic{{Topic: topic, Partitions: ps}},
	}}
	return req
}

func endRequest(version int16, id string, producerID int64, epoch int16, commit bool) *kmsg.EndTxnRequest {
	req := kmsg.NewPtrEndTxnRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = version, id, producerID, epoch, commit
	return req
}

// addCodes are the codes of the only transaction of an answer.
func addCodes(resp *kmsg.AddPartitionsToTxnResponse) (codes []protocol.Code) {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			codes = append(codes, protocol.Code(p.ErrorCode))
		}
	}
	for _, t := range resp.Transactions {
		for _, topic := range t.Topics {
			for _, p := range topic.Partitions {
				codes = append(codes, protocol.Code(p.ErrorCode))
			}
		}
	}
	return codes
}

func (b *bench) describe(id string) kmsg.DescribeTransactionsResponseTransactionState {
	b.t.Helper()
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = []string{id}
	return ask(b, b.DescribeTransactions, req).TransactionStates[0]
}

func (b *bench) wantState(id, want string) {
	b.t.Helper()
	if got := b.describe(id); got.State != want {
		b.t.Fatalf("%q is %s (code %d), want %s", id, got.State, got.ErrorCode, want)
	}
}
