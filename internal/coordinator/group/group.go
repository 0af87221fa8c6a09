package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// group is one classic group. A group without a protocol type is a simple one: it only holds offsets.
type group struct {
	id            string
	state         State
	previousState State
	stateSinceMs  int64 // -1 when the log does not say
	protocolType  string
	protocolName  *string // what the members agreed on; nil before the first rebalance and when empty
	generation    int32
	leaderID      string // "" while there is none

	// members are in the order in which they joined, so that whatever walks them is deterministic.
	members []*member
	byID    map[string]*member
	// staticIDs maps the instance id of a static member to its member id.
	staticIDs map[string]string
	// pendingJoin holds the members that were given an id and told to join again with it (KIP-394), with the timer
	// that forgets them.
	pendingJoin map[string]*machine.Timer
	// pendingSync holds the members of this generation that have not sent SyncGroup yet.
	pendingSync map[string]struct{}
	// supporters counts, for each protocol, the members that support it.
	supporters map[string]int
	// awaitingJoin counts the members whose JoinGroup waits.
	awaitingJoin int
	// newMemberAdded prolongs the first rebalance.
	newMemberAdded bool
	// subscribed holds the topics that the members of a "consumer" group are subscribed to; topicsKnown is false
	// where they cannot be told.
	subscribed  map[string]struct{}
	topicsKnown bool

	joinTimer machine.Timer // ends the join phase
	syncTimer machine.Timer // ends the sync phase
}

func newGroup(id string, now time.Time) *group {
	return &group{id: id, state: Empty, previousState: Dead, stateSinceMs: now.UnixMilli()}
}

func (g *group) transition(to State, now time.Time) {
	g.previousState, g.state = g.state, to
	g.stateSinceMs = now.UnixMilli()
}

func (g *group) canRebalance() bool { return PreparingRebalance.follows(g.state) }

func (g *group) isLeader(memberID string) bool { return memberID != "" && g.leaderID == memberID }

func (g *group) usesConsumerProtocol() bool { return g.protocolType == consumerProtocolType }

// hasAllMembersJoined reports whether nobody is missing in the join phase.
func (g *group) hasAllMembersJoined() bool {
	return g.awaitingJoin == len(g.members) && len(g.pendingJoin) == 0
}

// rebalanceTimeout is the longest of the members' rebalance timeouts.
func (g *group) rebalanceTimeout() time.Duration {
	var longestMs int32
	for _, m := range g.members {
		longestMs = max(longestMs, m.rebalanceTimeoutMs)
	}
	return time.Duration(longestMs) * time.Millisecond
}

// add makes m a member, the leader if there is none.
func (g *group) add(m *member) {
	if g.byID == nil {
		g.byID = make(map[string]*member)
	}
	if len(g.members) == 0 {
		g.protocolType = m.protocolType
	}
	if g.leaderID == "" {
		g.leaderID = m.id
	}
	g.members = append(g.members, m)
	g.byID[m.id] = m
	if m.isStatic() {
		g.setStaticID(*m.instanceID, m.id)
	}
	g.countSupport(m, 1)
	if m.join != nil {
		g.awaitingJoin++
	}
}

func (g *group) setStaticID(instanceID, memberID string) {
	if g.staticIDs == nil {
		g.staticIDs = make(map[string]string)
	}
	g.staticIDs[instanceID] = memberID
}

// remove takes the member out; another becomes the leader if it was. The caller has answered its requests.
func (g *group) remove(m *member) {
	delete(g.byID, m.id)
	for i := range g.members {
		if g.members[i] == m {
			g.members = append(g.members[:i], g.members[i+1:]...)
			break
		}
	}
	g.countSupport(m, -1)
	if m.join != nil {
		g.awaitingJoin--
		m.join = nil
	}
	if m.isStatic() {
		delete(g.staticIDs, *m.instanceID)
	}
	if g.isLeader(m.id) {
		g.leaderID = ""
		if len(g.members) > 0 {
			g.leaderID = g.members[0].id
		}
	}
	delete(g.pendingSync, m.id)
}

// electJoinedLeader makes sure that the leader is a member that has joined; it reports whether there is one.
func (g *group) electJoinedLeader() bool {
	if g.leaderID == "" {
		return false
	}
	if leader := g.byID[g.leaderID]; leader.join != nil {
		return true
	}
	for _, m := range g.members {
		if m.join != nil {
			g.leaderID = m.id
			return true
		}
	}
	return false
}

// replaceStatic puts a member with a new id in the place of a static one, which keeps the assignment.
func (g *group) replaceStatic(old *member, newID string) *member {
	replacement := &member{
		id: newID, instanceID: old.instanceID, clientID: old.clientID, clientHost: old.clientHost,
		rebalanceTimeoutMs: old.rebalanceTimeoutMs, sessionTimeoutMs: old.sessionTimeoutMs,
		protocolType: old.protocolType, protocols: old.protocols, assignment: old.assignment,
	}
	delete(g.byID, old.id)
	g.byID[newID] = replacement
	for i := range g.members {
		if g.members[i] == old {
			g.members[i] = replacement
		}
	}
	if g.leaderID == old.id {
		g.leaderID = newID
	}
	if _, waits := g.pendingSync[old.id]; waits {
		delete(g.pendingSync, old.id)
		g.pendingSync[newID] = struct{}{}
	}
	g.setStaticID(*old.instanceID, newID)
	return replacement
}

// update takes over what a member says of itself in a JoinGroup request.
func (g *group) update(m *member, protocols []kmsg.JoinGroupRequestProtocol, rebalanceTimeoutMs, sessionTimeoutMs int32) {
	g.countSupport(m, -1)
	m.protocols = protocols
	g.countSupport(m, 1)
	m.rebalanceTimeoutMs, m.sessionTimeoutMs = rebalanceTimeoutMs, sessionTimeoutMs
}

// validateMember checks the identity that a request claims.
func (g *group) validateMember(memberID string, instanceID *string) protocol.Code {
	if instanceID != nil {
		switch current, ok := g.staticIDs[*instanceID]; {
		case !ok:
			return protocol.UnknownMemberID
		case current != memberID:
			return protocol.FencedInstanceID
		}
	}
	if g.byID[memberID] == nil {
		return protocol.UnknownMemberID
	}
	return protocol.None
}

// nextGeneration starts the next generation with the members that there are.
func (g *group) nextGeneration(now time.Time) {
	g.generation++
	if len(g.members) > 0 {
		name := g.selectProtocol()
		g.protocolName = &name
		g.updateSubscribedTopics()
		g.transition(CompletingRebalance, now)
	} else {
		g.protocolName = nil
		g.updateSubscribedTopics()
		g.transition(Empty, now)
	}
	clear(g.pendingSync)
}

// joinMembers are the members as the leader's JoinGroup answer lists them.
func (g *group) joinMembers() []kmsg.JoinGroupResponseMember {
	members := make([]kmsg.JoinGroupResponseMember, 0, len(g.members))
	for _, m := range g.members {
		listed := kmsg.NewJoinGroupResponseMember()
		listed.MemberID, listed.InstanceID = m.id, m.instanceID
		if g.protocolName != nil {
			listed.ProtocolMetadata, _ = m.metadata(*g.protocolName)
		}
		members = append(members, listed)
	}
	return members
}
