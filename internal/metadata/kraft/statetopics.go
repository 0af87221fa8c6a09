package kraft

import (
	"fmt"
	"math"

	"ottla.dev/ottla/internal/metadata"
)

// The values by which a PartitionChangeRecord says that a field stays as it is.
const (
	noLeaderChange   int32 = -2
	noRecoveryChange int8  = -1
)

// maxPartitions bounds a topic, so that a damaged number cannot ask for all memory.
const maxPartitions = 1 << 20

func (s *State) addTopic(r *TopicRecord) error {
	if _, taken := s.Topics[r.TopicID]; taken {
		return fmt.Errorf("topic %q has the id %s of another topic", r.Name, r.TopicID)
	}
	if id, taken := s.names[r.Name]; taken {
		return fmt.Errorf("topic %q is there already, with the id %s", r.Name, id)
	}
	s.SetTopic(&Topic{Name: r.Name, ID: r.TopicID, Partitions: map[int32]*PartitionRecord{}})
	return nil
}

func (s *State) removeTopic(r *RemoveTopicRecord) error {
	t, err := s.topicByID(r.TopicID)
	if err != nil {
		return err
	}
	delete(s.Topics, t.ID)
	delete(s.names, t.Name)
	delete(s.Configs, metadata.TopicResource(t.Name))
	return nil
}

func (s *State) topicByID(id metadata.UUID) (*Topic, error) {
	if t := s.Topics[id]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("no topic has the id %s", id)
}

func (s *State) setPartition(r *PartitionRecord) error {
	t, err := s.topicByID(r.TopicID)
	if err != nil {
		return err
	}
	if r.PartitionID < 0 || r.PartitionID >= maxPartitions {
		return fmt.Errorf("topic %q: partition %d", t.Name, r.PartitionID)
	}
	if len(r.Directories) != 0 && len(r.Directories) != len(r.Replicas) {
		return fmt.Errorf("topic %q: partition %d has %d replicas and %d directories", t.Name, r.PartitionID, len(r.Replicas), len(r.Directories))
	}
	t.Partitions[r.PartitionID] = r
	return nil
}

// changePartition applies a change by KRaft's rules for the epochs: every change raises the partition's, one of the leader that of the
// leader, also where the leader becomes the one that it was.
func (s *State) changePartition(r *PartitionChangeRecord) error {
	t, err := s.topicByID(r.TopicID)
	if err != nil {
		return err
	}
	p := t.Partitions[r.PartitionID]
	if p == nil {
		return fmt.Errorf("topic %q has no partition %d", t.Name, r.PartitionID)
	}
	if p.PartitionEpoch == math.MaxInt32 || p.LeaderEpoch == math.MaxInt32 {
		return fmt.Errorf("topic %q: partition %d has the last epoch that there is", t.Name, r.PartitionID)
	}
	p.PartitionEpoch++
	if r.Leader != noLeaderChange {
		p.Leader = r.Leader
		p.LeaderEpoch++
	}
	if r.LeaderRecoveryState != noRecoveryChange {
		p.LeaderRecoveryState = r.LeaderRecoveryState
	}
	replaced := r.Replicas != nil
	replace(&p.Replicas, r.Replicas)
	replace(&p.ISR, r.ISR)
	replace(&p.RemovingReplicas, r.RemovingReplicas)
	replace(&p.AddingReplicas, r.AddingReplicas)
	replace(&p.EligibleLeaderReplicas, r.EligibleLeaderReplicas)
	replace(&p.LastKnownELR, r.LastKnownELR)
	replace(&p.Directories, r.Directories)
	if len(p.Directories) != len(p.Replicas) {
		if !replaced && len(p.Directories) != 0 {
			return fmt.Errorf("topic %q: partition %d has %d replicas and %d directories", t.Name, r.PartitionID, len(p.Replicas), len(p.Directories))
		}
		p.Directories = nil // other replicas, and nobody has told yet where they are
	}
	return nil
}

func replace[T any](field *[]T, value []T) {
	if value != nil {
		*field = value
	}
}

// clearELR forgets the eligible leader replicas of a topic, or of all ("").
func (s *State) clearELR(r *ClearELRRecord) error {
	if r.TopicName != "" && s.Topic(r.TopicName) == nil {
		return fmt.Errorf("there is no topic %q", r.TopicName)
	}
	for _, t := range s.Topics {
		if r.TopicName == "" || t.Name == r.TopicName {
			for _, p := range t.Partitions {
				p.EligibleLeaderReplicas, p.LastKnownELR = nil, nil
			}
		}
	}
	return nil
}

// Check tells what only the whole shows: a topic whose partitions have gaps.
func (s *State) Check() error {
	for _, t := range s.SortedTopics() {
		if len(t.Partitions) == 0 {
			return fmt.Errorf("topic %q has no partitions", t.Name)
		}
		for i := range int32(len(t.Partitions)) {
			if t.Partitions[i] == nil {
				return fmt.Errorf("topic %q lacks partition %d of %d", t.Name, i, len(t.Partitions))
			}
		}
	}
	return nil
}
