// Command kafka-go runs segmentio/kafka-go through the checks of the interop suite. It speaks old versions of most APIs, and has
// neither idempotent producers nor static members nor a call to delete records.
package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"

	"ottla.dev/interop/gocheck"
)

type c = *gocheck.C

const minute = time.Minute

func main() {
	r := gocheck.New()
	produceChecks(r)
	r.Check("headers", minute, headers)
	r.Check("large/record", minute, largeRecord)
	r.Check("large/refused", minute, largeRefused)
	r.Check("offsets/time", minute, offsetsByTime)
	r.Check("offsets/out-of-range", minute, offsetsOutOfRange)
	r.Check("auto-create", minute, autoCreate)
	r.Check("group/come-and-go", 2*minute, comeAndGo)
	for _, b := range []kafka.GroupBalancer{kafka.RangeGroupBalancer{}, kafka.RoundRobinGroupBalancer{}, kafka.RackAffinityGroupBalancer{Rack: "a"}} {
		r.Check("group/assignor/"+b.ProtocolName(), minute, func(c c) { assignor(c, b) })
	}
	r.Check("group/resume", minute, resume)
	r.Check("admin/topics", minute, adminTopics)
	r.Check("admin/configs", minute, adminConfigs)
	r.Check("admin/groups", minute, adminGroups)
	r.Check("admin/offsets", minute, adminOffsets)
	r.Check("admin/cluster", minute, adminCluster)
	r.Check("restart/stop", 2*minute, func(c c) { restart(c, "stop") })
	r.Check("restart/kill", 2*minute, func(c c) { restart(c, "kill") })
	r.Finish()
}

// client sends single requests.
func client() *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(gocheck.Bootstrap()), Timeout: 20 * time.Second}
}

// newTopic creates a topic and waits until its partitions are served; configs are pairs.
func newTopic(c c, partitions int, configs ...string) string {
	name := gocheck.Unique("t")
	topic := kafka.TopicConfig{Topic: name, NumPartitions: partitions, ReplicationFactor: 1}
	for i := 0; i < len(configs); i += 2 {
		topic.ConfigEntries = append(topic.ConfigEntries, kafka.ConfigEntry{ConfigName: configs[i], ConfigValue: configs[i+1]})
	}
	c.Must(create(c, topic), "create topic %s", name)
	c.Eventually(func() string {
		for p := range partitions {
			if _, err := offsetOf(c, name, kafka.LastOffsetOf(p)); err != nil {
				return fmt.Sprintf("the new topic %s is not served: %v", name, err)
			}
		}
		return ""
	})
	return name
}

func create(c c, topic kafka.TopicConfig) error {
	response, err := client().CreateTopics(c, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{topic}})
	c.Must(err, "create topics")
	return response.Errors[topic.Topic]
}

// writer sends to the partition that a message names.
func writer(topic string) *kafka.Writer {
	return &kafka.Writer{
		Addr: kafka.TCP(gocheck.Bootstrap()), Topic: topic, RequiredAcks: kafka.RequireAll, BatchTimeout: 5 * time.Millisecond, MaxAttempts: 300,
		WriteBackoffMax: 200 * time.Millisecond,
		Balancer:        kafka.BalancerFunc(func(m kafka.Message, _ ...int) int { return m.Partition }),
	}
}

func send(c c, w *kafka.Writer, messages []kafka.Message) error {
	defer w.Close()
	err := w.WriteMessages(c, messages...)
	var each kafka.WriteErrors
	if errors.As(err, &each) {
		for _, one := range each {
			if one != nil {
				return one
			}
		}
	}
	return err
}

// read reads count records of a partition from an offset.
func read(c c, topic string, partition int, from int64, count int) []kafka.Message {
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{gocheck.Bootstrap()}, Topic: topic, Partition: partition, MaxWait: 200 * time.Millisecond})
	defer r.Close()
	c.Must(r.SetOffset(from), "seek")
	var got []kafka.Message
	for len(got) < count {
		m, err := r.ReadMessage(c)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			c.Fatalf("read %d of %d records of %s-%d: %v", len(got), count, topic, partition, err)
		}
		got = append(got, m)
	}
	return got
}

// offsetOf is -1 where nothing is found.
func offsetOf(c c, topic string, want kafka.OffsetRequest) (int64, error) {
	response, err := client().ListOffsets(c, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {want}}})
	if err != nil {
		return 0, err
	}
	for _, p := range response.Topics[topic] {
		if p.Error != nil {
			return 0, p.Error
		}
		switch want.Timestamp {
		case kafka.FirstOffset:
			return p.FirstOffset, nil
		case kafka.LastOffset:
			return p.LastOffset, nil
		}
		for offset := range p.Offsets {
			return offset, nil
		}
	}
	return -1, nil
}
