package main

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// What is written, at the least, to one partition of each internal topic: several times its segment.bytes, which the node of this check
	// sets to 1 MiB. Apache Kafka needs a minute for so many transactions of one producer.
	offsetsWritten, transactionsWritten = 8 << 20, 4 << 20
	// internalAllowed is what may be left of it: the segment that is written to, one that waits for the cleaner, and what was cleaned.
	internalAllowed = 3 << 20
)

// internalTopics commits offsets and transactions over and over: what the coordinators keep in their topics must not grow with that.
func internalTopics(c c, _ work) {
	topic := newTopic(c, "internal", offsetPartitions)
	cl := client(c, generations[0])
	defer cl.Close()
	adm := kadm.NewClient(cl)
	p := newRawProducer(c, generations[0], cl, topic, topic+"-id")
	c.Must(p.init(), "InitProducerId")
	commits, transactions := 0, 0
	for written := 0; written < offsetsWritten; commits++ {
		written += commitMany(c, p, topic+"-group", int64(commits))
	}
	// A transaction's records in the coordinator's log name its partitions: twice when they are added and when the end is decided.
	perTransaction := 2 * 4 * offsetPartitions
	for written := 0; written < transactionsWritten; written += perTransaction {
		c.Must(p.addPartitions(allPartitions()...), "AddPartitionsToTxn")
		c.Must(p.end(transactions%2 == 0), "EndTxn")
		transactions++
	}
	last := ""
	c.Eventually(func() string {
		// Segments roll when something is written.
		commitMany(c, p, topic+"-group", int64(commits))
		if err := p.addPartitions(0); err != nil {
			return err.Error()
		}
		if err := p.end(true); err != nil {
			return err.Error()
		}
		dirs, err := adm.DescribeAllLogDirs(c, nil)
		if err != nil {
			return err.Error()
		}
		sizes, problem := map[string]int64{}, ""
		dirs.Each(func(dir kadm.DescribedLogDir) {
			dir.Topics.Each(func(d kadm.DescribedLogDirPartition) {
				if !strings.HasPrefix(d.Topic, "__") {
					return
				}
				sizes[d.Topic] = max(sizes[d.Topic], d.Size)
				if d.Size > internalAllowed {
					problem = fmt.Sprintf("%s-%d has %d bytes after %d commits of offsets and %d transactions, at most %d are needed", d.Topic, d.Partition, d.Size, commits, transactions, internalAllowed)
				}
			})
		})
		last = fmt.Sprintf("the largest partitions: %v", sizes)
		return problem
	})
	fmt.Printf("%d commits of %d offsets and %d transactions; %s\n", commits, offsetPartitions, transactions, last)
}

// commitMany commits an offset with some metadata in every partition and returns about how much that is in the coordinator's log.
func commitMany(c c, p *rawProducer, group string, offset int64) (bytes int) {
	note := strings.Repeat("x", 300)
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = group, -1
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = p.topic, p.topicID
	for _, partition := range allPartitions() {
		part := kmsg.NewOffsetCommitRequestTopicPartition()
		part.Partition, part.Offset, part.Metadata = partition, offset, &note
		topic.Partitions = append(topic.Partitions, part)
		bytes += len(note)
	}
	req.Topics = append(req.Topics, topic)
	_, err := ask(p, req, func(r *kmsg.OffsetCommitResponse) (code int16) {
		for _, part := range r.Topics[0].Partitions {
			code = firstCode(code, part.ErrorCode)
		}
		return code
	})
	c.Must(err, "commit offsets")
	return bytes
}
