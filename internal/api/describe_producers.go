package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/protocol"
)

// DescribeProducers, version 0 (KIP-664): the producers that a partition's log knows.

func (c *call) describeProducers(req *kmsg.DescribeProducersRequest) *kmsg.DescribeProducersResponse {
	resp := kmsg.NewPtrDescribeProducersResponse()
	for _, t := range req.Topics {
		topic := kmsg.NewDescribeProducersResponseTopic()
		topic.Topic = t.Topic
		topicErr := controller.CheckTopicName(t.Topic)
		if topicErr == nil && c.image().Topic(t.Topic) == nil {
			topicErr = protocol.UnknownTopicOrPartition
		}
		for _, index := range t.Partitions {
			out := kmsg.NewDescribeProducersResponseTopicPartition()
			out.Partition = index
			if topicErr != nil {
				out.ErrorCode, out.ErrorMessage = int16(protocol.CodeOf(topicErr)), protocol.TextOf(topicErr)
			} else {
				err := c.producersOf(t.Topic, index, &out)
				out.ErrorCode, out.ErrorMessage = int16(protocol.CodeOf(err)), protocol.MessageOf(err)
			}
			topic.Partitions = append(topic.Partitions, out)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

func (c *call) producersOf(topic string, index int32, out *kmsg.DescribeProducersResponseTopicPartition) error {
	p, err := c.server.Replicas.Partition(topic, index)
	if err != nil {
		return err
	}
	producers, err := p.Log().ActiveProducers()
	if err != nil {
		return c.server.storageError("describe producers", p.TopicPartition, err)
	}
	for _, s := range producers {
		active := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
		active.ProducerID, active.ProducerEpoch = s.ProducerID, int32(s.ProducerEpoch)
		active.LastSequence, active.LastTimestamp = s.LastSequence, s.LastTimestamp
		active.CoordinatorEpoch, active.CurrentTxnStartOffset = s.CoordinatorEpoch, s.CurrentTxnFirstOffset
		out.ActiveProducers = append(out.ActiveProducers, active)
	}
	return nil
}
