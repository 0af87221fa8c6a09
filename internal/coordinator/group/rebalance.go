package group

import (
	"fmt"
	"slices"
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// A rebalance has two phases. In the join phase (PreparingRebalance) the members send JoinGroup and wait; it ends when
// all have, or when the rebalance timeout is over, and everybody learns the generation. In the sync phase
// (CompletingRebalance) they send SyncGroup and wait for the leader's assignment; when that is committed the group is
// Stable. Any change of the members on the way begins the join phase anew.

// rebalanceOrCompleteJoin begins a rebalance where the state allows it, else it may end the join phase.
func (m *Machine) rebalanceOrCompleteJoin(now time.Time, g *group, reason string) machine.Result {
	if g.canRebalance() {
		return m.prepareRebalance(now, g, reason)
	}
	return m.maybeCompleteJoin(now, g)
}

// prepareRebalance begins the join phase.
func (m *Machine) prepareRebalance(now time.Time, g *group, reason string) machine.Result {
	if g.state == CompletingRebalance {
		m.resetAssignments(now, g, protocol.RebalanceInProgress)
	}
	clear(g.pendingSync)
	m.timers.Stop(&g.syncTimer)

	initial := g.state == Empty
	if initial {
		// The first members have come; more of them are likely to follow at once.
		delay := time.Duration(m.config().InitialRebalanceDelayMs) * time.Millisecond
		m.scheduleInitialRebalance(now, g, delay, max(g.rebalanceTimeout()-delay, 0))
	}
	m.log.Info("preparing to rebalance group", "group", g.id, "state", g.state, "generation", g.generation, "reason", reason)
	g.transition(PreparingRebalance, now)
	switch {
	case initial:
		return machine.Result{}
	case g.hasAllMembersJoined():
		return m.completeJoin(now, g)
	default:
		m.scheduleJoinEnd(now, g)
		return machine.Result{}
	}
}

// minRejoinWait is the least time until the join phase is looked at again when nobody has joined. The rebalance timeout
// is the clients' choice, and may be nothing.
const minRejoinWait = time.Second

func (m *Machine) scheduleJoinEnd(now time.Time, g *group) {
	m.scheduleJoinEndIn(now, g, g.rebalanceTimeout())
}

func (m *Machine) scheduleJoinEndIn(now time.Time, g *group, delay time.Duration) {
	m.timers.Set(&g.joinTimer, now.Add(delay), func(now time.Time) machine.Result {
		return m.completeJoin(now, g)
	})
}

// scheduleInitialRebalance waits for delay; if members came meanwhile, it waits again, as long as remaining lasts.
func (m *Machine) scheduleInitialRebalance(now time.Time, g *group, delay, remaining time.Duration) {
	m.timers.Set(&g.joinTimer, now.Add(delay), func(now time.Time) machine.Result {
		if !g.newMemberAdded || remaining == 0 {
			return m.completeJoin(now, g)
		}
		g.newMemberAdded = false
		configured := time.Duration(m.config().InitialRebalanceDelayMs) * time.Millisecond
		m.scheduleInitialRebalance(now, g, min(configured, remaining), max(remaining-delay, 0))
		return machine.Result{}
	})
}

// maybeCompleteJoin ends the join phase if everybody has joined. The first rebalance of a group keeps its delay.
func (m *Machine) maybeCompleteJoin(now time.Time, g *group) machine.Result {
	if g.state != PreparingRebalance || g.previousState == Empty || !g.hasAllMembersJoined() {
		return machine.Result{}
	}
	return m.completeJoin(now, g)
}

// completeJoin ends the join phase: dynamic members that have not joined again are out, and the next generation begins.
func (m *Machine) completeJoin(now time.Time, g *group) machine.Result {
	m.timers.Stop(&g.joinTimer)
	if g.state != PreparingRebalance {
		return machine.Result{}
	}
	for _, late := range slices.Clone(g.members) {
		if late.join == nil && !late.isStatic() {
			m.log.Info("member did not join the rebalance in time", "group", g.id, "member", late.id)
			m.removeMember(g, late)
		}
	}
	if len(g.members) > 0 && !g.electJoinedLeader() {
		// Only static members that are away are left: their session timeouts decide.
		m.log.Info("nobody joined the rebalance, waiting for the sessions of the static members", "group", g.id)
		m.scheduleJoinEndIn(now, g, max(g.rebalanceTimeout(), minRejoinWait))
		return machine.Result{}
	}
	g.nextGeneration(now)
	if g.state == Empty {
		return m.storeEmptied(g)
	}
	m.log.Info("stabilized group", "group", g.id, "generation", g.generation, "members", len(g.members))
	for _, joined := range g.members {
		if w := g.takeJoin(joined); w != nil {
			w.reply(g.joined(w.version, joined))
		}
		m.scheduleHeartbeat(g, joined, now)
		joined.isNew = false
		g.addPendingSync(joined.id)
	}
	m.scheduleSyncEnd(now, g)
	return machine.Result{}
}

// storeEmptied makes it durable that the last member is gone. If that fails and the coordinator moves before another
// rebalance, the previous generation comes back; its members' sessions then time out.
func (m *Machine) storeEmptied(g *group) machine.Result {
	m.log.Info("group is now empty", "group", g.id, "generation", g.generation)
	return machine.Result{
		Records:     []machine.Record{metadataRecord(g, nil)},
		SelfApplied: true,
		Done: func(_ time.Time, err error) {
			if err != nil {
				m.log.Warn("could not store that a group is empty", "group", g.id, "err", err)
			}
		},
	}
}

func (g *group) addPendingSync(memberID string) {
	if g.pendingSync == nil {
		g.pendingSync = make(map[string]struct{})
	}
	g.pendingSync[memberID] = struct{}{}
}

// scheduleSyncEnd gives the members of the new generation the rebalance timeout to send SyncGroup. One that heartbeats
// and never syncs would else hold partitions that it does not consume.
func (m *Machine) scheduleSyncEnd(now time.Time, g *group) {
	generation := g.generation
	m.timers.Set(&g.syncTimer, now.Add(g.rebalanceTimeout()), func(now time.Time) machine.Result {
		return m.expireSync(now, g, generation)
	})
}

func (m *Machine) expireSync(now time.Time, g *group, generation int32) machine.Result {
	inSync := g.state == CompletingRebalance || g.state == Stable
	if generation != g.generation || !inSync || len(g.pendingSync) == 0 {
		return machine.Result{}
	}
	removed := 0
	for _, late := range slices.Clone(g.members) {
		if _, waits := g.pendingSync[late.id]; waits {
			m.removeMember(g, late)
			removed++
		}
	}
	return m.prepareRebalance(now, g, fmt.Sprintf("%d members sent no SyncGroup in time", removed))
}

// gotSync notes that the member has sent SyncGroup.
func (m *Machine) gotSync(g *group, memberID string) {
	delete(g.pendingSync, memberID)
	if len(g.pendingSync) == 0 {
		m.timers.Stop(&g.syncTimer)
	}
}

// resetAssignments takes away what the members were assigned and answers those that wait for an assignment.
func (m *Machine) resetAssignments(now time.Time, g *group, code protocol.Code) {
	for _, member := range g.members {
		member.assignment = []byte{}
		if member.sync != nil {
			g.failSync(member, code)
			m.scheduleHeartbeat(g, member, now)
		}
	}
}

// scheduleHeartbeat begins the member's session anew.
func (m *Machine) scheduleHeartbeat(g *group, member *member, now time.Time) {
	m.scheduleExpiry(g, member, now, member.sessionTimeoutMs)
}

func (m *Machine) scheduleExpiry(g *group, member *member, now time.Time, timeoutMs int32) {
	m.timers.Set(&member.heartbeat, now.Add(time.Duration(timeoutMs)*time.Millisecond), func(now time.Time) machine.Result {
		return m.expireMember(now, g, member)
	})
}

// expireMember removes a member whose session is over. One that waits in JoinGroup or SyncGroup is alive; its session
// begins anew when it is answered.
func (m *Machine) expireMember(now time.Time, g *group, member *member) machine.Result {
	if g.byID[member.id] != member || member.hasSatisfiedHeartbeat() {
		return machine.Result{}
	}
	m.log.Info("member has failed, removing it", "group", g.id, "member", member.id)
	m.removeMember(g, member)
	return m.afterRemoval(now, g, "removing member "+member.id+" on heartbeat expiration")
}

// afterRemoval continues after members have left: those that are left rebalance, or the one that everybody waited for
// is gone.
func (m *Machine) afterRemoval(now time.Time, g *group, reason string) machine.Result {
	switch {
	case g.state == Stable || g.state == CompletingRebalance:
		return m.prepareRebalance(now, g, reason)
	case g.state == PreparingRebalance && g.hasAllMembersJoined():
		return m.completeJoin(now, g)
	default:
		return machine.Result{}
	}
}

// removeMember takes the member out of the group. What it waits for is answered, so that it knows when it is alive.
func (m *Machine) removeMember(g *group, member *member) {
	m.timers.Stop(&member.heartbeat)
	g.failJoin(member, "", protocol.UnknownMemberID)
	g.failSync(member, protocol.UnknownMemberID)
	g.remove(member)
}
