package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// produce writes records of every codec, of idempotent producers and of one that is not, and deletes some from the beginning.
func (c *contents) produce(ctx context.Context, round int) error {
	for i, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		options := []kgo.Opt{kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(0)}
		if i == 0 {
			options = append(options, kgo.DisableIdempotentWrite())
		}
		cl, err := c.client(options...)
		if err != nil {
			return err
		}
		var records []*kgo.Record
		for n := range 60 {
			key := []byte(fmt.Sprintf("key-%d", n%7))
			value := []byte(fmt.Sprintf("round %d codec %d record %d %0100d", round, i, n, n))
			records = append(records, &kgo.Record{Topic: topicPlain, Partition: int32(n % 3), Key: key, Value: value},
				&kgo.Record{Topic: topicBatches, Value: value, Headers: []kgo.RecordHeader{{Key: "n", Value: key}}},
				&kgo.Record{Topic: "wide", Partition: int32(n % 40), Value: value}, &kgo.Record{Topic: "trimmed", Value: value},
				&kgo.Record{Topic: "reborn", Value: value}, &kgo.Record{Topic: "dots.and_underscores", Value: value})
		}
		err = cl.ProduceSync(ctx, records...).FirstErr()
		cl.Close()
		if err != nil {
			return err
		}
	}
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	var trim kadm.Offsets
	trim.AddOffset("trimmed", 0, int64(100*(round+1)+7), -1)
	trimmed, err := kadm.NewClient(cl).DeleteRecords(ctx, trim)
	if err == nil {
		err = trimmed.Error()
	}
	return err
}

// compact puts and deletes keys, in segments that the cleaner may touch at once.
func (c *contents) compact(ctx context.Context, round int) error {
	cl, err := c.client(kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	defer cl.Close()
	for step := range 6 {
		for n := range 20 {
			r := &kgo.Record{Topic: topicCompact, Key: []byte(fmt.Sprintf("key-%d", (n*7+step)%25)), Value: []byte(fmt.Sprintf("round %d step %d value %d", round, step, n))}
			if n%9 == 5 {
				r.Value = nil
			}
			if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
				return err
			}
		}
		select {
		case <-time.After(350 * time.Millisecond): // so that segment.ms passes, which only the next record shows
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// commit stores offsets of a group without members.
func (c *contents) commit(ctx context.Context, round int) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	var offsets kadm.Offsets
	for p := range int32(3) {
		offsets.Add(kadm.Offset{Topic: topicPlain, Partition: p, At: int64(round*10) + int64(p), LeaderEpoch: 0, Metadata: fmt.Sprintf("round %d", round)})
	}
	offsets.Add(kadm.Offset{Topic: topicCompact, Partition: 0, At: int64(round), LeaderEpoch: -1})
	return kadm.NewClient(cl).CommitAllOffsets(ctx, groupPlain, offsets)
}

// commitNew stores offsets as a member of a group of the newer kind (KIP-848), which then leaves.
func (c *contents) commitNew(ctx context.Context) error {
	const member = "FxwkCA6FSiOAbsoYBlZQkA"
	beat := func(epoch int32) (*kmsg.ConsumerGroupHeartbeatResponse, error) {
		req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.Version, req.Group, req.MemberID, req.MemberEpoch = 1, groupNew, member, epoch
		if epoch == 0 {
			req.RebalanceTimeoutMillis, req.SubscribedTopicNames, req.Topics = 60000, []string{topicPlain}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		}
		resp, err := ask[*kmsg.ConsumerGroupHeartbeatResponse](ctx, c.addr, req)
		if err == nil {
			err = kerr.ErrorForCode(resp.ErrorCode)
		}
		return resp, err
	}
	joined, err := beat(0)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.Generation, req.MemberID = 9, groupNew, joined.MemberEpoch, member
	t, p := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	t.Topic, p.Partition, p.Offset, p.Metadata = topicPlain, 2, 17, text("848")
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	resp, err := ask[*kmsg.OffsetCommitResponse](ctx, c.addr, req)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	_, err = beat(-1)
	return err
}

// newProducerID asks for an id, which nobody may have had before.
func (c *contents) newProducerID(ctx context.Context) error {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.ProducerID, req.ProducerEpoch = 4, -1, -1
	var resp *kmsg.InitProducerIDResponse
	err := until(ctx, func() (err error) {
		if resp, err = ask[*kmsg.InitProducerIDResponse](ctx, c.addr, req); err != nil {
			return err
		}
		return kerr.ErrorForCode(resp.ErrorCode)
	})
	if err != nil {
		return err
	}
	if resp.ProducerID <= c.seenID {
		return fmt.Errorf("producer id %d was handed out, and %d before: it may be used already", resp.ProducerID, c.seenID)
	}
	c.seenID = resp.ProducerID
	return nil
}
