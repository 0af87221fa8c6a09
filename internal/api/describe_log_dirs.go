package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/storage"
)

// DescribeLogDirs, versions 1 to 5 (KIP-113). v2 flexible · v3 top-level error · v4 total and usable bytes (KIP-827) · v5 cordoned (KIP-1066).

func (c *call) describeLogDirs(req *kmsg.DescribeLogDirsRequest) *kmsg.DescribeLogDirsResponse {
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	var wanted map[storage.TopicPartition]bool // nil: all
	if req.Topics != nil {
		wanted = map[storage.TopicPartition]bool{}
		for _, t := range req.Topics {
			for _, p := range t.Partitions {
				wanted[storage.TopicPartition{Topic: t.Topic, Partition: p}] = true
			}
		}
	}
	cordoned := map[string]bool{}
	for _, dir := range c.config().CordonedLogDirs() {
		cordoned[dir] = true
	}
	for _, d := range c.server.Logs.DescribeDirs() {
		dir := kmsg.NewDescribeLogDirsResponseDir()
		dir.Dir, dir.TotalBytes, dir.UsableBytes, dir.IsCordoned = d.Dir, -1, -1, cordoned[d.Dir]
		if d.Err != nil {
			dir.ErrorCode = int16(protocol.KafkaStorageError)
		} else {
			dir.TotalBytes, dir.UsableBytes = d.TotalBytes, d.FreeBytes
			dir.Topics = logDirTopics(d.Logs, wanted)
		}
		resp.Dirs = append(resp.Dirs, dir)
	}
	return resp
}

func logDirTopics(logs []storage.LogDescription, wanted map[storage.TopicPartition]bool) []kmsg.DescribeLogDirsResponseDirTopic {
	var topics []kmsg.DescribeLogDirsResponseDirTopic
	index := map[string]int{}
	for _, l := range logs {
		if wanted != nil && !wanted[l.TopicPartition] {
			continue
		}
		at, ok := index[l.TopicPartition.Topic]
		if !ok {
			at = len(topics)
			index[l.TopicPartition.Topic] = at
			t := kmsg.NewDescribeLogDirsResponseDirTopic()
			t.Topic = l.TopicPartition.Topic
			topics = append(topics, t)
		}
		p := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		p.Partition, p.Size = l.TopicPartition.Partition, l.SizeBytes
		topics[at].Partitions = append(topics[at].Partitions, p)
	}
	return topics
}
