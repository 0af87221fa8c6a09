package load

import (
	"context"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sync/errgroup"
)

// Paced is a load at a fixed rate, for latency. Every request has a time at which it is due, and its latency counts from then, not from
// when it could be sent: a broker that stalls is charged for all that had to wait (no coordinated omission).
type Paced struct {
	Shape
	PerSecond int           `json:"perSecond"` // requests
	For       time.Duration `json:"for"`
	// Tail measures until a consumer that waits at the end of the log has the records, instead of until they are acknowledged.
	Tail bool `json:"tail,omitempty"`
}

// maxLatency is the largest that is told apart.
const maxLatency = 60 * time.Second

// pacedInFlight is how many requests may be without an answer before the sender waits, and is charged for it.
const pacedInFlight = 512

// Run sends to a topic that exists and is empty; the histogram is in µs.
func (p Paced) Run(ctx context.Context, addr, topic string) (*hdrhistogram.Histogram, error) {
	frame, err := p.frame(topic, 0, -1)
	if err != nil {
		return nil, err
	}
	producer, err := Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	run := &pacedRun{Paced: p, frame: frame, producer: producer, window: make(chan int, pacedInFlight), acks: newHistogram(), reads: newHistogram()}
	consumer := producer
	if p.Tail {
		if consumer, err = Dial(ctx, addr); err != nil {
			return nil, err
		}
		defer consumer.Close()
	}
	run.started = time.Now().Add(10 * time.Millisecond)
	group, ctx := errgroup.WithContext(ctx)
	defer producer.closeWith(ctx)()
	defer consumer.closeWith(ctx)()
	group.Go(run.send)
	group.Go(run.readAcks)
	if p.Tail {
		group.Go(func() error { return run.readTail(consumer, topic) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if p.Tail {
		return run.reads, nil
	}
	return run.acks, nil
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, maxLatency.Microseconds(), 3)
}

type pacedRun struct {
	Paced
	frame    *frame
	producer *Conn
	started  time.Time
	window   chan int // numbers of the requests without an answer
	acks     *hdrhistogram.Histogram
	reads    *hdrhistogram.Histogram
}

func (r *pacedRun) requests() int { return int(r.For.Seconds() * float64(r.PerSecond)) }

// due is when a request should leave.
func (r *pacedRun) due(n int) time.Time {
	return r.started.Add(time.Duration(n) * time.Second / time.Duration(r.PerSecond))
}

func (r *pacedRun) send() error {
	defer close(r.window)
	for n := range r.requests() {
		time.Sleep(time.Until(r.due(n)))
		r.window <- n
		if err := r.producer.write(r.frame.bytes); err != nil {
			return err
		}
	}
	return nil
}

func (r *pacedRun) readAcks() error {
	var failed error
	for n := range r.window {
		if failed != nil {
			continue // the sender must not stay behind a full window
		}
		body, err := r.producer.read()
		if err == nil {
			err = checkProduced(body)
		}
		if err != nil {
			failed = err
			r.producer.Close()
			continue
		}
		recordLatency(r.acks, time.Since(r.due(n)))
	}
	return failed
}

// readTail follows the log. The topic was empty, so an offset tells the request that brought the record.
func (r *pacedRun) readTail(c *Conn, topic string) error {
	tail := newReader(c, topic, Fetch{Partitions: 1, MaxBytes: 50 << 20, MaxPartitionBytes: 1 << 20})
	seen := 0
	tail.onRead = func(_ int32, next int64) {
		now := time.Now()
		for ; int64(seen+1)*int64(r.frame.records) <= next; seen++ {
			recordLatency(r.reads, now.Sub(r.due(seen)))
		}
	}
	for seen < r.requests() {
		if _, err := tail.fetch(); err != nil {
			return err
		}
	}
	return nil
}

func recordLatency(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(max(1, min(d, maxLatency).Microseconds())) // in its range
}
