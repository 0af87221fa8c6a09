package kraft

import (
	"maps"
	"slices"

	"ottla.dev/ottla/internal/metadata"
)

// Export returns the log that tells Apache Kafka what the image does: the state of an image, at the offset after what was in the log before
// (nil: there was none). What Ottla has no place for stays as it was: ACLs, credentials, quotas, tokens, and the levels of features that are
// not served, which otherwise come from others, the levels that a cluster has from its beginning.
func Export(img *metadata.Image, n Node, before *Log, others map[string]int16) *Log {
	l := &Log{State: NewState(), Epoch: 1}
	if before != nil {
		old := before.State
		l.State.ACLs, l.State.Credentials, l.State.Quotas, l.State.Tokens = old.ACLs, old.Credentials, old.Quotas, old.Tokens
		l.KRaftVersion, l.Voters = before.KRaftVersion, before.Voters
		l.End, l.Epoch = before.End, max(before.Epoch, 1)
		if !old.Empty() {
			others = old.Features
		}
	}
	l.End++
	s := l.State
	for name, level := range others {
		if _, served := metadata.FeatureByName(name); !served {
			s.Features[name] = level
		}
	}
	maps.Copy(s.Features, img.Features)
	for t := range img.Topics() {
		topic := &Topic{Name: t.Name, ID: t.ID, Partitions: map[int32]*PartitionRecord{}}
		for i, p := range t.Partitions {
			topic.Partitions[int32(i)] = exportPartition(n, t, int32(i), p)
		}
		s.SetTopic(topic)
	}
	for _, kind := range []metadata.ResourceType{metadata.ResourceTopic, metadata.ResourceBroker, metadata.ResourceClientMetrics, metadata.ResourceGroup} {
		for _, r := range img.ConfigResources(kind) {
			s.Configs[r] = maps.Clone(img.Configs(r))
		}
	}
	s.NextProducerID = img.NextProducerID
	return l
}

// exportPartition leaves the partition without a leader, as a broker does that stops: the controller elects it again, in a new epoch.
func exportPartition(n Node, t *metadata.Topic, index int32, p *metadata.Partition) *PartitionRecord {
	r := &PartitionRecord{
		PartitionID: index, TopicID: t.ID, Replicas: p.Replicas, ISR: p.ISR, RemovingReplicas: p.RemovingReplicas(), AddingReplicas: p.AddingReplicas(),
		Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch,
		EligibleLeaderReplicas: orNil(p.ELR()), LastKnownELR: orNil(p.LastKnownELR()),
	}
	if p.LeaderRecovering {
		r.LeaderRecoveryState = 1
	}
	if r.Leader == n.ID {
		r.Leader = metadata.NoLeader
		r.LeaderEpoch++
		r.PartitionEpoch++
	}
	r.Directories = make([]metadata.UUID, len(p.Replicas))
	copy(r.Directories, p.Directories)
	if at := slices.Index(p.Replicas, n.ID); at >= 0 {
		if dir, ok := n.Placed[TopicPartition{t.Name, index}]; ok {
			r.Directories[at] = dir
		} else if !n.Directories[r.Directories[at]] {
			r.Directories[at] = metadata.UUID{} // unassigned: the broker chooses
		}
	}
	return r
}

// orNil keeps a tagged field out where there is nothing to tell.
func orNil(list []int32) []int32 {
	if len(list) == 0 {
		return nil
	}
	return list
}
