package group

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// A member's JoinGroup and SyncGroup wait for the others. The functions below park and answer them, and keep count;
// every parked request is answered, also when the member sends another one or goes away.

// parkJoin makes the member's JoinGroup wait. An earlier one that still waits is sent back to the start.
func (g *group) parkJoin(m *member, w *joinWait) {
	g.failJoin(m, m.id, protocol.RebalanceInProgress)
	m.join = w
	g.awaitingJoin++
}

// takeJoin ends the wait of the member's JoinGroup; it returns nil when none waits.
func (g *group) takeJoin(m *member) *joinWait {
	w := m.join
	if w != nil {
		m.join = nil
		g.awaitingJoin--
	}
	return w
}

func (g *group) failJoin(m *member, memberID string, code protocol.Code) {
	if w := g.takeJoin(m); w != nil {
		w.reply(joinError(w.version, memberID, code))
	}
}

// joined answers a JoinGroup with the current generation. The leader is given the members.
func (g *group) joined(version int16, m *member) *kmsg.JoinGroupResponse {
	resp := g.joinedWithoutMembers(version, m.id, g.leaderID)
	if g.isLeader(m.id) {
		resp.Members = g.joinMembers()
	}
	return resp
}

func (g *group) joinedWithoutMembers(version int16, memberID, leaderID string) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Version = version
	resp.MemberID = memberID
	resp.Generation = g.generation
	resp.LeaderID = leaderID
	if g.protocolType != "" {
		protocolType := g.protocolType
		resp.ProtocolType = &protocolType
	}
	setProtocol(resp, g.protocolName)
	return resp
}

// parkSync makes the member's SyncGroup wait.
func (g *group) parkSync(m *member, w *syncWait) {
	g.failSync(m, protocol.RebalanceInProgress)
	m.sync = w
}

func (g *group) takeSync(m *member) *syncWait {
	w := m.sync
	m.sync = nil
	return w
}

func (g *group) failSync(m *member, code protocol.Code) {
	if w := g.takeSync(m); w != nil {
		w.reply(syncError(w.version, code))
	}
}

// synced answers a SyncGroup with the member's assignment.
func (g *group) synced(version int16, m *member) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.Version = version
	if g.protocolType != "" {
		protocolType := g.protocolType
		resp.ProtocolType = &protocolType
	}
	resp.Protocol = g.protocolName
	resp.MemberAssignment = m.assignment
	return resp
}
