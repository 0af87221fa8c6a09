package service

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/gather"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// DescribeGroups handles DescribeGroups v0 to v6. AuthorizedOperations stays at "not asked".
func (s *Service) DescribeGroups(_ group.RequestContext, req *kmsg.DescribeGroupsRequest, reply func(*kmsg.DescribeGroupsResponse)) {
	parts := gather.New(len(req.Groups), func(groups []kmsg.DescribeGroupsResponseGroup) {
		resp := req.ResponseKind().(*kmsg.DescribeGroupsResponse)
		resp.Groups = groups
		reply(resp)
	})
	for i, groupID := range req.Groups {
		if s.closed.Load() {
			parts.Put(i, group.DescribeGroupError(groupID, protocol.CoordinatorNotAvailable))
			continue
		}
		s.runtime.Read(s.PartitionFor(groupID), func(m *group.Machine) {
			parts.Put(i, m.DescribeGroup(req.Version, groupID))
		}, func(err error) {
			parts.Put(i, group.DescribeGroupError(groupID, machine.ResponseCode(err)))
		})
	}
}

// listedGroups is what one shard knows of the groups.
type listedGroups struct {
	groups []kmsg.ListGroupsResponseGroup
	code   protocol.Code
}

// ListGroups handles ListGroups v0 to v5. It lists the groups that this broker coordinates.
func (s *Service) ListGroups(_ group.RequestContext, req *kmsg.ListGroupsRequest, reply func(*kmsg.ListGroupsResponse)) {
	if s.closed.Load() {
		reply(group.ListGroupsError(req, protocol.CoordinatorNotAvailable))
		return
	}
	partitions := s.runtime.Partitions()
	parts := gather.New(len(partitions), func(shards []listedGroups) {
		resp := group.ListGroupsError(req, protocol.None)
		for _, shard := range shards {
			if shard.code != protocol.None && shard.code != protocol.NotCoordinator {
				reply(group.ListGroupsError(req, shard.code)) // a list that misses groups would mislead
				return
			}
			resp.Groups = append(resp.Groups, shard.groups...)
		}
		reply(resp)
	})
	for i, partition := range partitions {
		s.runtime.Read(partition, func(m *group.Machine) {
			parts.Put(i, listedGroups{groups: m.ListGroups(req.StatesFilter, req.TypesFilter)})
		}, func(err error) {
			parts.Put(i, listedGroups{code: machine.ResponseCode(err)})
		})
	}
}

// DeleteGroups handles DeleteGroups v0 to v2.
func (s *Service) DeleteGroups(_ group.RequestContext, req *kmsg.DeleteGroupsRequest, reply func(*kmsg.DeleteGroupsResponse)) {
	var partitions []int32
	byPartition := make(map[int32][]string)
	for i, groupID := range req.Groups {
		if slices.Contains(req.Groups[:i], groupID) {
			continue
		}
		partition := s.PartitionFor(groupID)
		if byPartition[partition] == nil {
			partitions = append(partitions, partition)
		}
		byPartition[partition] = append(byPartition[partition], groupID)
	}
	parts := gather.New(len(partitions), func(shards [][]kmsg.DeleteGroupsResponseGroup) {
		resp := req.ResponseKind().(*kmsg.DeleteGroupsResponse)
		resp.Groups = slices.Concat(shards...)
		reply(resp)
	})
	for i, partition := range partitions {
		groupIDs := byPartition[partition]
		fail := func(code protocol.Code) {
			answers := make([]kmsg.DeleteGroupsResponseGroup, 0, len(groupIDs))
			for _, groupID := range groupIDs {
				answers = append(answers, group.DeleteGroupError(groupID, code))
			}
			parts.Put(i, answers)
		}
		if s.closed.Load() {
			fail(protocol.CoordinatorNotAvailable)
			continue
		}
		s.runtime.Write(partition, func(m *group.Machine, _ time.Time) machine.Result {
			return m.DeleteGroups(groupIDs, func(answers []kmsg.DeleteGroupsResponseGroup) { parts.Put(i, answers) })
		}, func(err error) { fail(machine.ResponseCode(err)) })
	}
}
