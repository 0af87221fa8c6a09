package service

import (
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator"
	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/protocol"
)

// emptyLog takes everything and keeps nothing.
type emptyLog struct{ end int64 }

func (l *emptyLog) LogStartOffset() int64 { return 0 }
func (l *emptyLog) LogEndOffset() int64   { return l.end }
func (l *emptyLog) HighWatermark() int64  { return l.end }
func (l *emptyLog) MaxBatchBytes() int    { return 1 << 20 }
func (l *emptyLog) Append([]byte, coordinator.AppendOptions) (int64, int64, error) {
	l.end++
	return l.end - 1, l.end, nil
}
func (l *emptyLog) Read(int64, int, []byte) ([]byte, error) { return nil, nil }
func (l *emptyLog) OnHighWatermark(func()) func()           { return func() {} }

// producer runs transactions of a few partitions against a service whose log and partitions cost nothing.
type producer struct {
	t       testing.TB
	service *Service
	tps     []txn.TopicPartition
	pid     int64
	epoch   int16
	end     kmsg.EndTxnRequest
	added   func([]protocol.Code)
	ended   func(*kmsg.EndTxnResponse)
}

func newProducer(t testing.TB, id string, count int32) *producer {
	p := &producer{t: t}
	resp := kmsg.NewPtrWriteTxnMarkersResponse()
	config := txn.DefaultConfig()
	next := int64(0)
	p.service = New(Options{
		Clock: clock.NewFake(time.UnixMilli(1_000_000)), Logger: slog.New(slog.DiscardHandler),
		Config: func() txn.Config { return config }, PartitionCount: func() int32 { return 1 },
		NextProducerID:     func(done func(int64, error)) { next++; done(next, nil) },
		TransactionVersion: func() int16 { return 2 },
		GroupPartition:     func(string) int32 { return 0 }, OffsetsTopic: "__consumer_offsets",
		WriteMarkers: func(req *kmsg.WriteTxnMarkersRequest, done func(*kmsg.WriteTxnMarkersResponse, error)) {
			*resp = kmsg.WriteTxnMarkersResponse{Version: req.Version, Markers: resp.Markers[:0]}
			for _, m := range req.Markers {
				marker := kmsg.WriteTxnMarkersResponseMarker{ProducerID: m.ProducerID}
				for _, topic := range m.Topics {
					t := kmsg.WriteTxnMarkersResponseMarkerTopic{Topic: topic.Topic, Partitions: make([]kmsg.WriteTxnMarkersResponseMarkerTopicPartition, len(topic.Partitions))}
					for i, n := range topic.Partitions {
						t.Partitions[i].Partition = n
					}
					marker.Topics = append(marker.Topics, t)
				}
				resp.Markers = append(resp.Markers, marker)
			}
			done(resp, nil)
		},
		PartitionExists: func(string, int32) bool { return true },
		Go:              func(task func()) { task() },
	})
	p.service.OnPartitionLeader(0, 1, &emptyLog{})
	for n := range count {
		p.tps = append(p.tps, txn.TopicPartition{Topic: "topic", Partition: n})
	}
	p.service.InitProducerID(initRequest(5, id), func(r *kmsg.InitProducerIDResponse) {
		p.pid, p.epoch = r.ProducerID, r.ProducerEpoch
	})
	p.end = *endRequest(5, id, 0, 0, true)
	p.added = func(codes []protocol.Code) {
		if codes[0] != protocol.None {
			t.Fatalf("adding: %s", codes[0].Name())
		}
	}
	p.ended = func(r *kmsg.EndTxnResponse) {
		if r.ErrorCode != 0 {
			t.Fatalf("ending: %s", protocol.Code(r.ErrorCode).Name())
		}
		p.pid, p.epoch = r.ProducerID, r.ProducerEpoch
	}
	return p
}

// transact runs one transaction from its first partition to the end of it in the log.
func (p *producer) transact() {
	p.service.AddOrVerify(p.end.TransactionalID, p.pid, p.epoch, p.tps, false, p.added)
	p.end.ProducerID, p.end.ProducerEpoch = p.pid, p.epoch
	p.service.EndTxn(&p.end, p.ended)
}

func BenchmarkTransaction(b *testing.B) {
	for _, c := range []struct {
		name  string
		count int32
	}{{"1 partition", 1}, {"10 partitions", 10}} {
		b.Run(c.name, func(b *testing.B) {
			p := newProducer(b, "benchmark", c.count)
			b.ReportAllocs()
			for b.Loop() {
				p.transact()
			}
		})
	}
}

// TestAllocationsOfATransaction keeps the cost of a transaction in the coordinator (three records, a request for markers
// and its answer, two answers) from growing unnoticed.
func TestAllocationsOfATransaction(t *testing.T) {
	p := newProducer(t, "id", 1)
	p.transact()
	if got := testing.AllocsPerRun(200, p.transact); got > maxAllocations {
		t.Errorf("a transaction of one partition takes %v allocations, more than %d", got, maxAllocations)
	}
	if partition := p.service.PartitionFor("id"); partition != 0 {
		t.Errorf("the id is in partition %d", partition)
	}
}

// maxAllocations is a little more than what it takes; the race detector empties pools at random.
const maxAllocations = 75
