package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// Transactions has producers commit one transaction after another through franz-go. Each begins a transaction, has its records
// acknowledged, spread over all partitions of the topic, and commits.
type Transactions struct {
	Producers   int           `json:"producers"`
	Records     int           `json:"records"` // of a transaction
	RecordBytes int           `json:"recordBytes"`
	Partitions  int           `json:"partitions"`
	For         time.Duration `json:"for"`
}

// Committed is what a run of Transactions did.
type Committed struct {
	Count   int64
	Elapsed time.Duration
	// Commits has the time of each EndTxn, as the producer waits for it, in µs.
	Commits *hdrhistogram.Histogram
}

// Run works on a topic that exists. The producers' ids are registered before the clock starts.
func (l Transactions) Run(ctx context.Context, addr, topic string) (Committed, error) {
	producers := make([]*kgo.Client, l.Producers)
	for i := range producers {
		c, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topic), kgo.TransactionalID(fmt.Sprintf("%s-%d", topic, i)),
			kgo.ProducerLinger(0), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
		if err != nil {
			return Committed{}, err
		}
		defer c.Close()
		if _, err := l.one(ctx, c); err != nil {
			return Committed{}, err
		}
		producers[i] = c
	}
	done := Committed{Commits: newHistogram()}
	var mu sync.Mutex // guards the histogram
	var count atomic.Int64
	started := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range producers {
		group.Go(func() error {
			mine := newHistogram()
			for time.Since(started) < l.For {
				took, err := l.one(ctx, c)
				if err != nil {
					return err
				}
				recordLatency(mine, took)
				count.Add(1)
			}
			mu.Lock()
			defer mu.Unlock()
			done.Commits.Merge(mine)
			return nil
		})
	}
	err := group.Wait()
	done.Count, done.Elapsed = count.Load(), time.Since(started)
	return done, err
}

// one runs a transaction and returns how long its commit took.
func (l Transactions) one(ctx context.Context, c *kgo.Client) (time.Duration, error) {
	if err := c.BeginTransaction(); err != nil {
		return 0, err
	}
	records := make([]*kgo.Record, l.Records)
	for i := range records {
		records[i] = &kgo.Record{Value: make([]byte, l.RecordBytes)}
	}
	if err := c.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return 0, fmt.Errorf("produce in a transaction: %w", err)
	}
	began := time.Now()
	if err := c.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return 0, fmt.Errorf("commit: %w", err)
	}
	return time.Since(began), nil
}
