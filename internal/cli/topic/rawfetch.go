package topic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

const (
	fetchKey          = 1
	fetchBytes        = 8 << 20
	fetchWait         = 500 * time.Millisecond
	fetchRetryAfter   = 250 * time.Millisecond
	emptyFetchesAtEnd = 3 // after so many there is nothing more to come
)

// rawFetcher fetches the batches of partitions as they are stored, committed or not.
type rawFetcher struct {
	client  *kgo.Client
	timeout time.Duration
	leaders map[int32]int32
	topic   string
}

func newRawFetcher(s *profile.Session, topic string) (*rawFetcher, error) {
	// From version 13 on topics go by id; up to 12 a name will do.
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(fetchKey, 12)
	client, err := s.Connect(kgo.MaxVersions(versions))
	if err != nil {
		return nil, err
	}
	return &rawFetcher{client: client, timeout: s.Timeout, topic: topic}, nil
}

// piece is what one fetch gave.
type piece struct {
	at       int64
	batches  []byte
	logStart int64
	err      error
}

// fetch gives what there is from an offset on, at least one batch unless there is none. It waits for a leader as long as a request may take.
func (f *rawFetcher) fetch(ctx context.Context, partition int32, at int64) piece {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	for {
		p, err := f.ask(ctx, partition, at)
		if err == nil {
			return p
		}
		if !kerr.IsRetriable(err) && !kgo.IsRetryableBrokerErr(err) || ctx.Err() != nil {
			return piece{at: at, logStart: p.logStart, err: err}
		}
		f.leaders = nil
		select {
		case <-time.After(fetchRetryAfter):
		case <-ctx.Done():
			return piece{at: at, err: err}
		}
	}
}

func (f *rawFetcher) ask(ctx context.Context, partition int32, at int64) (piece, error) {
	p := piece{at: at, logStart: -1}
	leader, err := f.leader(ctx, partition)
	if err != nil {
		return p, err
	}
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = int32(fetchWait.Milliseconds()), 1, fetchBytes
	req.SessionEpoch = -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = f.topic
	one := kmsg.NewFetchRequestTopicPartition()
	one.Partition, one.FetchOffset, one.PartitionMaxBytes = partition, at, fetchBytes
	t.Partitions = append(t.Partitions, one)
	req.Topics = append(req.Topics, t)
	answer, err := f.client.Broker(int(leader)).Request(ctx, req)
	if err != nil {
		return p, err
	}
	resp := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return p, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return p, fmt.Errorf("broker %d did not answer for partition %d", leader, partition)
	}
	got := resp.Topics[0].Partitions[0]
	p.batches, p.logStart = got.RecordBatches, got.LogStartOffset
	return p, kerr.ErrorForCode(got.ErrorCode)
}

func (f *rawFetcher) leader(ctx context.Context, partition int32) (int32, error) {
	if f.leaders == nil {
		req := kmsg.NewPtrMetadataRequest()
		req.AllowAutoTopicCreation = false
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &f.topic
		req.Topics = append(req.Topics, t)
		resp, err := req.RequestWith(ctx, f.client)
		if err != nil {
			return 0, err
		}
		f.leaders = map[int32]int32{}
		for _, t := range resp.Topics {
			if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
				return 0, err
			}
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 {
					f.leaders[p.Partition] = p.Leader
				}
			}
		}
	}
	leader, ok := f.leaders[partition]
	if !ok || leader < 0 {
		return 0, kerr.LeaderNotAvailable
	}
	return leader, nil
}

// walk gives the bytes of a partition from an offset until another one, piece by piece, to a function that says where to go on. The next piece is
// on its way only after that, since only then it is known where it begins. Records that retention deletes meanwhile are passed over.
func (f *rawFetcher) walk(ctx context.Context, partition int32, from, until int64, look func(batches []byte, at int64) (int64, error)) (skippedTo int64, err error) {
	empty := 0
	skippedTo = from
	for at := from; at < until && empty < emptyFetchesAtEnd; {
		p := f.fetch(ctx, partition, at)
		if errors.Is(p.err, kerr.OffsetOutOfRange) && p.logStart > at {
			at, skippedTo = p.logStart, min(p.logStart, until)
			continue
		}
		if p.err != nil {
			return skippedTo, output.About(fmt.Sprintf("topic %s, partition %d", f.topic, partition), p.err, "")
		}
		next, err := look(p.batches, at)
		if err != nil {
			return skippedTo, output.Failedf("topic %s: %v", f.topic, err)
		}
		if next == at {
			empty++
		} else {
			empty = 0
		}
		at = next
	}
	return skippedTo, nil
}
