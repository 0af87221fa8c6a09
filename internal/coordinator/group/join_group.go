package group

// JoinGroup v0 to v9. v1 adds the rebalance timeout, v4 the member id that must be asked for (KIP-394), v5 static
// members (KIP-345), v7 the protocol type in the answer, v8 reasons (KIP-800), v9 skipping the assignment (KIP-814).

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// joinRequest is a JoinGroup request on its way through the cases below.
type joinRequest struct {
	now   time.Time
	ctx   RequestContext
	req   *kmsg.JoinGroupRequest
	reply func(*kmsg.JoinGroupResponse)
}

func (j *joinRequest) fail(memberID string, code protocol.Code) {
	j.reply(joinError(j.req.Version, memberID, code))
}

func (j *joinRequest) wait() *joinWait { return &joinWait{version: j.req.Version, reply: j.reply} }

func (j *joinRequest) rebalanceTimeoutMs() int32 {
	if j.req.Version == 0 {
		return j.req.SessionTimeoutMillis // v0 has no rebalance timeout of its own
	}
	return j.req.RebalanceTimeoutMillis
}

func (j *joinRequest) reason() string {
	if j.req.Reason == nil || *j.req.Reason == "" {
		return "not provided"
	}
	return *j.req.Reason
}

// JoinGroup makes the sender a member, or begins the next rebalance for one that is. It is answered when the join
// phase ends.
func (m *Machine) JoinGroup(now time.Time, ctx RequestContext, req *kmsg.JoinGroupRequest, reply func(*kmsg.JoinGroupResponse)) machine.Result {
	j := &joinRequest{now: now, ctx: ctx, req: req, reply: reply}
	if g := m.groups[req.Group]; g != nil {
		return m.join(j, g)
	}
	if req.MemberID != "" {
		j.fail(req.MemberID, protocol.UnknownMemberID)
		return machine.Result{}
	}
	return m.joinNewGroup(j)
}

// joinNewGroup creates the group for its first member. The group gets a record at once, so that it is there after the
// coordinator moved; the first member's answer waits for that record.
func (m *Machine) joinNewGroup(j *joinRequest) machine.Result {
	g := newGroup(j.req.Group, j.now)
	m.groups[g.id] = g
	gate := &joinGate{reply: j.reply}
	j.reply = gate.answer
	m.join(j, g) // the first rebalance of a group is delayed, so there are no records yet
	return machine.Result{
		Records:     []machine.Record{newGroupRecord(g)},
		SelfApplied: true,
		Undo:        func(time.Time) { m.removeGroup(g.id) },
		Done: func(_ time.Time, err error) {
			if err == nil {
				gate.open()
				return
			}
			m.log.Warn("could not store a new group", "group", g.id, "err", err)
			gate.answerNow(joinError(j.req.Version, "", machine.ResponseCode(err)))
		},
	}
}

// joinGate holds back the answer to the first member of a group until the group is stored, and lets only one through.
type joinGate struct {
	reply    func(*kmsg.JoinGroupResponse) // nil once answered
	isOpen   bool
	heldBack *kmsg.JoinGroupResponse
}

func (g *joinGate) answer(resp *kmsg.JoinGroupResponse) {
	if g.isOpen {
		g.answerNow(resp)
		return
	}
	g.heldBack = resp
}

func (g *joinGate) answerNow(resp *kmsg.JoinGroupResponse) {
	if reply := g.reply; reply != nil {
		g.reply = nil
		reply(resp)
	}
	g.isOpen = true
}

func (g *joinGate) open() {
	g.isOpen = true
	if g.heldBack != nil {
		g.answerNow(g.heldBack)
	}
}

func (m *Machine) join(j *joinRequest, g *group) machine.Result {
	switch {
	case !m.accepts(g, j.req.MemberID):
		if kicked := g.byID[j.req.MemberID]; kicked != nil {
			m.removeMember(g, kicked)
		}
		m.forgetPending(g, j.req.MemberID)
		j.fail("", protocol.GroupMaxSizeReached)
		return machine.Result{}
	case !g.supports(j.req.ProtocolType, j.req.Protocols):
		j.fail(j.req.MemberID, protocol.InconsistentGroupProtocol)
		return machine.Result{}
	case j.req.MemberID == "":
		return m.joinNewMember(j, g)
	default:
		return m.joinKnownMember(j, g)
	}
}

// accepts reports whether the group has room for the member. During the join phase it is the members that have joined
// that count, so that lowering the limit puts out those who come last.
func (m *Machine) accepts(g *group, memberID string) bool {
	maxSize := int(m.config().MaxSize)
	switch known := g.byID[memberID]; g.state {
	case PreparingRebalance:
		return known != nil && known.join != nil || g.awaitingJoin < maxSize
	case CompletingRebalance, Stable:
		return known != nil || len(g.members) < maxSize
	default:
		return true
	}
}

