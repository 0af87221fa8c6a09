package service

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/memlog"
	"ottla.dev/ottla/internal/protocol"
)

// producer commits offsets of one partition in transactions, one after the other, and checks each outcome.
type producer struct {
	*Service
	id        int64
	topic     string
	partition int32
	holds     int64 // the offset of the last transaction that was committed
}

// call waits for the answer of a request.
func call[Req, Resp any](f func(group.RequestContext, Req, func(Resp)), req Req) Resp {
	answer := make(chan Resp, 2) // a second answer must not block who gives it
	f(group.RequestContext{}, req, func(resp Resp) { answer <- resp })
	return <-answer
}

func (p *producer) commit(offset int64) protocol.Code {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version, req.Group, req.TransactionalID, req.ProducerID = 5, "g", "tx", p.id
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	at := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	topic.Topic, at.Partition, at.Offset = p.topic, p.partition, offset
	topic.Partitions = append(topic.Partitions, at)
	req.Topics = append(req.Topics, topic)
	return protocol.Code(call(p.TxnOffsetCommit, req).Topics[0].Partitions[0].ErrorCode)
}

func (p *producer) end(commit bool) protocol.Code {
	done := make(chan error, 2)
	p.CompleteTransaction(p.PartitionFor("g"), coordinator.Marker{ProducerID: p.id, Commit: commit}, func(err error) { done <- err })
	if err := <-done; err != nil {
		return protocol.CodeOf(err)
	}
	return protocol.None
}

func (p *producer) fetch() (offset int64, code protocol.Code) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.RequireStable = 8, true
	req.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "g", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: p.topic, Partitions: []int32{p.partition}}}}}
	g := call(p.OffsetFetch, req).Groups[0]
	if g.ErrorCode != 0 {
		return 0, protocol.Code(g.ErrorCode)
	}
	return g.Topics[0].Partitions[0].Offset, protocol.Code(g.Topics[0].Partitions[0].ErrorCode)
}

// persist repeats what fails because the coordinator moves.
func persist(f func() protocol.Code) protocol.Code {
	for {
		switch code := f(); code {
		case protocol.NotCoordinator, protocol.CoordinatorLoadInProgress, protocol.NotLeaderOrFollower:
		default:
			return code
		}
	}
}

// run makes transactions. It returns what it found wrong.
func (p *producer) run(transactions int64) error {
	p.holds = -1
	for n := range transactions {
		if code := persist(func() protocol.Code { return p.commit(n) }); code != protocol.None {
			return fmt.Errorf("commit %d: %s", n, code)
		}
		var code protocol.Code
		read := func() protocol.Code { _, code = p.fetch(); return code }
		if persist(read) != protocol.UnstableOffsetCommit {
			return fmt.Errorf("while transaction %d is open: %s", n, code)
		}
		commit := n%3 != 0
		if code := persist(func() protocol.Code { return p.end(commit) }); code != protocol.None {
			return fmt.Errorf("end %d: %s", n, code)
		}
		if commit {
			p.holds = n
		}
		var got int64
		if code := persist(func() (code protocol.Code) { got, code = p.fetch(); return code }); code != protocol.None || got != p.holds {
			return fmt.Errorf("after transaction %d: %d %s, want %d", n, got, code, p.holds)
		}
	}
	return nil
}

// TestProducersWhileTheCoordinatorMoves is for the race detector: transactions from everywhere, verified from other
// goroutines, while the partition is lost and won again.
func TestProducersWhileTheCoordinatorMoves(t *testing.T) {
	s := New(Options{
		Clock: clock.NewFake(time.UnixMilli(1_000_000)), Logger: slog.New(slog.DiscardHandler), Config: group.DefaultConfig,
		Topics: catalog{"t", "u"}, PartitionCount: func() int32 { return partitions },
		VerifyTransaction: func(_ int32, _ string, _ int64, _ int16, _ bool, done func(uint64, error)) { go done(1, nil) },
	})
	var log memlog.Log
	partition := s.PartitionFor("g")
	var epoch atomic.Int32
	lead := func() { s.OnPartitionLeader(partition, epoch.Add(1), &log) }
	lead()

	producers := make([]*producer, 4)
	var working sync.WaitGroup
	for i := range producers {
		producers[i] = &producer{Service: s, id: int64(i), topic: []string{"t", "u"}[i/2], partition: int32(i % 2)}
		working.Go(func() {
			if err := producers[i].run(60); err != nil {
				t.Errorf("producer %d: %v", i, err)
			}
		})
	}
	finished := make(chan struct{})
	moves := make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-finished:
				moves <- n
				return
			default:
				if _, code := producers[0].fetch(); code == protocol.CoordinatorLoadInProgress {
					continue // it is given the time to load
				}
				s.OnPartitionLost(partition, epoch.Add(1))
				lead()
				n++
			}
		}
	}()
	working.Wait()
	close(finished)
	t.Logf("the coordinator moved %d times", <-moves)

	s.OnPartitionLost(partition, epoch.Add(1))
	lead()
	for i, p := range producers {
		var got int64
		if code := persist(func() (code protocol.Code) { got, code = p.fetch(); return code }); code != protocol.None || got != p.holds {
			t.Errorf("producer %d: %d %s after the end, want %d", i, got, code, p.holds)
		}
	}
}
