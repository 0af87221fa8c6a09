package load

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// FranzProduce sends records through franz-go with its own defaults: idempotent, compressed with snappy, batches as they come.
type FranzProduce struct {
	RecordBytes int   `json:"recordBytes"`
	Bytes       int64 `json:"bytes"` // of values
}

// Run produces.
func (l FranzProduce) Run(ctx context.Context, addr, topic string) (Done, error) {
	c, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topic))
	if err != nil {
		return Done{}, err
	}
	defer c.Close()
	value := words(newRand(1), l.RecordBytes+1<<10)
	var failed atomic.Pointer[error]
	started := time.Now()
	sent := int64(0)
	for n := 0; sent < l.Bytes && ctx.Err() == nil && failed.Load() == nil; n++ {
		from := n % (1 << 10) // no two neighbours alike
		c.Produce(ctx, &kgo.Record{Value: value[from : from+l.RecordBytes]}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
		sent += int64(l.RecordBytes)
	}
	err = c.Flush(ctx)
	if p := failed.Load(); p != nil {
		err = *p
	}
	return Done{Bytes: sent, Elapsed: time.Since(started)}, err
}

// FranzFetch reads a topic from its beginning through franz-go.
type FranzFetch struct {
	Bytes int64 `json:"bytes"` // of values, that the topic has
}

// Run fetches.
func (l FranzFetch) Run(ctx context.Context, addr, topic string) (Done, error) {
	c, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return Done{}, err
	}
	defer c.Close()
	started := time.Now()
	read := int64(0)
	for read < l.Bytes {
		fetches := c.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return Done{}, fmt.Errorf("after %d of %d bytes: %w", read, l.Bytes, err)
		}
		for _, e := range fetches.Errors() {
			return Done{}, fmt.Errorf("fetch from %s-%d: %w", e.Topic, e.Partition, e.Err)
		}
		fetches.EachRecord(func(r *kgo.Record) { read += int64(len(r.Value)) })
	}
	return Done{Bytes: read, Elapsed: time.Since(started)}, nil
}
