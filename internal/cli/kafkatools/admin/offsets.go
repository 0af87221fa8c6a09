package admin

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// Timestamps with a meaning of their own in ListOffsets.
const (
	Latest                = -1
	Earliest              = -2
	MaxTimestamp          = -3
	EarliestLocal         = -4
	LatestTiered          = -5
	EarliestPendingUpload = -6
)

// UnknownOffset is ListOffsets' answer when no record is as late as the timestamp.
const UnknownOffset = -1

// OffsetResult is one partition's answer of ListOffsets.
type OffsetResult struct {
	Offset int64
	Err    error
}

// ListOffsets asks the leaders of partitions for the offsets at a timestamp.
func ListOffsets(ctx context.Context, c *tool.Client, partitions []TopicPartition, timestamp int64) (map[TopicPartition]OffsetResult, error) {
	results := map[TopicPartition]OffsetResult{}
	if len(partitions) == 0 {
		return results, nil
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	for topic, list := range ByTopic(partitions) {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = topic
		for _, partition := range list {
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition = partition
			p.Timestamp = timestamp
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := tool.Call[*kmsg.ListOffsetsResponse](ctx, c, "listOffsets", req)
	if err != nil {
		return nil, err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			results[TopicPartition{t.Topic, p.Partition}] = OffsetResult{Offset: p.Offset, Err: tool.CodeError(p.ErrorCode, nil)}
		}
	}
	return results, nil
}

// AllOffsets is ListOffsets where any partition's error fails all.
func AllOffsets(ctx context.Context, c *tool.Client, partitions []TopicPartition, timestamp int64) (map[TopicPartition]int64, error) {
	results, err := ListOffsets(ctx, c, partitions, timestamp)
	if err != nil {
		return nil, err
	}
	offsets := map[TopicPartition]int64{}
	for tp, r := range results {
		if r.Err != nil {
			return nil, r.Err
		}
		offsets[tp] = r.Offset
	}
	return offsets, nil
}

// ByTopic groups partitions by topic.
func ByTopic(partitions []TopicPartition) map[string][]int32 {
	grouped := map[string][]int32{}
	for _, tp := range partitions {
		grouped[tp.Topic] = append(grouped[tp.Topic], tp.Partition)
	}
	return grouped
}
