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

// CreateTopics makes topics of so many partitions and returns when each partition has a leader that serves.
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
	for _, name := range names {
		if err := awaitLeaders(ctx, c, name, partitions); err != nil {
			return fmt.Errorf("topic %s: %w", name, err)
		}
	}
	return nil
}

// SetTopic changes settings of a topic.
func SetTopic(ctx context.Context, addr, topic string, settings map[string]string) error {
	c, err := Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	defer c.closeWith(ctx)()
	const topicResource = 2
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = topicResource, topic
	for name, value := range settings {
		config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		config.Name, config.Value = name, &value
		resource.Configs = append(resource.Configs, config)
	}
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Resources = append(request.Resources, resource)
	response, err := c.Do(request)
	if err != nil {
		return err
	}
	for _, r := range response.(*kmsg.IncrementalAlterConfigsResponse).Resources {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			return fmt.Errorf("settings of topic %s: %w", topic, err)
		}
	}
	return nil
}

// awaitLeaders asks for the end of every partition until all tell it: Apache Kafka names a leader before that knows its office.
func awaitLeaders(ctx context.Context, c *Conn, name string, partitions int) error {
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = name
	for i := range partitions {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = int32(i), -1
		topic.Partitions = append(topic.Partitions, p)
	}
	request := kmsg.NewPtrListOffsetsRequest()
	request.Version, request.ReplicaID = 2, -1
	request.Topics = append(request.Topics, topic)
	for {
		response, err := c.Do(request)
		if err != nil {
			return err
		}
		if err = offsetsError(response.(*kmsg.ListOffsetsResponse)); err == nil || !kerr.IsRetriable(err) {
			return err
		}
		if pause(ctx, 10*pollInterval) != nil {
			return err
		}
	}
}

func offsetsError(r *kmsg.ListOffsetsResponse) error {
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
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
