package service

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// firstVersionWithTopicIDs is the version of OffsetCommit and OffsetFetch that names topics by id.
const firstVersionWithTopicIDs = 10

// OffsetCommit handles OffsetCommit v2 to v10. Partitions that do not exist are answered here; the group decides on
// the others.
func (s *Service) OffsetCommit(_ group.RequestContext, req *kmsg.OffsetCommitRequest, reply func(*kmsg.OffsetCommitResponse)) {
	known := *req
	known.Topics = nil
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	for i := range req.Topics {
		valid, refused := s.resolveCommit(req.Version, &req.Topics[i])
		if len(refused.Partitions) > 0 {
			appendCommitted(resp, refused)
		}
		if len(valid.Partitions) > 0 {
			known.Topics = append(known.Topics, valid)
		}
	}
	if len(known.Topics) == 0 {
		reply(resp)
		return
	}
	merge := func(answer *kmsg.OffsetCommitResponse) {
		for _, topic := range answer.Topics {
			appendCommitted(resp, topic)
		}
		reply(resp)
	}
	if s.closed.Load() {
		merge(group.OffsetCommitError(&known, protocol.CoordinatorNotAvailable))
		return
	}
	s.write(req.Group, func(m *group.Machine, now time.Time) machine.Result {
		return m.OffsetCommit(now, &known, merge)
	}, func(code protocol.Code) { merge(group.OffsetCommitError(&known, code)) })
}

// resolveCommit completes the topic with the name or id that its version lacks, and divides its partitions into those
// that exist and the answer for those that do not.
func (s *Service) resolveCommit(version int16, t *kmsg.OffsetCommitRequestTopic) (valid kmsg.OffsetCommitRequestTopic, refused kmsg.OffsetCommitResponseTopic) {
	valid = *t
	valid.Partitions = nil
	found := false
	code := protocol.UnknownTopicOrPartition
	if version >= firstVersionWithTopicIDs {
		valid.Topic, found = s.options.Topics.TopicName(t.TopicID)
		code = protocol.UnknownTopicID
	} else {
		valid.TopicID, found = s.options.Topics.TopicID(t.Topic)
	}
	refused = kmsg.NewOffsetCommitResponseTopic()
	refused.Topic, refused.TopicID = valid.Topic, valid.TopicID
	for _, p := range t.Partitions {
		if found && s.options.Topics.HasPartition(valid.Topic, p.Partition) {
			valid.Partitions = append(valid.Partitions, p)
			continue
		}
		if found {
			code = protocol.UnknownTopicOrPartition
		}
		answer := kmsg.NewOffsetCommitResponseTopicPartition()
		answer.Partition, answer.ErrorCode = p.Partition, int16(code)
		refused.Partitions = append(refused.Partitions, answer)
	}
	return valid, refused
}

// appendCommitted adds a topic's answers to the response, to the topic's entry where it has one.
func appendCommitted(resp *kmsg.OffsetCommitResponse, topic kmsg.OffsetCommitResponseTopic) {
	for i := range resp.Topics {
		if resp.Topics[i].Topic == topic.Topic && resp.Topics[i].TopicID == topic.TopicID {
			resp.Topics[i].Partitions = append(resp.Topics[i].Partitions, topic.Partitions...)
			return
		}
	}
	resp.Topics = append(resp.Topics, topic)
}
