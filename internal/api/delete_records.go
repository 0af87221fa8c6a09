package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/storage"
)

// DeleteRecords, versions 0 to 2 (KIP-107): moves the log start offset forward. Offset -1 stands for the high watermark. v2 flexible.

func (c *call) deleteRecords(req *kmsg.DeleteRecordsRequest) *kmsg.DeleteRecordsResponse {
	resp := kmsg.NewPtrDeleteRecordsResponse()
	for _, t := range req.Topics {
		topic := kmsg.NewDeleteRecordsResponseTopic()
		topic.Topic = t.Topic
		for _, asked := range t.Partitions {
			out := kmsg.NewDeleteRecordsResponseTopicPartition()
			out.Partition, out.LowWatermark = asked.Partition, -1
			low, code := c.deleteRecordsOf(storage.TopicPartition{Topic: t.Topic, Partition: asked.Partition}, asked.Offset)
			if out.ErrorCode = int16(code); code == protocol.None {
				out.LowWatermark = low
			}
			topic.Partitions = append(topic.Partitions, out)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

func (c *call) deleteRecordsOf(tp storage.TopicPartition, before int64) (lowWatermark int64, code protocol.Code) {
	if c.image().Topic(tp.Topic) != nil && isInternal(tp.Topic) {
		return 0, protocol.InvalidTopicException
	}
	p, err := c.server.Replicas.Partition(tp.Topic, tp.Partition)
	if err != nil {
		return 0, protocol.CodeOf(err)
	}
	log := p.Log()
	if !log.Config().CleanupDelete {
		return 0, protocol.PolicyViolation // a compacted topic keeps the last value of every key
	}
	if before == -1 {
		before = log.HighWatermark()
	}
	if before < 0 || before > log.HighWatermark() {
		return 0, protocol.OffsetOutOfRange
	}
	if err := log.DeleteRecordsBefore(before); err != nil {
		return 0, c.server.storageError("delete records", tp, err)
	}
	p.Interrupt() // a reader may wait at an offset that is gone
	return log.LogStartOffset(), protocol.None
}
