package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// replaceStaticMember handles a static member that comes back without its member id, after a restart: it gets a new id
// and, where the group is stable, its old assignment without a rebalance (KIP-345). Whoever still uses the old id is
// fenced.
func (m *Machine) replaceStaticMember(j *joinRequest, g *group, oldID, newID string) machine.Result {
	old := g.byID[oldID]
	m.log.Info("static member has come back and gets a new member id", "group", g.id, "state", g.state,
		"instance", *old.instanceID, "old", oldID, "new", newID)
	oldLeader := g.leaderID
	m.timers.Stop(&old.heartbeat)
	g.failJoin(old, oldID, protocol.FencedInstanceID)
	g.failSync(old, protocol.FencedInstanceID)
	came := g.replaceStatic(old, newID)
	m.scheduleHeartbeat(g, came, j.now)
	g.update(came, copyProtocols(j.req.Protocols), j.rebalanceTimeoutMs(), j.req.SessionTimeoutMillis)
	g.parkJoin(came, j.wait())

	switch {
	case g.state == Stable && g.protocolName != nil && g.selectProtocol() == *g.protocolName:
		return m.storeReplacement(j, g, old, came, oldLeader)
	case g.state == Stable:
		return m.prepareRebalance(j.now, g, "static member "+newID+" has come back and changes the protocol; client reason: "+j.reason())
	case g.state == CompletingRebalance:
		// The leader may already be assigning to the old id, so what it sends would not reach the new one.
		return m.prepareRebalance(j.now, g, "static member "+newID+" has come back; client reason: "+j.reason())
	default:
		return m.maybeCompleteJoin(j.now, g)
	}
}

// storeReplacement makes the new member id durable, then answers with the current generation.
func (m *Machine) storeReplacement(j *joinRequest, g *group, old, came *member, oldLeader string) machine.Result {
	undone := false
	return machine.Result{
		Records:     []machine.Record{metadataRecord(g, func(member *member) []byte { return member.assignment })},
		SelfApplied: true,
		Undo: func(now time.Time) {
			undone = true
			m.undoReplacement(now, g, old, came)
		},
		Done: func(now time.Time, err error) {
			if err != nil {
				m.log.Warn("could not store the new id of a static member", "group", g.id, "member", came.id, "err", err)
				if undone || m.takeReplaced(now, g, came) != nil {
					j.reply(replacementError(j, g, oldLeader, machine.ResponseCode(err)))
				}
				return
			}
			if g.state == Stable && g.byID[came.id] == came {
				answerReplaced(g, came, m.takeReplaced(now, g, came), oldLeader)
			} // else a rebalance has begun, whose end answers the member
		},
	}
}

func replacementError(j *joinRequest, g *group, oldLeader string, code protocol.Code) *kmsg.JoinGroupResponse {
	resp := g.joinedWithoutMembers(j.req.Version, "", oldLeader)
	resp.ErrorCode = int16(code)
	return resp
}

// takeReplaced ends the wait of a static member that has come back. Its session begins now: the one that began with the
// request may have run out during the wait, which is forgiven only to those who wait.
func (m *Machine) takeReplaced(now time.Time, g *group, came *member) *joinWait {
	w := g.takeJoin(came)
	if w != nil && g.byID[came.id] == came {
		m.scheduleHeartbeat(g, came, now)
	}
	return w
}

// answerReplaced tells a static member that has come back where the group stands. Before KIP-814 a new leader is told
// that the old one still leads, which keeps it from assigning anew.
func answerReplaced(g *group, came *member, w *joinWait, oldLeader string) {
	if w == nil {
		return
	}
	if w.version < 9 {
		w.reply(g.joinedWithoutMembers(w.version, came.id, oldLeader))
		return
	}
	resp := g.joined(w.version, came)
	resp.SkipAssignment = g.isLeader(came.id)
	w.reply(resp)
}

// undoReplacement gives the static member back its old id. Its request is answered by the caller.
func (m *Machine) undoReplacement(now time.Time, g *group, old, came *member) {
	m.timers.Stop(&came.heartbeat)
	g.takeJoin(came)
	g.update(came, old.protocols, old.rebalanceTimeoutMs, old.sessionTimeoutMs)
	back := g.replaceStatic(came, old.id)
	m.scheduleHeartbeat(g, back, now)
}
