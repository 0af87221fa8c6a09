package group

import (
	"cmp"
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
	topicID     [16]byte // zero for offsets committed in transactions or before Kafka 4.1
	at          int64    // where the record is in the log
}

// partitionMap maps a group, topic and partition to something. None of its maps is ever empty.
type partitionMap[V any] map[string]map[string]map[int32]V

// offsetStore holds offsets by group, topic and partition.
type offsetStore = partitionMap[offset]

func (s partitionMap[V]) get(groupID, topic string, partition int32) (V, bool) {
	v, ok := s[groupID][topic][partition]
	return v, ok
}

func (s partitionMap[V]) put(groupID, topic string, partition int32, v V) {
	topics := s[groupID]
	if topics == nil {
		topics = make(map[string]map[int32]V)
		s[groupID] = topics
	}
	partitions := topics[topic]
	if partitions == nil {
		partitions = make(map[int32]V)
		topics[topic] = partitions
	}
	partitions[partition] = v
}

func (s partitionMap[V]) remove(groupID, topic string, partition int32) {
	topics := s[groupID]
	delete(topics[topic], partition)
	if len(topics[topic]) == 0 {
		delete(topics, topic)
	}
	if len(topics) == 0 {
		delete(s, groupID)
	}
}

// each calls f for everything of the group, in order of topic and partition.
func (s partitionMap[V]) each(groupID string, f func(topic string, partition int32, v V)) {
	topics := s[groupID]
	for _, topic := range sortedKeys(topics) {
		partitions := topics[topic]
		for _, partition := range sortedKeys(partitions) {
			f(topic, partition, partitions[partition])
		}
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
