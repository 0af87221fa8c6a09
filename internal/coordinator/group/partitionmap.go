package group

import (
	"cmp"
	"slices"
)

// partitionMap maps a group, topic and partition to something. Most groups have few topics with few partitions, and
// there may be very many groups, so only the groups are in a map; within a group everything is sorted. Nothing empty
// is kept.
type partitionMap[V any] map[string][]topicEntry[V]

type topicEntry[V any] struct {
	topic      string
	partitions []partitionEntry[V]
}

// partitionEntry is small, so that adding and removing one among thousands moves little.
type partitionEntry[V any] struct {
	partition int32
	value     *V
}

func (e topicEntry[V]) compare(topic string) int { return cmp.Compare(e.topic, topic) }

func (e partitionEntry[V]) compare(partition int32) int { return cmp.Compare(e.partition, partition) }

// topic returns the partitions of a topic that have a value, in order.
func (m partitionMap[V]) topic(groupID, topic string) []partitionEntry[V] {
	topics := m[groupID]
	if i, ok := slices.BinarySearchFunc(topics, topic, topicEntry[V].compare); ok {
		return topics[i].partitions
	}
	return nil
}

func (m partitionMap[V]) get(groupID, topic string, partition int32) (v V, ok bool) {
	partitions := m.topic(groupID, topic)
	i, ok := slices.BinarySearchFunc(partitions, partition, partitionEntry[V].compare)
	if !ok {
		return v, false
	}
	return *partitions[i].value, true
}

func (m partitionMap[V]) put(groupID, topic string, partition int32, v V) {
	topics := m[groupID]
	i, ok := slices.BinarySearchFunc(topics, topic, topicEntry[V].compare)
	if !ok {
		topics = slices.Insert(topics, i, topicEntry[V]{topic: topic})
		m[groupID] = topics
	}
	partitions := &topics[i].partitions
	j, ok := slices.BinarySearchFunc(*partitions, partition, partitionEntry[V].compare)
	if ok {
		(*partitions)[j].value = &v
		return
	}
	*partitions = slices.Insert(*partitions, j, partitionEntry[V]{partition, &v})
}

func (m partitionMap[V]) remove(groupID, topic string, partition int32) {
	topics := m[groupID]
	i, ok := slices.BinarySearchFunc(topics, topic, topicEntry[V].compare)
	if !ok {
		return
	}
	partitions := topics[i].partitions
	j, ok := slices.BinarySearchFunc(partitions, partition, partitionEntry[V].compare)
	if !ok {
		return
	}
	topics[i].partitions = without(partitions, j)
	if len(topics[i].partitions) > 0 {
		return
	}
	if topics = without(topics, i); len(topics) > 0 {
		m[groupID] = topics
		return
	}
	delete(m, groupID)
}

// without returns the slice without one element. It gives memory back when most of it is no longer used.
func without[E any](s []E, i int) []E {
	s = slices.Delete(s, i, i+1)
	if len(s) < cap(s)/4 {
		s = append(make([]E, 0, len(s)), s...)
	}
	return s
}

// each calls f for everything of the group, in order of topic and partition. f must not change the map.
func (m partitionMap[V]) each(groupID string, f func(topic string, partition int32, v V)) {
	for _, topic := range m[groupID] {
		for _, p := range topic.partitions {
			f(topic.topic, p.partition, *p.value)
		}
	}
}
