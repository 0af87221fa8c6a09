package node

import (
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/metadata"
)

// offsetsTopic is where the group coordinators keep their state.
const offsetsTopic = "__consumer_offsets"

// groupConfig takes the group coordinator's settings from the node's.
func groupConfig(s *config.Snapshot) group.Config {
	return group.Config{
		MinSessionTimeoutMs:             int32(s.Int("group.min.session.timeout.ms")),
		MaxSessionTimeoutMs:             int32(s.Int("group.max.session.timeout.ms")),
		InitialRebalanceDelayMs:         int32(s.Int("group.initial.rebalance.delay.ms")),
		MaxSize:                         int32(s.Int("group.max.size")),
		OffsetMetadataMaxBytes:          int32(s.Int("offset.metadata.max.bytes")),
		OffsetsRetentionMs:              s.Minutes("offsets.retention.minutes").Milliseconds(),
		OffsetsRetentionCheckIntervalMs: s.Long("offsets.retention.check.interval.ms"),
		OffsetsCommitTimeoutMs:          int32(s.Int("offsets.commit.timeout.ms")),
		OffsetsLoadBufferBytes:          int32(s.Int("offsets.load.buffer.size")),
		OffsetsTopicCompressionCodec:    int8(s.Int("offsets.topic.compression.codec")),
	}
}

// topicLookup answers the group coordinator's questions about topics from the newest image.
type topicLookup struct{ image func() *metadata.Image }

func (t topicLookup) TopicName(id [16]byte) (string, bool) {
	if topic := t.image().TopicByID(id); topic != nil {
		return topic.Name, true
	}
	return "", false
}

func (t topicLookup) TopicID(name string) (id [16]byte, ok bool) {
	if topic := t.image().Topic(name); topic != nil {
		return topic.ID, true
	}
	return id, false
}

func (t topicLookup) HasPartition(name string, partition int32) bool {
	return t.image().Partition(name, partition) != nil
}
