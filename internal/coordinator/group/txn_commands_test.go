package group

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/scripttest"
)

func (w *world) txnCommit(c scripttest.Command) {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version = c.Version(5)
	req.TransactionalID, req.ProducerID = "tx", c.Num("producer", 7)
	req.Group = c.Str("group", "g")
	req.MemberID, req.InstanceID = c.Str("member", ""), c.Optional("instance")
	req.Generation = int32(c.Num("gen", -1))
	for _, o := range c.List("offsets") {
		parts := strings.SplitN(o, ":", 3)
		topic := kmsg.NewTxnOffsetCommitRequestTopic()
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		topic.Topic, p.Partition = topicPartition(parts[0])
		p.Offset, _ = strconv.ParseInt(parts[1], 10, 64)
		p.LeaderEpoch = int32(c.Num("epoch", -1))
		if len(parts) == 3 {
			p.Metadata = &parts[2]
		}
		topic.Partitions = append(topic.Partitions, p)
		req.Topics = append(req.Topics, topic)
	}
	reply := w.Asked(c.Word())
	w.applyAs(req.ProducerID, w.m.TxnOffsetCommit(w.Now, req, func(resp *kmsg.TxnOffsetCommitResponse) { reply("%s", formatTxnCommit(resp)) }))
}

// end writes the marker of the producer's transaction.
func (w *world) end(producerID int64, commit bool) {
	outcome := "abort"
	if commit {
		outcome = "commit"
	}
	w.Printf("+ marker %s producer=%d", outcome, producerID)
	w.write(entry{producerID: producerID, marker: true, commit: commit}, false)
}

func formatTxnCommit(r *kmsg.TxnOffsetCommitResponse) string {
	var parts []string
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			parts = append(parts, fmt.Sprintf("%s/%d=%s", t.Topic, p.Partition, code(p.ErrorCode)))
		}
	}
	return strings.Join(parts, " ")
}
