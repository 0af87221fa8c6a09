package load

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// pollInterval is how often something that is not there yet is asked for.
const pollInterval = 2 * time.Millisecond

// CreateTopics makes topics of so many partitions and returns when each has a leader.
func CreateTopics(ctx context.Context, addr string, partitions int, names ...string) error {
	c, err := Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	defer c.closeWith(ctx)()
	for _, name := range names {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, int32(partitions), 1
		request := kmsg.NewPtrCreateTopicsRequest()
		request.Version, request.TimeoutMillis = 4, int32(patience/time.Millisecond)
		request.Topics = append(request.Topics, topic)
		response, err := c.Do(request)
		if err != nil {
			return err
		}
		for _, t := range response.(*kmsg.CreateTopicsResponse).Topics {
			if err := kerr.ErrorForCode(t.ErrorCode); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
				return fmt.Errorf("create topic %s: %w", t.Topic, err)
			}
		}
	}
	return awaitLeaders(ctx, c, partitions, names)
}

func awaitLeaders(ctx context.Context, c *Conn, partitions int, names []string) error {
	request := kmsg.NewPtrMetadataRequest()
	request.Version = 8
	for _, name := range names {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(name)
		request.Topics = append(request.Topics, topic)
	}
	for {
		response, err := c.Do(request)
		if err != nil {
			return err
		}
		if ledPartitions(response.(*kmsg.MetadataResponse)) >= partitions*len(names) {
			return nil
		}
		if err := pause(ctx, 10*pollInterval); err != nil {
			return fmt.Errorf("topics without leaders: %w", err)
		}
	}
}

func ledPartitions(m *kmsg.MetadataResponse) int {
	led := 0
	for _, t := range m.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode == 0 && p.Leader >= 0 {
				led++
			}
		}
	}
	return led
}

// DeleteTopics removes topics.
func DeleteTopics(ctx context.Context, addr string, names ...string) error {
	c, err := Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	defer c.closeWith(ctx)()
	request := kmsg.NewPtrDeleteTopicsRequest()
	request.Version, request.TimeoutMillis, request.TopicNames = 3, int32(patience/time.Millisecond), names
	response, err := c.Do(request)
	if err != nil {
		return err
	}
	for _, t := range response.(*kmsg.DeleteTopicsResponse).Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return fmt.Errorf("delete topic %s: %w", *t.Topic, err)
		}
	}
	return nil
}

// AwaitAcknowledged offers one request with small batches until all of them are acknowledged, and returns how long that took.
func AwaitAcknowledged(ctx context.Context, addr, topic string, partitions int) (time.Duration, error) {
	shape := Shape{RecordBytes: 10, BatchBytes: 1, Partitions: partitions, PartitionsPerRequest: partitions}
	frame, err := shape.frame(topic, 0, 1)
	if err != nil {
		return 0, err
	}
	started := time.Now()
	for {
		err := offer(ctx, addr, frame.bytes)
		if err == nil {
			return time.Since(started), nil
		}
		if pause(ctx, pollInterval) != nil {
			return 0, fmt.Errorf("nothing was acknowledged: %w", err)
		}
	}
}

func offer(ctx context.Context, addr string, frame []byte) error {
	c, err := Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	defer c.closeWith(ctx)()
	for range 1000 { // one connection for a while: a broker that comes up may first refuse
		if err = c.write(frame); err != nil {
			return err
		}
		var body []byte
		if body, err = c.read(); err != nil {
			return err
		}
		if err = checkProduced(body); err == nil {
			return nil
		}
		if pause(ctx, pollInterval) != nil {
			return err
		}
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
