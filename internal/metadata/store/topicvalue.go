package store

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"ottla.dev/ottla/internal/metadata"
)

// Fields of a topic's value, and of the values with its further partitions (which have field 3 only).
const (
	topicName       = 1
	topicPartitions = 2 // how many the topic has, in all values together
	topicPartition  = 3 // repeated, in the order of the partitions' ids
)

// Fields of a partition.
const (
	partitionLeader      = 1 // +1: absent means none
	partitionLeaderEpoch = 2
	partitionEpoch       = 3
	partitionReplicas    = 4
	partitionISR         = 5 // absent: the same as the replicas
	partitionDirectories = 6 // 16 bytes each
	partitionRecovering  = 7
	partitionELR         = 8
	partitionLastELR     = 9
	partitionAdding      = 10
	partitionRemoving    = 11
)

const (
	directoryBytes        = 16
	maxPartitionsPerTopic = 1 << 20 // so that a damaged count cannot ask for all memory
	bytesPerPartition     = 32      // about, for the first guess of a value's size
)

func encodeTopic(t *metadata.Topic) []byte {
	first := t.Partitions[:min(partitionsPerKey, len(t.Partitions))]
	m := slices.Grow(newValue(), len(t.Name)+16+len(first)*bytesPerPartition)
	m.string(topicName, t.Name)
	m.varint(topicPartitions, uint64(len(t.Partitions)))
	appendPartitions(&m, first)
	return m
}

func encodeChunk(t *metadata.Topic, chunk int) []byte {
	part := t.Partitions[chunk*partitionsPerKey : min((chunk+1)*partitionsPerKey, len(t.Partitions))]
	m := slices.Grow(newValue(), len(part)*bytesPerPartition)
	appendPartitions(&m, part)
	return m
}

func appendPartitions(m *message, partitions []*metadata.Partition) {
	var one message
	for _, p := range partitions {
		one = one[:0]
		appendPartition(&one, p)
		m.bytes(topicPartition, one)
	}
}

func appendPartition(m *message, p *metadata.Partition) {
	m.varint(partitionLeader, uint64(p.Leader+1))
	m.varint(partitionLeaderEpoch, uint64(p.LeaderEpoch))
	m.varint(partitionEpoch, uint64(p.PartitionEpoch))
	m.ids(partitionReplicas, p.Replicas)
	if !slices.Equal(p.Replicas, p.ISR) {
		m.bytes(partitionISR, packIDs(p.ISR))
	}
	if len(p.Directories) > 0 {
		dirs := make([]byte, 0, len(p.Directories)*directoryBytes)
		for _, d := range p.Directories {
			dirs = append(dirs, d[:]...)
		}
		m.bytes(partitionDirectories, dirs)
	}
	m.bool(partitionRecovering, p.LeaderRecovering)
	m.ids(partitionELR, p.ELR())
	m.ids(partitionLastELR, p.LastKnownELR())
	m.ids(partitionAdding, p.AddingReplicas())
	m.ids(partitionRemoving, p.RemovingReplicas())
}

// topicValue is what a topic's value or a further part of it says.
type topicValue struct {
	name       string
	count      int
	partitions []metadata.Partition
}

func decodeTopic(value []byte) (topicValue, error) {
	var t topicValue
	err := decodeValue(value, func(field protowire.Number, number uint64, b []byte) error {
		switch field {
		case topicName:
			t.name = string(b)
		case topicPartitions:
			if number > maxPartitionsPerTopic {
				return errMalformed
			}
			t.count = int(number)
		case topicPartition:
			p, err := decodePartition(b)
			if err != nil {
				return err
			}
			t.partitions = append(t.partitions, p)
		}
		return nil
	})
	if err == nil && len(t.partitions) > partitionsPerKey {
		err = errMalformed
	}
	return t, err
}

func decodePartition(b []byte) (metadata.Partition, error) {
	p := metadata.Partition{Leader: metadata.NoLeader}
	var elr, lastELR, adding, removing []int32
	hasISR := false
	err := decodeMessage(b, func(field protowire.Number, number uint64, b []byte) (err error) {
		switch field {
		case partitionLeader:
			p.Leader = int32(number) - 1
		case partitionLeaderEpoch:
			p.LeaderEpoch = int32(number)
		case partitionEpoch:
			p.PartitionEpoch = int32(number)
		case partitionReplicas:
			p.Replicas, err = unpackIDs(b)
		case partitionISR:
			hasISR = true
			p.ISR, err = unpackIDs(b)
		case partitionDirectories:
			p.Directories, err = decodeUUIDs(b)
		case partitionRecovering:
			p.LeaderRecovering = number != 0
		case partitionELR:
			elr, err = unpackIDs(b)
		case partitionLastELR:
			lastELR, err = unpackIDs(b)
		case partitionAdding:
			adding, err = unpackIDs(b)
		case partitionRemoving:
			removing, err = unpackIDs(b)
		}
		return err
	})
	if !hasISR {
		p.ISR = p.Replicas
	}
	return p.WithRare(elr, lastELR, adding, removing), err
}

func decodeUUIDs(b []byte) ([]metadata.UUID, error) {
	if len(b)%directoryBytes != 0 {
		return nil, errMalformed
	}
	ids := make([]metadata.UUID, 0, len(b)/directoryBytes)
	for ; len(b) > 0; b = b[directoryBytes:] {
		ids = append(ids, metadata.UUID(b[:directoryBytes]))
	}
	return ids, nil
}
