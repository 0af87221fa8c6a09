package service

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator/memlog"
	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/protocol"
)

// TestConcurrentProducers has producers on many goroutines, and partitions that answer on others. Every transaction gets
// its marker once.
func TestConcurrentProducers(t *testing.T) {
	const producers, transactions = 8, 40
	var mu sync.Mutex
	written := make(map[string]int)
	nextID := int64(0)
	config := txn.DefaultConfig()
	config.MaxMarkerRequestsInFlight, config.MaxMarkersPerRequest = 2, 3
	s := New(Options{
		Clock: clock.Real{}, Logger: slog.New(slog.DiscardHandler), Config: func() txn.Config { return config },
		PartitionCount: func() int32 { return partitions }, TransactionVersion: func() int16 { return 2 },
		NextProducerID: func(done func(int64, error)) {
			go func() {
				mu.Lock()
				nextID++
				id := nextID
				mu.Unlock()
				done(id, nil)
			}()
		},
		WriteMarkers: func(req *kmsg.WriteTxnMarkersRequest, done func(*kmsg.WriteTxnMarkersResponse, error)) {
			go func() {
				resp := kmsg.NewPtrWriteTxnMarkersResponse()
				mu.Lock()
				for _, m := range req.Markers {
					written[fmt.Sprintf("%d/%d", m.ProducerID, m.ProducerEpoch)]++
					marker := kmsg.WriteTxnMarkersResponseMarker{ProducerID: m.ProducerID}
					for _, topic := range m.Topics {
						marker.Topics = append(marker.Topics, kmsg.WriteTxnMarkersResponseMarkerTopic{Topic: topic.Topic,
							Partitions: []kmsg.WriteTxnMarkersResponseMarkerTopicPartition{{Partition: topic.Partitions[0]}}})
					}
					resp.Markers = append(resp.Markers, marker)
				}
				mu.Unlock()
				done(resp, nil)
			}()
		},
		PartitionExists: func(string, int32) bool { return true },
	})
	defer s.Close()
	for p := range int32(partitions) {
		s.OnPartitionLeader(p, 1, &memlog.Log{})
	}
	var wg sync.WaitGroup
	for i := range producers {
		wg.Go(func() { produce(t, s, fmt.Sprint("id-", i), transactions) })
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	if len(written) != producers*transactions {
		t.Errorf("%d transactions got markers, want %d", len(written), producers*transactions)
	}
	for marker, times := range written {
		if times != 1 {
			t.Errorf("%s was written %d times", marker, times)
		}
	}
}

// produce runs transactions one after the other, coming again where it is told to.
func produce(t *testing.T, s *Service, id string, transactions int) {
	var pid int64
	var epoch int16
	again(t, func(done func(int16)) {
		s.InitProducerID(initRequest(5, id), func(r *kmsg.InitProducerIDResponse) {
			pid, epoch = r.ProducerID, r.ProducerEpoch
			done(r.ErrorCode)
		})
	})
	for range transactions {
		again(t, func(done func(int16)) {
			s.AddOrVerify(id, pid, epoch, []txn.TopicPartition{{Topic: "t"}}, false, func(codes []protocol.Code) { done(int16(codes[0])) })
		})
		nextPID, nextEpoch := pid, epoch
		again(t, func(done func(int16)) {
			s.EndTxn(endRequest(5, id, pid, epoch, true), func(r *kmsg.EndTxnResponse) {
				nextPID, nextEpoch = r.ProducerID, r.ProducerEpoch
				done(r.ErrorCode)
			})
		})
		pid, epoch = nextPID, nextEpoch
	}
	again(t, func(done func(int16)) { // the last one's markers are written when this is not under way any more
		s.InitProducerID(initRequest(5, id), func(r *kmsg.InitProducerIDResponse) { done(r.ErrorCode) })
	})
}

// again sends a request until it is not told to come again.
func again(t *testing.T, send func(done func(code int16))) {
	for {
		answer := make(chan protocol.Code, 1)
		send(func(code int16) { answer <- protocol.Code(code) })
		switch code := <-answer; code {
		case protocol.None:
			return
		case protocol.ConcurrentTransactions, protocol.CoordinatorLoadInProgress:
			runtime.Gosched()
		default:
			t.Errorf("got %s", code.Name())
			return
		}
	}
}
