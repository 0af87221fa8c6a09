package group

// OffsetFetch v1 to v10. v2 adds fetching everything, v5 the leader epoch, v7 "require stable", v8 several groups, v9
// member ids of the newer group types, v10 topic ids instead of names. The service takes the groups apart.

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// OffsetFetch answers with the offsets of one group: those of the given topics, each with its name and where known its
// id, or all when topics is nil. It waits until what it saw is committed, whether or not the sender requires stable
// offsets: an offset that was once given out never goes back. One who does is told UNSTABLE_OFFSET_COMMIT for offsets
// that an open transaction may still move.
func (m *Machine) OffsetFetch(version int16, requireStable bool, req *kmsg.OffsetFetchRequestGroup, reply func(kmsg.OffsetFetchResponseGroup)) machine.Result {
	resp := kmsg.NewOffsetFetchResponseGroup()
	resp.Group = req.Group
	if req.Topics == nil {
		resp.Topics = m.allOffsets(req.Group, requireStable)
	} else {
		for i := range req.Topics {
			resp.Topics = append(resp.Topics, m.fetchedTopic(req.Group, &req.Topics[i], requireStable))
		}
	}
	return machine.Result{Done: func(_ time.Time, err error) {
		if err != nil {
			resp = OffsetFetchError(version, req, offsetFetchCode(err))
		}
		reply(resp)
	}}
}

// offsetFetchCode is ResponseCode, except that consumers before 3.9 do not know COORDINATOR_NOT_AVAILABLE here.
func offsetFetchCode(err error) protocol.Code {
	code := machine.ResponseCode(err)
	if code == protocol.CoordinatorNotAvailable && protocol.CodeOf(err) != code {
		return protocol.NotCoordinator
	}
	return code
}

func (m *Machine) fetchedTopic(groupID string, t *kmsg.OffsetFetchRequestGroupTopic, requireStable bool) kmsg.OffsetFetchResponseGroupTopic {
	topic := kmsg.NewOffsetFetchResponseGroupTopic()
	topic.Topic, topic.TopicID = t.Topic, t.TopicID
	for _, partition := range t.Partitions {
		if requireStable && m.pending.has(groupID, t.Topic, partition) {
			topic.Partitions = append(topic.Partitions, noOffset(partition, protocol.UnstableOffsetCommit))
			continue
		}
		o, ok := m.offsets.get(groupID, t.Topic, partition)
		var none [16]byte
		if ok && o.topicID != none && t.TopicID != none && o.topicID != t.TopicID {
			ok = false // of an earlier topic with the same name
		}
		if !ok {
			topic.Partitions = append(topic.Partitions, noOffset(partition, protocol.None))
			continue
		}
		topic.Partitions = append(topic.Partitions, fetchedPartition(partition, o))
	}
	return topic
}

func fetchedPartition(partition int32, o offset) kmsg.OffsetFetchResponseGroupTopicPartition {
	p := noOffset(partition, protocol.None)
	p.Offset, p.LeaderEpoch, p.Metadata = o.committed, o.leaderEpoch, &o.metadata
	return p
}

// allOffsets answers for the partitions that have an offset, and not for those whose first is still pending.
func (m *Machine) allOffsets(groupID string, requireStable bool) []kmsg.OffsetFetchResponseGroupTopic {
	var topics []kmsg.OffsetFetchResponseGroupTopic
	m.offsets.each(groupID, func(name string, partition int32, o offset) {
		if len(topics) == 0 || topics[len(topics)-1].Topic != name {
			topic := kmsg.NewOffsetFetchResponseGroupTopic()
			topic.Topic = name
			topics = append(topics, topic)
		}
		last := &topics[len(topics)-1]
		answer := fetchedPartition(partition, o)
		if requireStable && m.pending.has(groupID, name, partition) {
			answer = noOffset(partition, protocol.UnstableOffsetCommit)
		}
		last.Partitions = append(last.Partitions, answer)
	})
	return topics
}
