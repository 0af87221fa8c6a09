package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// OffsetForLeaderEpoch, versions 2 to 4 (KIP-101, KIP-279, KIP-320): where the records of a leader epoch end, so that a client or a
// follower finds out where its history parts from the leader's. v3 replica id · v4 flexible.

func (c *call) offsetForLeaderEpoch(req *kmsg.OffsetForLeaderEpochRequest) *kmsg.OffsetForLeaderEpochResponse {
	resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
	for _, t := range req.Topics {
		topic := kmsg.NewOffsetForLeaderEpochResponseTopic()
		topic.Topic = t.Topic
		for _, asked := range t.Partitions {
			out := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			out.Partition, out.LeaderEpoch, out.EndOffset = asked.Partition, -1, -1
			p, err := c.server.Replicas.Partition(t.Topic, asked.Partition)
			if err == nil {
				if code := p.CheckEpoch(asked.CurrentLeaderEpoch); code != protocol.None {
					err = code
				}
			}
			if err != nil {
				out.ErrorCode = int16(protocol.CodeOf(err))
			} else {
				out.LeaderEpoch, out.EndOffset = p.Log().EpochEndOffset(asked.LeaderEpoch)
			}
			topic.Partitions = append(topic.Partitions, out)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}
