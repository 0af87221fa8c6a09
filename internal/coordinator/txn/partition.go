package txn

import (
	"slices"
	"strconv"
)

// TopicPartition names one partition of a topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String returns Kafka's usual form, "topic-0".
func (tp TopicPartition) String() string { return tp.Topic + "-" + strconv.Itoa(int(tp.Partition)) }

// TopicPartitions are partitions of one topic.
type TopicPartitions struct {
	Topic      string
	Partitions []int32
}

// contains reports whether the partition is among those of the topics.
func contains(topics []TopicPartitions, tp TopicPartition) bool {
	for i := range topics {
		if topics[i].Topic == tp.Topic {
			return slices.Contains(topics[i].Partitions, tp.Partition)
		}
	}
	return false
}

// maxScans is up to how many comparisons looking for partitions one by one costs less than a set of them.
const maxScans = 4096

// missing returns the partitions that are not among those of the topics, each of them once.
func missing(topics []TopicPartitions, partitions []TopicPartition) []TopicPartition {
	present := len(partitions)
	for i := range topics {
		present += len(topics[i].Partitions)
	}
	if present*len(partitions) > maxScans {
		return missingFromSet(topics, partitions, present)
	}
	var absent []TopicPartition
	for _, tp := range partitions {
		if !contains(topics, tp) && !slices.Contains(absent, tp) {
			absent = append(absent, tp)
		}
	}
	return absent
}

func missingFromSet(topics []TopicPartitions, partitions []TopicPartition, size int) []TopicPartition {
	set := make(map[TopicPartition]struct{}, size)
	for i := range topics {
		for _, p := range topics[i].Partitions {
			set[TopicPartition{topics[i].Topic, p}] = struct{}{}
		}
	}
	var absent []TopicPartition
	for _, tp := range partitions {
		if _, ok := set[tp]; !ok {
			set[tp] = struct{}{}
			absent = append(absent, tp)
		}
	}
	return absent
}

// topicPlaces finds topics in a list by their names: one by one where that costs less than a map.
type topicPlaces map[string]int

// newTopicPlaces is for a list that is searched, and perhaps added to, so many times.
func newTopicPlaces(topics []TopicPartitions, searches int) topicPlaces {
	if (len(topics)+searches)*searches <= maxScans {
		return nil
	}
	places := make(topicPlaces, len(topics)+searches)
	for i := range topics {
		places[topics[i].Topic] = i
	}
	return places
}

// find returns the place of a topic, -1 if it is not there.
func (p topicPlaces) find(topics []TopicPartitions, topic string) int {
	if p == nil {
		return slices.IndexFunc(topics, func(t TopicPartitions) bool { return t.Topic == topic })
	}
	if i, ok := p[topic]; ok {
		return i
	}
	return -1
}

// added notes a topic that is new in the list.
func (p topicPlaces) added(topic string, place int) {
	if p != nil {
		p[topic] = place
	}
}

// with returns the topics together with more partitions, none of which is among them yet. What was given stays as it is.
func with(topics []TopicPartitions, partitions []TopicPartition) []TopicPartitions {
	all := append(make([]TopicPartitions, 0, len(topics)+1), topics...)
	copied := 0 // entries before this one that are the result's own are not copied twice
	own := make([]bool, len(all), len(all)+1)
	places := newTopicPlaces(all, len(partitions))
	for _, tp := range partitions {
		i := copied
		if i >= len(all) || all[i].Topic != tp.Topic {
			i = places.find(all, tp.Topic)
		}
		if i < 0 {
			all = append(all, TopicPartitions{Topic: tp.Topic})
			own = append(own, true)
			i = len(all) - 1
			places.added(tp.Topic, i)
		}
		if !own[i] {
			all[i].Partitions = slices.Clone(all[i].Partitions)
			own[i] = true
		}
		all[i].Partitions = append(all[i].Partitions, tp.Partition)
		copied = i
	}
	return all
}
