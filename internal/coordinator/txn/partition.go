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

// with returns the topics together with more partitions, none of which is among them yet. What was given stays as it is.
func with(topics []TopicPartitions, partitions []TopicPartition) []TopicPartitions {
	all := append(make([]TopicPartitions, 0, len(topics)+1), topics...)
	copied := 0 // entries before this one that are the result's own are not copied twice
	own := make([]bool, len(all), len(all)+1)
	for _, tp := range partitions {
		i := copied
		if i >= len(all) || all[i].Topic != tp.Topic {
			i = slices.IndexFunc(all, func(t TopicPartitions) bool { return t.Topic == tp.Topic })
		}
		if i < 0 {
			all = append(all, TopicPartitions{Topic: tp.Topic})
			own = append(own, true)
			i = len(all) - 1
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
