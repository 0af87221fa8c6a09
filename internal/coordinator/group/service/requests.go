package service

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// check returns why a request for the group cannot be served at all.
func (s *Service) check(groupID string) protocol.Code {
	switch {
	case s.closed.Load():
		return protocol.CoordinatorNotAvailable
	case groupID == "":
		return protocol.InvalidGroupID
	default:
		return protocol.None
	}
}

// write runs an operation in the group's shard; fail gets the code to answer when it cannot be run.
func (s *Service) write(groupID string, operation func(m *group.Machine, now time.Time) machine.Result, fail func(protocol.Code)) {
	s.runtime.Write(s.PartitionFor(groupID), operation, func(err error) { fail(machine.ResponseCode(err)) })
}

// JoinGroup handles JoinGroup v0 to v9.
func (s *Service) JoinGroup(ctx group.RequestContext, req *kmsg.JoinGroupRequest, reply func(*kmsg.JoinGroupResponse)) {
	code := s.check(req.Group)
	if config := s.options.Config(); code == protocol.None &&
		(req.SessionTimeoutMillis < config.MinSessionTimeoutMs || req.SessionTimeoutMillis > config.MaxSessionTimeoutMs) {
		code = protocol.InvalidSessionTimeout
	}
	if code != protocol.None {
		reply(group.JoinGroupError(req, req.MemberID, code))
		return
	}
	s.write(req.Group, func(m *group.Machine, now time.Time) machine.Result {
		return m.JoinGroup(now, ctx, req, reply)
	}, func(code protocol.Code) { reply(group.JoinGroupError(req, "", code)) })
}

// SyncGroup handles SyncGroup v0 to v5.
func (s *Service) SyncGroup(_ group.RequestContext, req *kmsg.SyncGroupRequest, reply func(*kmsg.SyncGroupResponse)) {
	code := s.check(req.Group)
	if req.Version >= 5 && (req.ProtocolType == nil || req.Protocol == nil) {
		code = protocol.InconsistentGroupProtocol
	}
	if code != protocol.None {
		reply(group.SyncGroupError(req, code))
		return
	}
	s.write(req.Group, func(m *group.Machine, now time.Time) machine.Result {
		return m.SyncGroup(now, req, reply)
	}, func(code protocol.Code) { reply(group.SyncGroupError(req, code)) })
}

// Heartbeat handles Heartbeat v0 to v4.
func (s *Service) Heartbeat(_ group.RequestContext, req *kmsg.HeartbeatRequest, reply func(*kmsg.HeartbeatResponse)) {
	if code := s.check(req.Group); code != protocol.None {
		reply(group.HeartbeatError(req, code))
		return
	}
	s.write(req.Group, func(m *group.Machine, now time.Time) machine.Result {
		return m.Heartbeat(now, req, reply)
	}, func(code protocol.Code) {
		if code == protocol.CoordinatorLoadInProgress {
			code = protocol.None // the member is taken to be alive: its session begins anew once the group is loaded
		}
		reply(group.HeartbeatError(req, code))
	})
}

// LeaveGroup handles LeaveGroup v0 to v5.
func (s *Service) LeaveGroup(_ group.RequestContext, req *kmsg.LeaveGroupRequest, reply func(*kmsg.LeaveGroupResponse)) {
	if code := s.check(req.Group); code != protocol.None {
		reply(group.LeaveGroupError(req, code))
		return
	}
	s.write(req.Group, func(m *group.Machine, now time.Time) machine.Result {
		return m.LeaveGroup(now, req, reply)
	}, func(code protocol.Code) { reply(group.LeaveGroupError(req, code)) })
}
