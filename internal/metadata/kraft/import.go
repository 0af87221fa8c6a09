package kraft

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"ottla.dev/ottla/internal/metadata"
)

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String returns the name of the partition's directory.
func (p TopicPartition) String() string { return p.Topic + "-" + strconv.Itoa(int(p.Partition)) }

// Node is the one that takes metadata over, or gives it away.
type Node struct {
	ID          int32
	Directories map[metadata.UUID]bool           // of its log directories
	Placed      map[TopicPartition]metadata.UUID // in which of them the logs lie that are there
}

// directoryLost is the id that stands for a directory which went offline.
var directoryLost = metadata.UUID{15: 1}

// Import is what a node begins with that takes over the metadata of Apache Kafka.
type Import struct {
	Records []metadata.Record // all but the cluster's id

	Topics, Partitions, Configs int
	// Elsewhere are the partitions that this node has no replica of, OutOfSync those whose replica here lacks acknowledged records:
	// neither is served. Missing are those without a log on this node's disks.
	Elsewhere, OutOfSync, Missing []TopicPartition
	// Features are those that are finalized and not served, with their levels.
	Features []string
	// What there is no place for.
	ACLs, Credentials, Quotas, Tokens int
}

// Import turns the state into records for a node that is alone from now on. It refuses what would lose data.
func (s *State) Import(n Node) (*Import, error) {
	im := &Import{ACLs: len(s.ACLs), Credentials: len(s.Credentials), Quotas: len(s.Quotas), Tokens: len(s.Tokens)}
	if err := im.features(s); err != nil {
		return nil, err
	}
	unknown := map[metadata.UUID][]TopicPartition{}
	for _, t := range s.SortedTopics() {
		im.Topics++
		im.Records = append(im.Records, metadata.TopicRecord{Name: t.Name, TopicID: t.ID})
		for i := range int32(len(t.Partitions)) {
			im.partition(n, t, t.Partitions[i], unknown)
		}
	}
	if err := refuseUnknown(unknown); err != nil {
		return nil, err
	}
	for _, r := range slices.SortedFunc(maps.Keys(s.Configs), compareResources) {
		im.Configs += len(s.Configs[r])
		im.Records = append(im.Records, metadata.ResourceConfigsRecord{Resource: r, Configs: maps.Clone(s.Configs[r])})
	}
	if s.NextProducerID > 0 {
		im.Records = append(im.Records, metadata.ProducerIDsRecord{BrokerID: -1, BrokerEpoch: -1, NextProducerID: s.NextProducerID})
	}
	return im, nil
}

// features finalizes what is served, at the level that the cluster has or at the highest that is served.
func (im *Import) features(s *State) error {
	for _, name := range slices.Sorted(maps.Keys(s.Features)) {
		level := s.Features[name]
		f, served := metadata.FeatureByName(name)
		switch {
		case !served:
			im.Features = append(im.Features, fmt.Sprintf("%s=%d", name, level))
			continue
		case level >= f.Range.Min && level <= f.Range.Max:
		case name == metadata.MetadataVersion:
			return fmt.Errorf("the cluster has %s %d, and this version of Ottla supports %d to %d", name, level, f.Range.Min, f.Range.Max)
		default:
			im.Features = append(im.Features, fmt.Sprintf("%s=%d", name, level))
			level = min(max(level, f.Range.Min), f.Range.Max)
		}
		im.Records = append(im.Records, metadata.FeatureLevelRecord{Name: name, Level: level})
	}
	return nil
}

// partition imports one partition without a leader: the node becomes it, in a new epoch, when it is ready.
func (im *Import) partition(n Node, t *Topic, r *PartitionRecord, unknown map[metadata.UUID][]TopicPartition) {
	tp := TopicPartition{t.Name, r.PartitionID}
	im.Partitions++
	p := metadata.Partition{
		Leader: metadata.NoLeader, LeaderEpoch: r.LeaderEpoch, PartitionEpoch: r.PartitionEpoch, LeaderRecovering: r.LeaderRecoveryState != 0,
		Replicas: slices.Clone(r.Replicas), ISR: slices.Clone(r.ISR), Directories: servedDirectories(r),
	}
	at := slices.Index(r.Replicas, n.ID)
	placed, onDisk := n.Placed[tp]
	elr, lastKnown := slices.Clone(r.EligibleLeaderReplicas), slices.Clone(r.LastKnownELR)
	switch alone := len(r.Replicas) == 1; {
	case at < 0:
		im.Elsewhere = append(im.Elsewhere, tp)
	case !alone && !slices.Contains(r.ISR, n.ID):
		im.OutOfSync = append(im.OutOfSync, tp)
	default:
		p.ISR, elr, lastKnown = []int32{n.ID}, nil, nil
	}
	if at >= 0 {
		if p.Directories == nil {
			p.Directories = make([]metadata.UUID, len(r.Replicas))
		}
		switch {
		case onDisk:
			p.Directories[at] = placed
		case at < len(r.Directories) && gone(n, r.Directories[at]):
			unknown[r.Directories[at]] = append(unknown[r.Directories[at]], tp)
		default:
			im.Missing = append(im.Missing, tp)
		}
	}
	p = p.WithRare(elr, lastKnown, slices.Clone(r.AddingReplicas), slices.Clone(r.RemovingReplicas))
	im.Records = append(im.Records, metadata.PartitionRecord{TopicID: t.ID, PartitionID: r.PartitionID, Partition: p})
}

// servedDirectories returns the directories of the replicas, without the ids that are no directories; nil if nothing is told.
func servedDirectories(r *PartitionRecord) []metadata.UUID {
	if len(r.Directories) != len(r.Replicas) {
		return nil
	}
	dirs := slices.Clone(r.Directories)
	for i, id := range dirs {
		if id.Reserved() {
			dirs[i] = metadata.UUID{}
		}
	}
	return dirs
}

// gone reports whether a replica was in a directory that the node does not have.
func gone(n Node, id metadata.UUID) bool {
	if id.Reserved() {
		return id == directoryLost
	}
	return !n.Directories[id]
}

// refuseUnknown stands up for partitions that would be made anew, empty, because the directory with their logs is not there.
func refuseUnknown(unknown map[metadata.UUID][]TopicPartition) error {
	if len(unknown) == 0 {
		return nil
	}
	id := slices.MinFunc(slices.Collect(maps.Keys(unknown)), compareIDs)
	what := fmt.Sprintf("the log directory with the id %s", id)
	if id == directoryLost {
		what = "a log directory that went offline"
	}
	return fmt.Errorf("%s holds %s (%d in all) and is none of log.dirs: add it, so that they are not made anew without their records", what, unknown[id][0], len(unknown[id]))
}
