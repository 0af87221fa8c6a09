package admin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// Committed is a committed offset. LeaderEpoch is -1 where none was committed with it.
type Committed struct {
	Offset      int64
	LeaderEpoch int32
}

// CommittedOffsets fetches all committed offsets of a group.
func CommittedOffsets(ctx context.Context, c *tool.Client, group string) (map[TopicPartition]Committed, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	g.Topics = nil // all
	req.Groups = append(req.Groups, g)
	resp, err := tool.Call[*kmsg.OffsetFetchResponse](ctx, c, "listConsumerGroupOffsets", req)
	if err != nil {
		return nil, err
	}
	offsets := map[TopicPartition]Committed{}
	for _, g := range resp.Groups {
		if err := tool.CodeError(g.ErrorCode, nil); err != nil {
			return nil, err
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode == 0 && p.Offset >= 0 {
					offsets[TopicPartition{t.Topic, p.Partition}] = Committed{p.Offset, p.LeaderEpoch}
				}
			}
		}
	}
	return offsets, nil
}

// AlterOffsets commits offsets for a group without members.
func AlterOffsets(ctx context.Context, c *tool.Client, group string, offsets map[TopicPartition]int64) error {
	if len(offsets) == 0 {
		return nil
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group = group
	req.Generation = -1
	for topic, partitions := range ByTopic(slices.Collect(maps.Keys(offsets))) {
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic = topic
		for _, partition := range partitions {
			p := kmsg.NewOffsetCommitRequestTopicPartition()
			p.Partition = partition
			p.Offset = offsets[TopicPartition{topic, partition}]
			p.LeaderEpoch = -1
			p.Metadata = kmsg.StringPtr("")
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := tool.Call[*kmsg.OffsetCommitResponse](ctx, c, "alterConsumerGroupOffsets", req)
	if err != nil {
		return err
	}
	var failed []string
	var code int16
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				failed = append(failed, TopicPartition{t.Topic, p.Partition}.String())
				code = p.ErrorCode
			}
		}
	}
	if failed == nil {
		return nil
	}
	slices.Sort(failed)
	message := fmt.Sprintf("Failed altering group offsets for the following partitions: [%s]", strings.Join(failed, ", "))
	return tool.CodeError(code, &message)
}

// DeleteOffsets deletes committed offsets of a group. The error of the whole request comes second.
func DeleteOffsets(ctx context.Context, c *tool.Client, group string, partitions []TopicPartition) (map[TopicPartition]error, error) {
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = group
	for topic, list := range ByTopic(partitions) {
		t := kmsg.NewOffsetDeleteRequestTopic()
		t.Topic = topic
		for _, partition := range list {
			p := kmsg.NewOffsetDeleteRequestTopicPartition()
			p.Partition = partition
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := tool.Call[*kmsg.OffsetDeleteResponse](ctx, c, "deleteConsumerGroupOffsets", req)
	if err == nil {
		err = tool.CodeError(resp.ErrorCode, nil)
	}
	if err != nil {
		return nil, err
	}
	results := map[TopicPartition]error{}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			results[TopicPartition{t.Topic, p.Partition}] = tool.CodeError(p.ErrorCode, nil)
		}
	}
	return results, nil
}

// DeleteGroup deletes a group.
func DeleteGroup(ctx context.Context, c *tool.Client, group string) error {
	req := kmsg.NewPtrDeleteGroupsRequest()
	req.Groups = []string{group}
	resp, err := tool.Call[*kmsg.DeleteGroupsResponse](ctx, c, "deleteConsumerGroups", req)
	if err != nil {
		return err
	}
	for _, g := range resp.Groups {
		if err := tool.CodeError(g.ErrorCode, nil); err != nil {
			return err
		}
	}
	return nil
}