// joinNewMember handles a sender without a member id.
func (m *Machine) joinNewMember(j *joinRequest, g *group) machine.Result {
	if j.req.InstanceID != nil {
		memberID := *j.req.InstanceID + "-" + m.newUUID()
		if currentID, ok := g.staticIDs[*j.req.InstanceID]; ok {
			return m.replaceStaticMember(j, g, currentID, memberID)
		}
		return m.addMember(j, g, memberID)
	}
	memberID := j.ctx.ClientID + "-" + m.newUUID()
	if j.req.Version < 4 {
		return m.addMember(j, g, memberID)
	}
	m.addPending(j.now, g, memberID, j.req.SessionTimeoutMillis)
	j.fail(memberID, protocol.MemberIDRequired)
	return machine.Result{}
}

// addPending remembers the id that a new member was given, for as long as a session lasts.
func (m *Machine) addPending(now time.Time, g *group, memberID string, sessionTimeoutMs int32) {
	if g.pendingJoin == nil {
		g.pendingJoin = make(map[string]*machine.Timer)
	}
	timer := new(machine.Timer)
	g.pendingJoin[memberID] = timer
	m.timers.Set(timer, now.Add(time.Duration(sessionTimeoutMs)*time.Millisecond), func(now time.Time) machine.Result {
		m.log.Info("a member that was given its id did not join", "group", g.id, "member", memberID)
		delete(g.pendingJoin, memberID)
		if g.state == PreparingRebalance && g.hasAllMembersJoined() {
			return m.completeJoin(now, g)
		}
		return machine.Result{}
	})
}

// forgetPending drops a member id that was given out; it reports whether it was.
func (m *Machine) forgetPending(g *group, memberID string) bool {
	timer, ok := g.pendingJoin[memberID]
	if ok {
		m.timers.Stop(timer)
		delete(g.pendingJoin, memberID)
	}
	return ok
}

// addMember makes the sender a member and begins or continues the join phase.
func (m *Machine) addMember(j *joinRequest, g *group, memberID string) machine.Result {
	added := &member{
		id: memberID, instanceID: j.req.InstanceID,
		clientID: j.ctx.ClientID, clientHost: j.ctx.ClientHost,
		rebalanceTimeoutMs: j.rebalanceTimeoutMs(), sessionTimeoutMs: j.req.SessionTimeoutMillis,
		protocolType: j.req.ProtocolType, protocols: copyProtocols(j.req.Protocols),
		assignment: []byte{}, isNew: true,
	}
	if g.state == PreparingRebalance && g.previousState == Empty {
		g.newMemberAdded = true
	}
	g.add(added)
	m.forgetPending(g, memberID)
	g.parkJoin(added, j.wait())
	m.scheduleExpiry(g, added, j.now, newMemberJoinTimeoutMs)
	return m.rebalanceOrCompleteJoin(j.now, g, "adding new member "+memberID+"; client reason: "+j.reason())
}

// joinKnownMember handles a sender that says who it is.
func (m *Machine) joinKnownMember(j *joinRequest, g *group) machine.Result {
	if _, pending := g.pendingJoin[j.req.MemberID]; pending {
		if j.req.InstanceID != nil {
			// Ids are only handed out in advance to dynamic members.
			j.fail(j.req.MemberID, protocol.UnknownServerError)
			return machine.Result{}
		}
		return m.addMember(j, g, j.req.MemberID)
	}
	if code := g.validateMember(j.req.MemberID, j.req.InstanceID); code != protocol.None {
		j.fail(j.req.MemberID, code)
		return machine.Result{}
	}
	known := g.byID[j.req.MemberID]
	changed := !known.matches(j.req.Protocols)
	switch {
	case g.state == PreparingRebalance:
		return m.rejoin(j, g, known, "member "+known.id+" is joining again")
	case g.state == CompletingRebalance && changed, g.state == Stable && changed:
		return m.rejoin(j, g, known, "member "+known.id+" has changed its metadata")
	case g.state == Stable && g.isLeader(known.id):
		// The leader asks for a rebalance when something changed that the coordinator cannot see, as the number of
		// partitions.
		return m.rejoin(j, g, known, "leader "+known.id+" is joining again")
	case g.state == CompletingRebalance:
		// It has probably not received its answer.
		j.reply(g.joined(j.req.Version, known))
	case g.state == Stable:
		j.reply(g.joinedWithoutMembers(j.req.Version, known.id, g.leaderID))
	default:
		j.fail(j.req.MemberID, protocol.UnknownMemberID)
	}
	return machine.Result{}
}

// rejoin takes over what the member says of itself, and begins or continues the join phase.
func (m *Machine) rejoin(j *joinRequest, g *group, known *member, reason string) machine.Result {
	g.update(known, copyProtocols(j.req.Protocols), j.rebalanceTimeoutMs(), j.req.SessionTimeoutMillis)
	g.parkJoin(known, j.wait())
	return m.rebalanceOrCompleteJoin(j.now, g, reason+"; client reason: "+j.reason())
}
