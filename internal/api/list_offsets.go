package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/storage"
)

// ListOffsets, versions 1 to 11.
//
// v2 isolation level · v4 leader epochs (KIP-320) · v6 flexible · v7 the offset with the largest timestamp, -3 (KIP-734) · v8 earliest
// local, -4 (KIP-405) · v9 latest tiered, -5 (KIP-1005) · v10 time limit · v11 earliest not uploaded, -6 (KIP-1023).

const (
	latestTieredTimestamp          = -5
	earliestPendingUploadTimestamp = -6
)

// firstListOffsetsVersion is, per special timestamp, the version that introduced it.
var firstListOffsetsVersion = map[int64]int16{
	storage.LatestTimestamp:        0,
	storage.EarliestTimestamp:      0,
	storage.MaxTimestamp:           7,
	storage.EarliestLocalTimestamp: 8,
	latestTieredTimestamp:          9,
	earliestPendingUploadTimestamp: 11,
}

func (c *call) listOffsets(req *kmsg.ListOffsetsRequest) *kmsg.ListOffsetsResponse {
	resp := kmsg.NewPtrListOffsetsResponse()
	asked := map[storage.TopicPartition]int{}
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			asked[storage.TopicPartition{Topic: t.Topic, Partition: p.Partition}]++
		}
	}
	for _, t := range req.Topics {
		topic := kmsg.NewListOffsetsResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			tp := storage.TopicPartition{Topic: t.Topic, Partition: p.Partition}
			out := kmsg.NewListOffsetsResponseTopicPartition()
			out.Partition, out.Timestamp, out.Offset, out.LeaderEpoch = p.Partition, -1, -1, -1
			code := protocol.InvalidRequest // of a partition that is asked for twice; it is answered once
			switch n := asked[tp]; {
			case c.version >= 2 && req.IsolationLevel != 0 && req.IsolationLevel != 1:
				code = protocol.UnknownServerError // as every request with a field that makes no sense
			case n == 0:
				continue
			case n == 1:
				code = c.listOffset(req, tp, p, &out)
			}
			asked[tp] = 0
			out.ErrorCode = int16(code)
			topic.Partitions = append(topic.Partitions, out)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

func (c *call) listOffset(req *kmsg.ListOffsetsRequest, tp storage.TopicPartition, asked kmsg.ListOffsetsRequestTopicPartition, out *kmsg.ListOffsetsResponseTopicPartition) protocol.Code {
	if since, known := firstListOffsetsVersion[asked.Timestamp]; asked.Timestamp < 0 && (!known || c.version < since) {
		return protocol.UnsupportedVersion
	}
	p, err := c.server.Replicas.Partition(tp.Topic, tp.Partition)
	if err != nil {
		return protocol.CodeOf(err)
	}
	currentEpoch := int32(-1)
	if c.version >= 4 {
		currentEpoch = asked.CurrentLeaderEpoch
	}
	if code := p.CheckEpoch(currentEpoch); code != protocol.None {
		return code
	}
	log := p.Log()
	visible := log.HighWatermark()
	if c.version >= 2 && req.IsolationLevel == 1 {
		visible = log.LastStableOffset()
	}
	if asked.Timestamp == storage.LatestTimestamp {
		out.Offset, out.LeaderEpoch = visible, p.LeaderEpoch()
		return protocol.None
	}
	if asked.Timestamp == latestTieredTimestamp || asked.Timestamp == earliestPendingUploadTimestamp {
		return protocol.None // nothing is tiered: no such offset
	}
	found, ok, err := log.OffsetForTimestamp(asked.Timestamp)
	if err != nil {
		return c.server.storageError("list offsets", tp, err)
	}
	earliest := asked.Timestamp == storage.EarliestTimestamp || asked.Timestamp == storage.EarliestLocalTimestamp
	if !ok || !earliest && found.Offset >= visible {
		return protocol.None
	}
	out.Timestamp, out.Offset, out.LeaderEpoch = found.Timestamp, found.Offset, found.LeaderEpoch
	return protocol.None
}
