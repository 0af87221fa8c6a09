package streams

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const partitions = 3

func createTopics(ctx context.Context, addr string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		return err
	}
	defer cl.Close()
	responses, err := kadm.NewClient(cl).CreateTopics(ctx, partitions, 1, nil, "lines", "counts", "sums")
	if err != nil {
		return err
	}
	return responses.Error()
}

// sender puts the input into its topic, each line once whatever happens to the node.
type sender struct {
	cl    *kgo.Client
	lines []line
	more  chan int // how many lines may go out further

	mu     sync.Mutex
	acked  int
	failed error
}

func newSender(addr string, lines []line) (*sender, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic("lines"), kgo.AlwaysRetryEOF(), kgo.UnknownTopicRetries(-1),
		kgo.ProducerLinger(2*time.Millisecond), kgo.RecordRetries(1<<30))
	return &sender{cl: cl, lines: lines, more: make(chan int, 100)}, err
}

// run sends lines as they are allowed, a pause after each.
func (s *sender) run(ctx context.Context, pause time.Duration) {
	allowed := 0
	for _, l := range s.lines {
		for allowed == 0 {
			select {
			case count := <-s.more:
				allowed += count
			case <-ctx.Done():
				return
			}
		}
		allowed--
		s.cl.Produce(ctx, &kgo.Record{Key: []byte(l.user), Value: []byte(l.text)}, func(_ *kgo.Record, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if err != nil && s.failed == nil {
				s.failed = err
			}
			s.acked++
		})
		time.Sleep(pause)
	}
}

// allow lets so many further lines go out.
func (s *sender) allow(count int) { s.more <- count }

func (s *sender) progress() (acked int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acked, s.failed
}

// reader collects the committed records of topics whose values are numbers.
type reader struct {
	cl *kgo.Client

	mu     sync.Mutex
	topics map[string]updates
	failed error
}

func newReader(addr string, topics []string, opts ...kgo.Opt) (*reader, error) {
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr), kgo.AlwaysRetryEOF(), kgo.UnknownTopicRetries(-1), kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(200*time.Millisecond))...)
	r := &reader{cl: cl, topics: map[string]updates{}}
	for _, topic := range topics {
		r.topics[topic] = updates{}
	}
	return r, err
}

func (r *reader) run(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := r.cl.PollFetches(ctx)
		r.mu.Lock()
		for _, record := range fetches.Records() {
			r.take(record)
		}
		for _, e := range fetches.Errors() {
			if ctx.Err() == nil && r.failed == nil && !kgo.IsRetryableBrokerErr(e.Err) {
				r.failed = fmt.Errorf("read %s-%d: %w", e.Topic, e.Partition, e.Err)
			}
		}
		r.mu.Unlock()
	}
}

func (r *reader) take(record *kgo.Record) {
	if len(record.Value) != 8 {
		r.failed = fmt.Errorf("%s-%d offset %d: a value of %d bytes is no number", record.Topic, record.Partition, record.Offset, len(record.Value))
		return
	}
	values := r.topics[record.Topic]
	values[string(record.Key)] = append(values[string(record.Key)], int64(binary.BigEndian.Uint64(record.Value)))
}

// total is how many records of a topic have come.
func (r *reader) total(topic string) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.topics[topic].total(), r.failed
}

// readToEnd reads the committed records of a topic to where its end is now.
func readToEnd(ctx context.Context, addr, topic string) (updates, error) {
	r, err := newReader(addr, []string{topic}, kgo.KeepControlRecords())
	if err != nil {
		return nil, err
	}
	defer r.cl.Close()
	listed, err := kadm.NewClient(r.cl).ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, err
	}
	reached := map[int32]int64{}
	done := func() bool {
		for partition, end := range listed[topic] {
			if reached[partition] < end.Offset {
				return false
			}
		}
		return true
	}
	for !done() {
		r.cl.PollFetches(ctx).EachPartition(func(p kgo.FetchTopicPartition) {
			for _, record := range p.Records {
				if !record.Attrs.IsControl() {
					r.take(record)
				}
				reached[p.Partition] = record.Offset + 1
			}
		})
		if ctx.Err() != nil {
			return nil, fmt.Errorf("read %s: at %v of %v: %w", topic, reached, listed[topic], ctx.Err())
		}
	}
	return r.topics[topic], r.failed
}
