package service

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// OffsetDelete handles OffsetDelete v0. Partitions that do not exist are answered here.
func (s *Service) OffsetDelete(_ group.RequestContext, req *kmsg.OffsetDeleteRequest, reply func(*kmsg.OffsetDeleteResponse)) {
	if code := s.check(req.Group); code != protocol.None {
		reply(group.OffsetDeleteError(req, code))
		return
	}
	known := *req
	known.Topics = nil
	resp := group.OffsetDeleteError(req, protocol.None)
	for _, topic := range req.Topics {
		valid := kmsg.NewOffsetDeleteRequestTopic()
		valid.Topic = topic.Topic
		refused := kmsg.NewOffsetDeleteResponseTopic()
		refused.Topic = topic.Topic
		for _, p := range topic.Partitions {
			if s.options.Topics.HasPartition(topic.Topic, p.Partition) {
				valid.Partitions = append(valid.Partitions, p)
				continue
			}
			answer := kmsg.NewOffsetDeleteResponseTopicPartition()
			answer.Partition, answer.ErrorCode = p.Partition, int16(protocol.UnknownTopicOrPartition)
			refused.Partitions = append(refused.Partitions, answer)
		}
		if len(refused.Partitions) > 0 {
			appendDeleted(resp, refused)
		}
		if len(valid.Partitions) > 0 {
			known.Topics = append(known.Topics, valid)
		}
	}
	merge := func(answer *kmsg.OffsetDeleteResponse) {
		if answer.ErrorCode != 0 {
			reply(answer)
			return
		}
		for _, topic := range answer.Topics {
			appendDeleted(resp, topic)
		}
		reply(resp)
	}
	s.write(req.Group, func(m *group.Machine, _ time.Time) machine.Result {
		return m.OffsetDelete(&known, merge)
	}, func(code protocol.Code) { merge(group.OffsetDeleteError(req, code)) })
}

// appendDeleted adds a topic's answers to the response, to the topic's entry where it has one.
func appendDeleted(resp *kmsg.OffsetDeleteResponse, topic kmsg.OffsetDeleteResponseTopic) {
	for i := range resp.Topics {
		if resp.Topics[i].Topic == topic.Topic {
			resp.Topics[i].Partitions = append(resp.Topics[i].Partitions, topic.Partitions...)
			return
		}
	}
	resp.Topics = append(resp.Topics, topic)
}
