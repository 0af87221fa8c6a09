package controller

import (
	"slices"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// maxRecords bounds what one request may change, and maxPartitions what one request may create, as in KRaft.
const (
	maxRecords    = 10_000
	maxPartitions = 10_000
)

var errTooManyRecords = protocol.Errorf(protocol.PolicyViolation, "Unable to perform excessively large batch operation.")

// newPartition returns a partition with its first leader, the first replica that is there. ok is false if none is.
func newPartition(img *metadata.Image, replicas []int32) (p metadata.Partition, ok bool) {
	isr := make([]int32, 0, len(replicas))
	dirs := make([]metadata.UUID, len(replicas))
	for i, id := range replicas {
		b := img.Brokers[id]
		dirs[i] = b.DefaultDir()
		if b.Active() {
			isr = append(isr, id)
		}
	}
	if len(isr) == 0 {
		return p, false
	}
	return metadata.Partition{Leader: isr[0], Replicas: replicas, ISR: isr, Directories: dirs}, true
}

// checkManual checks the replicas that a request gives for a partition. replicas is how many the earlier partitions of
// the topic have; 0 if this is the first.
func checkManual(img *metadata.Image, ids []int32, replicas int) error {
	if len(ids) == 0 {
		return protocol.Errorf(protocol.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	}
	sorted := slices.Sorted(slices.Values(ids))
	for i, id := range sorted {
		if img.Brokers[id] == nil {
			return protocol.Errorf(protocol.InvalidReplicaAssignment, "The manual partition assignment includes broker %d, but no such broker is registered.", id)
		}
		if i > 0 && sorted[i-1] == id {
			return protocol.Errorf(protocol.InvalidReplicaAssignment, "The manual partition assignment includes the broker %d more than once.", id)
		}
	}
	if replicas != 0 && replicas != len(ids) {
		return protocol.Errorf(protocol.InvalidReplicaAssignment, "The manual partition assignment includes a partition with %d replica(s), but this is not consistent with previous partitions, which have %d replica(s).", len(ids), replicas)
	}
	return nil
}

func errAllFenced(partition int) error {
	return protocol.Errorf(protocol.InvalidReplicaAssignment, "All brokers specified in the manual partition assignment for partition %d are fenced or in controlled shutdown.", partition)
}

// placeAll places partitions by the cluster's own choice.
func placeAll(env Env, img *metadata.Image, partitions, replicas int) ([]metadata.Partition, error) {
	placer, err := newPlacer(img, env.Random)
	if err != nil {
		return nil, err
	}
	if err := placer.check(replicas); err != nil {
		return nil, err
	}
	placed := make([]metadata.Partition, partitions)
	for i := range placed {
		p, ok := newPartition(img, placer.place(replicas))
		if !ok {
			return nil, errNoActive
		}
		placed[i] = p
	}
	return placed, nil
}

var errNoActive = protocol.Errorf(protocol.InvalidReplicationFactor, "All brokers are currently fenced or in controlled shutdown.")

func cannotReplicate(replicas int, err error) error {
	text := err.Error()
	if message := protocol.MessageOf(err); message != nil {
		text = *message
	}
	return protocol.Errorf(protocol.CodeOf(err), "Unable to replicate the partition %d time(s): %s", replicas, text)
}

func partitionRecords(id metadata.UUID, first int, partitions []metadata.Partition) []metadata.Record {
	records := make([]metadata.Record, len(partitions))
	for i, p := range partitions {
		records[i] = metadata.PartitionRecord{TopicID: id, PartitionID: int32(first + i), Partition: p}
	}
	return records
}
