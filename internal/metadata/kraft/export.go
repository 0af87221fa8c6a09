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
	s.Brokers[n.ID] = exportBroker(img, n, s.Features)
	return l
}

// unknownEpoch is what a broker tells of its life before where that was not one of Apache Kafka: Ottla writes it into the mark of a clean
// shutdown, and without the mark it is the same.
const unknownEpoch = -1

// exportBroker registers the node in the epoch that it will tell of its life before. A controller takes another epoch, or no registration,
// for a crash of the broker, after which it believes none of its replicas to be in sync (KIP-966), and nobody leads the partitions. There
// are no others that could: what the only replica has is what there is.
func exportBroker(img *metadata.Image, n Node, features map[string]int16) *RegisterBrokerRecord {
	r := &RegisterBrokerRecord{BrokerID: n.ID, BrokerEpoch: unknownEpoch, EndPoints: []BrokerEndpoint{}, Fenced: true}
	if b := img.Brokers[n.ID]; b != nil {
		r.IncarnationID, r.Rack = b.IncarnationID, b.Rack
		for _, e := range b.Endpoints {
			r.EndPoints = append(r.EndPoints, BrokerEndpoint{Name: e.Name, Host: e.Host, Port: uint16(e.Port), SecurityProtocol: e.SecurityProtocol})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(features)) {
		r.Features = append(r.Features, BrokerFeature{Name: name, MinSupportedVersion: min(features[name], 1), MaxSupportedVersion: features[name]})
	}
	r.LogDirs = slices.SortedFunc(maps.Keys(n.Directories), compareIDs)
	return r
}

func compareIDs(a, b metadata.UUID) int { return slices.Compare(a[:], b[:]) }

// exportPartition leaves the leader as it is: the controller takes it away and elects it again, in a new epoch, when the broker registers.
func exportPartition(n Node, t *metadata.Topic, index int32, p *metadata.Partition) *PartitionRecord {
	r := &PartitionRecord{
		PartitionID: index, TopicID: t.ID, Replicas: p.Replicas, ISR: p.ISR, RemovingReplicas: p.RemovingReplicas(), AddingReplicas: p.AddingReplicas(),
		Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch,
		EligibleLeaderReplicas: orNil(p.ELR()), LastKnownELR: orNil(p.LastKnownELR()),
	}
	if p.LeaderRecovering {
		r.LeaderRecoveryState = 1
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
