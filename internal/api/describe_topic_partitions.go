package api

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/controller"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// DescribeTopicPartitions, version 0 (KIP-966): topics in the order of their names, so many partitions at a time, with a cursor to the next.

func (c *call) describeTopicPartitions(req *kmsg.DescribeTopicPartitionsRequest) *kmsg.DescribeTopicPartitionsResponse {
	resp := kmsg.NewPtrDescribeTopicPartitionsResponse()
	img := c.image()
	names, firstPartition, ok := describedTopics(req, img)
	if !ok {
		for _, t := range req.Topics {
			resp.Topics = append(resp.Topics, describeTopicError(t.Topic, protocol.InvalidRequest))
		}
		return resp
	}
	left := max(1, min(int(req.ResponsePartitionLimit), c.config().Int("max.request.partition.size.limit")))
	for i, name := range names {
		from := int32(0)
		if i == 0 {
			from = firstPartition
		}
		topic := img.Topic(name)
		if topic == nil {
			code := protocol.UnknownTopicOrPartition
			if controller.CheckTopicName(name) != nil {
				code = protocol.InvalidTopicException
			}
			if len(req.Topics) > 0 {
				resp.Topics = append(resp.Topics, describeTopicError(name, code))
			}
			continue
		}
		if left == 0 {
			resp.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: name, Partition: from}
			break
		}
		out, next := c.describeTopic(topic, img, from, left)
		left -= len(out.Partitions)
		resp.Topics = append(resp.Topics, out)
		if next >= 0 {
			resp.NextCursor = &kmsg.DescribeTopicPartitionsResponseNextCursor{Topic: name, Partition: next}
			break
		}
	}
	return resp
}

// describedTopics returns the sorted names from the cursor on, and the partition to begin with in the first of them.
func describedTopics(req *kmsg.DescribeTopicPartitionsRequest, img *metadata.Image) (names []string, first int32, ok bool) {
	from := ""
	if req.Cursor != nil {
		from = req.Cursor.Topic
		if req.Cursor.Partition < 0 {
			return nil, 0, false
		}
	}
	if len(req.Topics) == 0 {
		for t := range img.TopicsFrom(from) {
			names = append(names, t.Name)
		}
	} else {
		for _, t := range req.Topics {
			if t.Topic >= from {
				names = append(names, t.Topic)
			}
		}
		slices.Sort(names)
		names = slices.Compact(names)
		if req.Cursor != nil && !slices.Contains(names, from) {
			return nil, 0, false
		}
	}
	if req.Cursor != nil && len(names) > 0 && names[0] == from {
		first = req.Cursor.Partition
	}
	return names, first, true
}

func describeTopicError(name string, code protocol.Code) kmsg.DescribeTopicPartitionsResponseTopic {
	out := kmsg.NewDescribeTopicPartitionsResponseTopic()
	out.Topic, out.ErrorCode, out.IsInternal, out.AuthorizedOperations = &name, int16(code), isInternal(name), topicOperations
	if code == protocol.InvalidRequest {
		out.AuthorizedOperations = operationsNotAsked
	}
	return out
}

// describeTopic describes at most limit partitions from one on, and returns the next, -1 when that was the last.
func (c *call) describeTopic(t *metadata.Topic, img *metadata.Image, from int32, limit int) (out kmsg.DescribeTopicPartitionsResponseTopic, next int32) {
	out = kmsg.NewDescribeTopicPartitionsResponseTopic()
	name := t.Name
	out.Topic, out.TopicID, out.IsInternal, out.AuthorizedOperations = &name, t.ID, isInternal(name), topicOperations
	end := min(len(t.Partitions), int(from)+limit)
	for i := int(from); i < end; i++ {
		p := t.Partitions[i]
		part := kmsg.NewDescribeTopicPartitionsResponseTopicPartition()
		part.Partition, part.LeaderID, part.LeaderEpoch = int32(i), p.Leader, p.LeaderEpoch
		part.Replicas, part.ISR = p.Replicas, p.ISR
		part.EligibleLeaderReplicas, part.LastKnownELR = nonNil(p.ELR()), nonNil(p.LastKnownELR())
		for _, id := range p.Replicas {
			if !img.BrokerActive(id) {
				part.OfflineReplicas = append(part.OfflineReplicas, id)
			}
		}
		if !img.BrokerActive(p.Leader) {
			part.ErrorCode, part.LeaderID = int16(protocol.LeaderNotAvailable), -1
		}
		out.Partitions = append(out.Partitions, part)
	}
	if end < len(t.Partitions) {
		return out, int32(end)
	}
	return out, -1
}

// nonNil returns an empty list for nil, which kmsg would send as null.
func nonNil(ids []int32) []int32 {
	if ids == nil {
		return []int32{}
	}
	return ids
}
