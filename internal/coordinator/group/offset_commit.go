package group

// OffsetCommit v2 to v10. v2 to v4 may carry a retention time, v6 adds the leader epoch, v7 static members, v9 the
// answers of the newer group types, v10 topic ids instead of names. The service has put in what the version lacks.

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// OffsetCommit stores offsets. Every topic of the request has its name and id.
func (m *Machine) OffsetCommit(now time.Time, req *kmsg.OffsetCommitRequest, reply func(*kmsg.OffsetCommitResponse)) machine.Result {
	if code := m.validateCommit(now, req); code != protocol.None {
		reply(OffsetCommitError(req, code))
		return machine.Result{}
	}
	maxMetadata := int(m.config().OffsetMetadataMaxBytes)
	expireMs := int64(-1)
	if req.Version >= 2 && req.Version <= 4 && req.RetentionTimeMillis != -1 {
		expireMs = now.UnixMilli() + req.RetentionTimeMillis
	}
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	var records []machine.Record
	for i := range req.Topics {
		topic := &req.Topics[i]
		answer := committedTopic(topic)
		for j := range topic.Partitions {
			p := &topic.Partitions[j]
			o := offset{
				committed: p.Offset, leaderEpoch: p.LeaderEpoch, commitMs: now.UnixMilli(),
				expireMs: expireMs, topicID: topic.TopicID,
			}
			if p.Metadata != nil {
				o.metadata = *p.Metadata
			}
			if utf16Len(o.metadata) > maxMetadata {
				answer.Partitions = append(answer.Partitions, committedPartition(p.Partition, protocol.OffsetMetadataTooLarge))
				continue
			}
			records = append(records, offsetRecord(req.Group, topic.Topic, p.Partition, o))
			answer.Partitions = append(answer.Partitions, committedPartition(p.Partition, protocol.None))
		}
		resp.Topics = append(resp.Topics, answer)
	}
	return machine.Result{Records: records, Done: func(_ time.Time, err error) {
		if err != nil {
			resp = OffsetCommitError(req, machine.ResponseCode(err))
		}
		reply(resp)
	}}
}

// validateCommit checks that the sender may commit. A member's commit also prolongs its session.
func (m *Machine) validateCommit(now time.Time, req *kmsg.OffsetCommitRequest) protocol.Code {
	g := m.groups[req.Group]
	if g == nil {
		switch {
		case req.Generation < 0:
			return protocol.None // from an administrator, or a consumer without a group: replay creates a simple group
		case req.Version >= 9:
			return protocol.GroupIDNotFound
		default:
			return protocol.IllegalGeneration
		}
	}
	if req.Generation < 0 && g.state == Empty {
		return protocol.None
	}
	if req.Generation < 0 && req.MemberID == "" && req.InstanceID == nil {
		return protocol.UnknownMemberID // offsets without a generation are for groups without members
	}
	if code := g.validateMember(req.MemberID, req.InstanceID); code != protocol.None {
		return code
	}
	if req.Generation != g.generation {
		return protocol.IllegalGeneration
	}
	if g.state == CompletingRebalance {
		return protocol.RebalanceInProgress
	}
	m.scheduleHeartbeat(g, g.byID[req.MemberID], now)
	return protocol.None
}
