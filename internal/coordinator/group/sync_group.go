package group

// SyncGroup v0 to v5. v3 adds static members (KIP-345), v5 the protocol type and name (KIP-559).

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// SyncGroup gives a member its assignment, which the leader's SyncGroup brings for all.
func (m *Machine) SyncGroup(now time.Time, req *kmsg.SyncGroupRequest, reply func(*kmsg.SyncGroupResponse)) machine.Result {
	g := m.groups[req.Group]
	if g == nil || g.state == Empty {
		reply(SyncGroupError(req, protocol.UnknownMemberID))
		return machine.Result{}
	}
	if code := g.validateSync(req); code != protocol.None {
		reply(SyncGroupError(req, code))
		return machine.Result{}
	}
	synced := g.byID[req.MemberID]
	switch g.state {
	case PreparingRebalance:
		reply(SyncGroupError(req, protocol.RebalanceInProgress))
	case CompletingRebalance:
		g.parkSync(synced, &syncWait{version: req.Version, reply: reply})
		m.gotSync(g, req.MemberID)
		if g.isLeader(req.MemberID) {
			return m.storeAssignment(g, req)
		}
	case Stable:
		m.gotSync(g, req.MemberID)
		reply(g.synced(req.Version, synced))
	default:
		reply(SyncGroupError(req, protocol.UnknownServerError))
	}
	return machine.Result{}
}

func (g *group) validateSync(req *kmsg.SyncGroupRequest) protocol.Code {
	if code := g.validateMember(req.MemberID, req.InstanceID); code != protocol.None {
		return code
	}
	if req.Generation != g.generation {
		return protocol.IllegalGeneration
	}
	if req.ProtocolType != nil && g.protocolType != "" && *req.ProtocolType != g.protocolType ||
		req.Protocol != nil && g.protocolName != nil && *req.Protocol != *g.protocolName {
		return protocol.InconsistentGroupProtocol
	}
	return protocol.None
}

// storeAssignment makes the leader's assignment durable; then the group is stable and its members are answered.
func (m *Machine) storeAssignment(g *group, req *kmsg.SyncGroupRequest) machine.Result {
	assignments := make(map[string][]byte, len(req.GroupAssignment))
	for i := range req.GroupAssignment {
		assignments[req.GroupAssignment[i].MemberID] = cloneBytes(req.GroupAssignment[i].MemberAssignment)
	}
	assignment := func(member *member) []byte {
		if b, ok := assignments[member.id]; ok {
			return b
		}
		return []byte{}
	}
	generation := g.generation
	return machine.Result{
		Records:     []machine.Record{metadataRecord(g, assignment)},
		SelfApplied: true,
		Done: func(now time.Time, err error) {
			if g.state != CompletingRebalance || g.generation != generation {
				return // overtaken by another rebalance, which has answered everybody
			}
			if err != nil {
				code := machine.ResponseCode(err)
				m.resetAssignments(now, g, code)
				m.prepareRebalance(now, g, "the assignment could not be stored: "+code.Name())
				return
			}
			m.assign(now, g, assignment)
		},
	}
}

// assign makes the group stable with the assignments, and answers the members that wait for theirs.
func (m *Machine) assign(now time.Time, g *group, assignment func(*member) []byte) {
	for _, member := range g.members {
		member.assignment = assignment(member)
	}
	for _, member := range g.members {
		if w := g.takeSync(member); w != nil {
			w.reply(g.synced(w.version, member))
			m.scheduleHeartbeat(g, member, now)
		}
	}
	g.transition(Stable, now)
}
