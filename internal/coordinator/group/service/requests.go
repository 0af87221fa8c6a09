package service

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/protocol"
)

// JoinGroup handles JoinGroup v0 to v9.
func (s *Service) JoinGroup(ctx group.RequestContext, req *kmsg.JoinGroupRequest, reply func(*kmsg.JoinGroupResponse)) {
	reply(group.JoinGroupError(req, req.MemberID, protocol.CoordinatorNotAvailable))
}

// SyncGroup handles SyncGroup v0 to v5.
func (s *Service) SyncGroup(ctx group.RequestContext, req *kmsg.SyncGroupRequest, reply func(*kmsg.SyncGroupResponse)) {
	reply(group.SyncGroupError(req, protocol.CoordinatorNotAvailable))
}

// Heartbeat handles Heartbeat v0 to v4.
func (s *Service) Heartbeat(ctx group.RequestContext, req *kmsg.HeartbeatRequest, reply func(*kmsg.HeartbeatResponse)) {
	reply(group.HeartbeatError(req, protocol.CoordinatorNotAvailable))
}

// LeaveGroup handles LeaveGroup v0 to v5.
func (s *Service) LeaveGroup(ctx group.RequestContext, req *kmsg.LeaveGroupRequest, reply func(*kmsg.LeaveGroupResponse)) {
	reply(group.LeaveGroupError(req, protocol.CoordinatorNotAvailable))
}

// DescribeGroups handles DescribeGroups v0 to v6. AuthorizedOperations stays at "not asked".
func (s *Service) DescribeGroups(ctx group.RequestContext, req *kmsg.DescribeGroupsRequest, reply func(*kmsg.DescribeGroupsResponse)) {
	reply(req.ResponseKind().(*kmsg.DescribeGroupsResponse))
}

// ListGroups handles ListGroups v0 to v5.
func (s *Service) ListGroups(ctx group.RequestContext, req *kmsg.ListGroupsRequest, reply func(*kmsg.ListGroupsResponse)) {
	reply(group.ListGroupsError(req, protocol.CoordinatorNotAvailable))
}

// DeleteGroups handles DeleteGroups v0 to v2.
func (s *Service) DeleteGroups(ctx group.RequestContext, req *kmsg.DeleteGroupsRequest, reply func(*kmsg.DeleteGroupsResponse)) {
	reply(req.ResponseKind().(*kmsg.DeleteGroupsResponse))
}

// OffsetCommit handles OffsetCommit v2 to v10.
func (s *Service) OffsetCommit(ctx group.RequestContext, req *kmsg.OffsetCommitRequest, reply func(*kmsg.OffsetCommitResponse)) {
	reply(group.OffsetCommitError(req, protocol.CoordinatorNotAvailable))
}

// OffsetFetch handles OffsetFetch v1 to v10.
func (s *Service) OffsetFetch(ctx group.RequestContext, req *kmsg.OffsetFetchRequest, reply func(*kmsg.OffsetFetchResponse)) {
	reply(req.ResponseKind().(*kmsg.OffsetFetchResponse))
}

// OffsetDelete handles OffsetDelete v0.
func (s *Service) OffsetDelete(ctx group.RequestContext, req *kmsg.OffsetDeleteRequest, reply func(*kmsg.OffsetDeleteResponse)) {
	reply(group.OffsetDeleteError(req, protocol.CoordinatorNotAvailable))
}
