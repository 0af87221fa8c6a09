package storage

import (
	"fmt"
	"strconv"
	"strings"
)

// TopicPartition names one partition of a topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String returns Kafka's usual form, "topic-0", which is also the name of the partition's directory.
func (tp TopicPartition) String() string {
	return tp.Topic + "-" + strconv.Itoa(int(tp.Partition))
}

// ParseTopicPartition reads the form that String writes. A topic may contain dashes: the last one counts.
func ParseTopicPartition(name string) (TopicPartition, error) {
	dash := strings.LastIndexByte(name, '-')
	if dash <= 0 {
		return TopicPartition{}, fmt.Errorf("%q is not of the form topic-partition", name)
	}
	n, err := strconv.ParseInt(name[dash+1:], 10, 32)
	if err != nil || n < 0 || name[dash+1] == '+' {
		return TopicPartition{}, fmt.Errorf("%q is not of the form topic-partition", name)
	}
	return TopicPartition{Topic: name[:dash], Partition: int32(n)}, nil
}
