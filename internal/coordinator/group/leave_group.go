package group

// LeaveGroup v0 to v5. Before v3 it names one member; v3 brings several, and static ones by instance id (KIP-345), v5
// reasons (KIP-800).

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// LeaveGroup removes members at their own wish, or static ones at an administrator's.
func (m *Machine) LeaveGroup(now time.Time, req *kmsg.LeaveGroupRequest, reply func(*kmsg.LeaveGroupResponse)) machine.Result {
	leaving := req.Members
	if req.Version < 3 {
		leaving = []kmsg.LeaveGroupRequestMember{{MemberID: req.MemberID}}
	}
	g := m.groups[req.Group]
	left := 0
	members := make([]kmsg.LeaveGroupResponseMember, 0, len(leaving))
	for i := range leaving {
		code := protocol.UnknownMemberID
		if g != nil {
			code = m.leave(g, &leaving[i])
		}
		if code == protocol.None {
			left++
		}
		answer := kmsg.NewLeaveGroupResponseMember()
		answer.MemberID, answer.InstanceID = leaving[i].MemberID, leaving[i].InstanceID
		answer.ErrorCode = int16(code)
		members = append(members, answer)
	}
	var result machine.Result
	if left > 0 {
		result = m.afterLeave(now, g)
	}
	stored := result.Done
	result.Done = func(now time.Time, err error) {
		if stored != nil {
			stored(now, err)
		}
		reply(leaveGroupResponse(req, members, err))
	}
	return result
}

// afterLeave continues the group without those who left. Unlike a member that failed, one that leaves does not cut
// the first rebalance of a group short.
func (m *Machine) afterLeave(now time.Time, g *group) machine.Result {
	if g.state == Stable || g.state == CompletingRebalance {
		return m.prepareRebalance(now, g, "members have left")
	}
	return m.maybeCompleteJoin(now, g)
}

func (m *Machine) leave(g *group, leaving *kmsg.LeaveGroupRequestMember) protocol.Code {
	memberID := leaving.MemberID
	if memberID == "" {
		if leaving.InstanceID == nil {
			return protocol.UnknownMemberID
		}
		var ok bool
		if memberID, ok = g.staticIDs[*leaving.InstanceID]; !ok {
			return protocol.UnknownMemberID
		}
	} else if m.forgetPending(g, memberID) {
		m.log.Info("pending member has left", "group", g.id, "member", memberID, "reason", leaveReason(leaving))
		return protocol.None
	} else if code := g.validateMember(memberID, leaving.InstanceID); code != protocol.None {
		return code
	}
	m.log.Info("member has left", "group", g.id, "member", memberID, "reason", leaveReason(leaving))
	m.removeMember(g, g.byID[memberID])
	return protocol.None
}

func leaveReason(leaving *kmsg.LeaveGroupRequestMember) string {
	if leaving.Reason == nil {
		return "not provided"
	}
	return *leaving.Reason
}

// leaveGroupResponse answers with the members' errors; before v3 the one member's error is that of the whole.
func leaveGroupResponse(req *kmsg.LeaveGroupRequest, members []kmsg.LeaveGroupResponseMember, err error) *kmsg.LeaveGroupResponse {
	if err != nil {
		return LeaveGroupError(req, machine.ResponseCode(err))
	}
	resp := LeaveGroupError(req, protocol.None)
	if req.Version < 3 {
		resp.ErrorCode = members[0].ErrorCode
	} else {
		resp.Members = members
	}
	return resp
}
