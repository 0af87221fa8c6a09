package group

import (
	"maps"
	"slices"
)

// offset is a committed offset.
type offset struct {
	committed   int64
	leaderEpoch int32 // -1 when not known
	metadata    string
	commitMs    int64
	expireMs    int64    // -1 unless an old client asked for an expiry of its own
	topicID     [16]byte // zero for offsets committed before Kafka 4.1
}

// offsetStore holds committed offsets by group, topic and partition.
type offsetStore map[string]map[string]map[int32]offset

func (s offsetStore) get(groupID, topic string, partition int32) (offset, bool) {
	o, ok := s[groupID][topic][partition]
	return o, ok
}

func (s offsetStore) put(groupID, topic string, partition int32, o offset) {
	topics := s[groupID]
	if topics == nil {
		topics = make(map[string]map[int32]offset)
		s[groupID] = topics
	}
	partitions := topics[topic]
	if partitions == nil {
		partitions = make(map[int32]offset)
		topics[topic] = partitions
	}
	partitions[partition] = o
}

func (s offsetStore) remove(groupID, topic string, partition int32) {
	topics := s[groupID]
	delete(topics[topic], partition)
	if len(topics[topic]) == 0 {
		delete(topics, topic)
	}
	if len(topics) == 0 {
		delete(s, groupID)
	}
}

// each calls f for every offset of the group, in order of topic and partition.
func (s offsetStore) each(groupID string, f func(topic string, partition int32, o offset)) {
	topics := s[groupID]
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		partitions := topics[topic]
		for _, partition := range slices.Sorted(maps.Keys(partitions)) {
			f(topic, partition, partitions[partition])
		}
	}
}
