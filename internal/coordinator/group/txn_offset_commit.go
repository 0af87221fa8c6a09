package group

// TxnOffsetCommit v0 to v5. v2 adds the leader epoch, v3 generation, member and instance (KIP-447); v4 and v5 look the
// same and tell which errors and which transactions the producer knows (KIP-890).

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// TxnOffsetCommit stores offsets as part of the producer's transaction. Its result is for a transactional write.
func (m *Machine) TxnOffsetCommit(now time.Time, req *kmsg.TxnOffsetCommitRequest, reply func(*kmsg.TxnOffsetCommitResponse)) machine.Result {
	if code := m.validateTxnCommit(req); code != protocol.None {
		reply(TxnOffsetCommitError(req, code))
		return machine.Result{}
	}
	maxMetadata := int(m.config().OffsetMetadataMaxBytes)
	resp := req.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
	var records []machine.Record
	for i := range req.Topics {
		answer := kmsg.NewTxnOffsetCommitResponseTopic()
		answer.Topic = req.Topics[i].Topic
		for j := range req.Topics[i].Partitions {
			p := &req.Topics[i].Partitions[j]
			o := offset{committed: p.Offset, leaderEpoch: p.LeaderEpoch, commitMs: now.UnixMilli(), expireMs: -1}
			if p.Metadata != nil {
				o.metadata = *p.Metadata
			}
			if utf16Len(o.metadata) > maxMetadata {
				answer.Partitions = append(answer.Partitions, txnCommittedPartition(p.Partition, protocol.OffsetMetadataTooLarge))
				continue
			}
			records = append(records, offsetRecord(req.Group, answer.Topic, p.Partition, o))
			answer.Partitions = append(answer.Partitions, txnCommittedPartition(p.Partition, protocol.None))
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return machine.Result{Records: records, Done: func(_ time.Time, err error) {
		if err != nil {
			resp = TxnOffsetCommitError(req, machine.ResponseCode(err))
		}
		reply(resp)
	}}
}

// validateTxnCommit checks that the sender may commit for the group. Before v3 a producer did not say for which member
// it speaks, so who says nothing is believed, also for a group with members. The commit does not prolong a session,
// and it is taken while the group rebalances: its outcome is bound to the transaction, not to the generation.
func (m *Machine) validateTxnCommit(req *kmsg.TxnOffsetCommitRequest) protocol.Code {
	g := m.groups[req.Group]
	switch {
	case g == nil && req.Generation < 0:
		return protocol.None // replay creates a simple group
	case g == nil:
		return protocol.IllegalGeneration
	case req.Generation < 0 && g.state == Empty:
		return protocol.None
	case req.Generation < 0 && req.MemberID == "" && req.InstanceID == nil:
		return protocol.None
	}
	if code := g.validateMember(req.MemberID, req.InstanceID); code != protocol.None {
		return code
	}
	if req.Generation != g.generation {
		return protocol.IllegalGeneration
	}
	return protocol.None
}

// TxnOffsetCommitError answers every partition of the request with the code.
func TxnOffsetCommitError(req *kmsg.TxnOffsetCommitRequest, code protocol.Code) *kmsg.TxnOffsetCommitResponse {
	resp := req.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
	for i := range req.Topics {
		topic := kmsg.NewTxnOffsetCommitResponseTopic()
		topic.Topic = req.Topics[i].Topic
		for j := range req.Topics[i].Partitions {
			topic.Partitions = append(topic.Partitions, txnCommittedPartition(req.Topics[i].Partitions[j].Partition, code))
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

func txnCommittedPartition(partition int32, code protocol.Code) kmsg.TxnOffsetCommitResponseTopicPartition {
	p := kmsg.NewTxnOffsetCommitResponseTopicPartition()
	p.Partition, p.ErrorCode = partition, int16(code)
	return p
}
