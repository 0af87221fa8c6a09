package service

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/gather"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// firstFetchVersionWithGroups is the version of OffsetFetch that asks for several groups.
const firstFetchVersionWithGroups = 8

// OffsetFetch handles OffsetFetch v1 to v10.
func (s *Service) OffsetFetch(_ group.RequestContext, req *kmsg.OffsetFetchRequest, reply func(*kmsg.OffsetFetchResponse)) {
	groups := fetchedGroups(req)
	parts := gather.New(len(groups), func(answers []kmsg.OffsetFetchResponseGroup) {
		reply(offsetFetchResponse(req, answers))
	})
	for i := range groups {
		s.fetchGroup(req.Version, req.RequireStable, &groups[i], func(answer kmsg.OffsetFetchResponseGroup) { parts.Put(i, answer) })
	}
}

// fetchedGroups returns the groups of the request in the form of v8, where before there is one.
func fetchedGroups(req *kmsg.OffsetFetchRequest) []kmsg.OffsetFetchRequestGroup {
	if req.Version >= firstFetchVersionWithGroups {
		return req.Groups
	}
	only := kmsg.NewOffsetFetchRequestGroup()
	only.Group = req.Group
	if req.Topics != nil || req.Version < 2 { // null asks for everything, since v2
		only.Topics = make([]kmsg.OffsetFetchRequestGroupTopic, 0, len(req.Topics))
	}
	for i := range req.Topics {
		topic := kmsg.NewOffsetFetchRequestGroupTopic()
		topic.Topic, topic.Partitions = req.Topics[i].Topic, req.Topics[i].Partitions
		only.Topics = append(only.Topics, topic)
	}
	return []kmsg.OffsetFetchRequestGroup{only}
}

// offsetFetchResponse puts the answers for the groups into the form of the version.
func offsetFetchResponse(req *kmsg.OffsetFetchRequest, groups []kmsg.OffsetFetchResponseGroup) *kmsg.OffsetFetchResponse {
	resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
	if req.Version >= firstFetchVersionWithGroups {
		resp.Groups = groups
		return resp
	}
	resp.ErrorCode = groups[0].ErrorCode
	for _, t := range groups[0].Topics {
		topic := kmsg.NewOffsetFetchResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			answer := kmsg.NewOffsetFetchResponseTopicPartition()
			answer.Partition, answer.Offset, answer.LeaderEpoch = p.Partition, p.Offset, p.LeaderEpoch
			answer.Metadata, answer.ErrorCode = p.Metadata, p.ErrorCode
			topic.Partitions = append(topic.Partitions, answer)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

// fetchGroup fetches the offsets of one group.
func (s *Service) fetchGroup(version int16, requireStable bool, req *kmsg.OffsetFetchRequestGroup, reply func(kmsg.OffsetFetchResponseGroup)) {
	if s.closed.Load() {
		reply(group.OffsetFetchError(version, req, protocol.CoordinatorNotAvailable))
		return
	}
	known, unknown := req, []kmsg.OffsetFetchResponseGroupTopic(nil)
	if version >= firstVersionWithTopicIDs && req.Topics != nil {
		known, unknown = s.resolveFetch(req)
	}
	finish := func(answer kmsg.OffsetFetchResponseGroup) {
		if answer.ErrorCode == 0 {
			if version >= firstVersionWithTopicIDs && req.Topics == nil {
				answer.Topics = s.withTopicIDs(answer.Topics)
			}
			answer.Topics = append(answer.Topics, unknown...)
		}
		reply(answer)
	}
	s.write(req.Group, func(m *group.Machine, _ time.Time) machine.Result {
		return m.OffsetFetch(version, requireStable, known, finish)
	}, func(code protocol.Code) { finish(group.OffsetFetchError(version, known, code)) })
}

// resolveFetch finds the names of the topics, and answers for those that do not exist.
func (s *Service) resolveFetch(req *kmsg.OffsetFetchRequestGroup) (known *kmsg.OffsetFetchRequestGroup, unknown []kmsg.OffsetFetchResponseGroupTopic) {
	resolved := *req
	resolved.Topics = make([]kmsg.OffsetFetchRequestGroupTopic, 0, len(req.Topics))
	for _, topic := range req.Topics {
		var ok bool
		if topic.Topic, ok = s.options.Topics.TopicName(topic.TopicID); ok {
			resolved.Topics = append(resolved.Topics, topic)
			continue
		}
		answer := kmsg.NewOffsetFetchResponseGroupTopic()
		answer.TopicID = topic.TopicID
		for _, partition := range topic.Partitions {
			p := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			p.Partition, p.Offset, p.LeaderEpoch = partition, -1, -1
			p.Metadata = new(string)
			p.ErrorCode = int16(protocol.UnknownTopicID)
			answer.Partitions = append(answer.Partitions, p)
		}
		unknown = append(unknown, answer)
	}
	return &resolved, unknown
}

// withTopicIDs puts in the ids of the topics. Those that no longer exist have none, and cannot be told.
func (s *Service) withTopicIDs(topics []kmsg.OffsetFetchResponseGroupTopic) []kmsg.OffsetFetchResponseGroupTopic {
	kept := topics[:0]
	for _, topic := range topics {
		var ok bool
		if topic.TopicID, ok = s.options.Topics.TopicID(topic.Topic); ok {
			kept = append(kept, topic)
		}
	}
	return kept
}
