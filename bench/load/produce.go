package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"
)

// Produce is a load that sends as fast as the broker answers.
type Produce struct {
	Shape
	Producers int   `json:"producers"` // connections
	InFlight  int   `json:"inFlight"`  // requests per connection without an answer
	Bytes     int64 `json:"bytes"`     // of batches, all connections together
	// Idempotent numbers the batches, for which Shape must have one partition per request and one partition per producer.
	Idempotent bool `json:"idempotent,omitempty"`
	// Distinct is how many requests of a producer differ before they come again, and their keys with them; 0: few.
	Distinct int `json:"distinct,omitempty"`
	// Floor leaves out what the floor programs do not answer.
	Floor bool `json:"-"`
}

// Done is what a load has moved.
type Done struct {
	Bytes   int64 // of batches
	Elapsed time.Duration
}

// Run produces to a topic that exists.
func (p Produce) Run(ctx context.Context, addr, topic string) (Done, error) {
	senders := make([]*sender, p.Producers)
	for i := range senders {
		s, err := p.sender(ctx, addr, topic, i)
		if err != nil {
			return Done{}, err
		}
		defer s.conn.Close()
		senders[i] = s
	}
	var left, sent atomic.Int64
	left.Store(p.Bytes)
	started := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range senders {
		group.Go(func() error {
			defer s.conn.closeWith(ctx)()
			return s.run(&left, &sent)
		})
	}
	err := group.Wait()
	return Done{Bytes: sent.Load(), Elapsed: time.Since(started)}, err
}

// sender is one connection and the requests that it sends in turn.
type sender struct {
	conn       *Conn
	frames     []*frame
	window     chan int // what is in flight, the bytes of each request; the one whose answer is awaited has left it
	idempotent bool
	producer   int64
	epoch      int16
}

// framesPerSender lets the requests differ and go through the partitions.
const framesPerSender = 8

func (p Produce) sender(ctx context.Context, addr, topic string, n int) (*sender, error) {
	s := &sender{window: make(chan int, p.InFlight-1), idempotent: p.Idempotent}
	count := max(framesPerSender, p.Distinct)
	if p.Distinct == 0 && (p.Idempotent || p.PartitionsPerRequest == p.Partitions) {
		count = 1 // sequences belong to one partition
	}
	for i := range count {
		f, err := p.frame(topic, n*count+i, -1)
		if err != nil {
			return nil, err
		}
		s.frames = append(s.frames, f)
	}
	var err error
	if s.conn, err = Dial(ctx, addr); err != nil {
		return nil, err
	}
	if p.Idempotent && !p.Floor {
		if err := s.identify(); err != nil {
			s.conn.Close()
			return nil, err
		}
	}
	return s, nil
}

// identify gets a producer id. A broker that has just started may first have none.
func (s *sender) identify() error {
	request := kmsg.NewPtrInitProducerIDRequest()
	request.Version, request.TransactionTimeoutMillis = 1, int32(patience/time.Millisecond)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * pollInterval) {
		response, err := s.conn.Do(request)
		if err != nil {
			return err
		}
		r := response.(*kmsg.InitProducerIDResponse)
		s.producer, s.epoch = r.ProducerID, r.ProducerEpoch
		if err = kerr.ErrorForCode(r.ErrorCode); err == nil {
			return nil
		}
		if !kerr.IsRetriable(err) || time.Now().After(deadline) {
			return fmt.Errorf("a producer id: %w", err)
		}
	}
}

// run sends while left lasts and returns when all is answered.
func (s *sender) run(left, sent *atomic.Int64) error {
	answers := make(chan error, 1)
	go func() { answers <- s.readAnswers(sent) }()
	for i := 0; ; i++ {
		f := s.frames[i%len(s.frames)]
		if left.Add(-int64(f.payload)) < -int64(f.payload) {
			break
		}
		if s.idempotent {
			f.number(s.producer, s.epoch)
		}
		select {
		case s.window <- f.payload:
		case err := <-answers:
			return err
		}
		if err := s.conn.write(f.bytes); err != nil {
			s.conn.Close()
			close(s.window)
			return first(<-answers, err)
		}
	}
	close(s.window)
	return <-answers
}

// readAnswers takes one answer for each request.
func (s *sender) readAnswers(sent *atomic.Int64) error {
	for payload := range s.window {
		body, err := s.conn.read()
		if err == nil {
			err = checkProduced(body)
		}
		if err != nil {
			return err
		}
		sent.Add(int64(payload))
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkProduced looks for an error in the body of a Produce answer of version 8.
func checkProduced(b []byte) error {
	be := binary.BigEndian
	at := 0
	need := func(n int) bool { return len(b)-at >= n }
	skip := func(size int) bool { // a string
		if !need(size) {
			return false
		}
		at += size + max(0, int(int16(be.Uint16(b[at:]))))
		return at <= len(b)
	}
	if !need(4) {
		return errShort
	}
	topics := int(be.Uint32(b))
	for at = 4; topics > 0; topics-- {
		if !skip(2) || !need(4) {
			return errShort
		}
		partitions := int(be.Uint32(b[at:]))
		for at += 4; partitions > 0; partitions-- {
			if !need(34) {
				return errShort
			}
			index, code := int32(be.Uint32(b[at:])), int16(be.Uint16(b[at+4:]))
			failed := int(be.Uint32(b[at+30:]))
			for at += 34; failed > 0; failed-- {
				if at += 4; !skip(2) {
					return errShort
				}
			}
			if !skip(2) {
				return errShort
			}
			if code != 0 {
				return fmt.Errorf("produce to partition %d: %w", index, kerr.ErrorForCode(code))
			}
		}
	}
	return nil
}
