package group

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// Machine is the state behind one partition of __consumer_offsets. Its methods are called by one goroutine at a time;
// each takes the current time, and answers through the reply function that it is given, exactly once.
type Machine struct {
	config  func() Config
	newUUID func() string
	log     *slog.Logger
	timers  *machine.Timers

	groups  map[string]*group
	offsets offsetStore
	pending pendingOffsets

	cleanupTimer machine.Timer
	// skipped counts the records of unknown types seen while loading, by type.
	skipped map[int16]int
}

// Options are what a Machine is made of.
type Options struct {
	Config  func() Config
	NewUUID func() string // random part of the ids of new members
	Logger  *slog.Logger
	Timers  *machine.Timers
}

// NewMachine returns an empty machine.
func NewMachine(options Options) *Machine {
	return &Machine{
		config: options.Config, newUUID: options.NewUUID, log: options.Logger, timers: options.Timers,
		groups: make(map[string]*group), offsets: make(offsetStore), pending: newPendingOffsets(),
	}
}

// Replay implements machine.Machine.
func (m *Machine) Replay(at int64, r machine.Record) error {
	return m.replay(at, record.NoProducerID, r)
}

func (m *Machine) replay(at, producerID int64, r machine.Record) error {
	kind, err := keyType(r.Key)
	if err != nil {
		return fmt.Errorf("record at offset %d: %w", at, err)
	}
	switch kind {
	case keyLegacyOffsetCommit, keyOffsetCommit:
		err = m.replayOffset(at, producerID, r)
	case keyGroupMetadata:
		err = m.replayGroup(r)
	default:
		if m.skipped == nil {
			m.skipped = make(map[int16]int)
		}
		m.skipped[kind]++
	}
	if err != nil {
		return fmt.Errorf("record at offset %d: %w", at, err)
	}
	return nil
}

func (m *Machine) replayOffset(at, producerID int64, r machine.Record) error {
	var key kmsg.OffsetCommitKey
	if err := key.ReadFrom(r.Key); err != nil {
		return fmt.Errorf("key of an offset commit: %w", err)
	}
	if r.Value == nil {
		m.offsets.remove(key.Group, key.Topic, key.Partition)
		m.pending.drop(key.Group, key.Topic, key.Partition)
		return nil
	}
	o, err := decodeOffset(r.Value)
	if err != nil {
		return err
	}
	o.at = at
	if m.groups[key.Group] == nil {
		// A consumer that only commits offsets: its group is an empty one without a protocol type.
		m.groups[key.Group] = &group{id: key.Group, state: Empty, previousState: Dead, stateSinceMs: -1}
	}
	if producerID != record.NoProducerID {
		m.pending.put(producerID, key.Group, key.Topic, key.Partition, o)
		return nil
	}
	m.offsets.put(key.Group, key.Topic, key.Partition, o)
	return nil
}

func (m *Machine) replayGroup(r machine.Record) error {
	var key kmsg.GroupMetadataKey
	if err := key.ReadFrom(r.Key); err != nil {
		return fmt.Errorf("key of a group's metadata: %w", err)
	}
	if r.Value == nil {
		m.removeGroup(key.Group)
		return nil
	}
	value, err := decodeMetadata(r.Value)
	if err != nil {
		return err
	}
	m.removeGroup(key.Group)
	m.groups[key.Group] = restoreGroup(key.Group, value)
	return nil
}

// restoreGroup makes a group of its record. Members are restored with the one protocol that was agreed on.
func restoreGroup(id string, value *kmsg.GroupMetadataValue) *group {
	g := &group{
		id: id, state: Empty, previousState: Dead, stateSinceMs: value.CurrentStateTimestamp,
		generation: value.Generation, protocolName: value.Protocol,
	}
	if len(value.Members) > 0 {
		g.state = Stable
	}
	if value.Leader != nil {
		g.leaderID = *value.Leader
	}
	for i := range value.Members {
		v := &value.Members[i]
		if g.byID[v.MemberID] != nil || v.InstanceID != nil && g.staticIDs[*v.InstanceID] != "" {
			continue // no coordinator writes this; one of two is better than a partition that cannot be loaded
		}
		restored := &member{
			id: v.MemberID, instanceID: v.InstanceID, clientID: v.ClientID, clientHost: v.ClientHost,
			rebalanceTimeoutMs: v.RebalanceTimeoutMillis, sessionTimeoutMs: v.SessionTimeoutMillis,
			protocolType: value.ProtocolType, assignment: cloneBytes(v.Assignment),
		}
		if restored.rebalanceTimeoutMs == -1 {
			restored.rebalanceTimeoutMs = restored.sessionTimeoutMs
		}
		if value.Protocol != nil {
			restored.protocols = []kmsg.JoinGroupRequestProtocol{
				{Name: *value.Protocol, Metadata: cloneBytes(v.Subscription)},
			}
		}
		g.add(restored)
	}
	g.protocolType = value.ProtocolType
	if g.byID[g.leaderID] == nil {
		g.leaderID = ""
		if len(g.members) > 0 {
			g.leaderID = g.members[0].id
		}
	}
	g.updateSubscribedTopics()
	return g
}

// Loaded implements machine.Machine: sessions begin anew, and the clean-up of offsets is scheduled.
func (m *Machine) Loaded(now time.Time) {
	if m.skipped != nil {
		m.log.Warn("skipped records of types that are not known; they belong to kinds of groups that are not served",
			"records_by_type", m.skipped)
		m.skipped = nil
	}
	for _, id := range m.groupIDs() {
		g := m.groups[id]
		for _, member := range g.members {
			m.scheduleHeartbeat(g, member, now)
		}
		if maxSize := m.config().MaxSize; len(g.members) > int(maxSize) {
			m.prepareRebalance(now, g, fmt.Sprintf("the loaded group has %d members, more than the limit of %d", len(g.members), maxSize))
		}
	}
	m.scheduleCleanup(now)
}

// Unloaded implements machine.Machine.
func (m *Machine) Unloaded(now time.Time) {
	for _, id := range m.groupIDs() {
		g := m.groups[id]
		for _, member := range g.members {
			g.failJoin(member, member.id, protocol.NotCoordinator)
			g.failSync(member, protocol.NotCoordinator)
		}
		g.transition(Dead, now)
	}
	m.timers.StopAll()
}

// groupIDs returns the ids of all groups in order, so that whatever walks the groups is deterministic.
func (m *Machine) groupIDs() []string {
	ids := make([]string, 0, len(m.groups))
	for id := range m.groups {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// removeGroup forgets the group and stops its timers. Its offsets have records of their own.
func (m *Machine) removeGroup(id string) {
	g := m.groups[id]
	if g == nil {
		return
	}
	delete(m.groups, id)
	m.timers.Stop(&g.joinTimer)
	m.timers.Stop(&g.syncTimer)
	for _, t := range g.pendingJoin {
		m.timers.Stop(t)
	}
	for _, member := range g.members {
		m.timers.Stop(&member.heartbeat)
	}
}
