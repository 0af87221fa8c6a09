package group

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
)

// The first two bytes of a key say what the record is. The types from 3 on belong to the newer kinds of groups.
const (
	keyLegacyOffsetCommit = 0
	keyOffsetCommit       = 1
	keyGroupMetadata      = 2
)

// The versions of the values that Apache Kafka 4.3 writes. An offset with its own expiry, which only OffsetCommit v2
// to v4 can ask for, needs the version that has the field.
const (
	offsetCommitVersion       = 4
	offsetCommitExpiryVersion = 1
	groupMetadataVersion      = 3
)

// metadataRecord is the record that makes the group's generation durable, with the assignment of each member.
func metadataRecord(g *group, assignment func(*member) []byte) machine.Record {
	value := kmsg.NewGroupMetadataValue()
	value.Version = groupMetadataVersion
	value.ProtocolType = g.protocolType
	value.Generation = g.generation
	value.Protocol = g.protocolName
	if g.leaderID != "" {
		value.Leader = &g.leaderID
	}
	value.CurrentStateTimestamp = g.stateSinceMs
	for _, m := range g.members {
		v := kmsg.NewGroupMetadataValueMember()
		v.MemberID, v.InstanceID = m.id, m.instanceID
		v.ClientID, v.ClientHost = m.clientID, m.clientHost
		v.RebalanceTimeoutMillis, v.SessionTimeoutMillis = m.rebalanceTimeoutMs, m.sessionTimeoutMs
		if g.protocolName != nil {
			v.Subscription, _ = m.metadata(*g.protocolName)
		}
		v.Assignment = assignment(m)
		value.Members = append(value.Members, v)
	}
	return machine.Record{Key: metadataKey(g.id), Value: value.AppendTo(nil)}
}

// newGroupRecord says that a group exists, before it has had a generation.
func newGroupRecord(g *group) machine.Record {
	value := kmsg.NewGroupMetadataValue()
	value.Version = groupMetadataVersion
	value.CurrentStateTimestamp = g.stateSinceMs
	return machine.Record{Key: metadataKey(g.id), Value: value.AppendTo(nil)}
}

// groupTombstone removes a group.
func groupTombstone(groupID string) machine.Record { return machine.Record{Key: metadataKey(groupID)} }

func metadataKey(groupID string) []byte {
	key := kmsg.GroupMetadataKey{Version: keyGroupMetadata, Group: groupID}
	return key.AppendTo(nil)
}

// offsetRecord commits an offset.
func offsetRecord(groupID, topic string, partition int32, o offset) machine.Record {
	value := kmsg.NewOffsetCommitValue()
	value.Version = offsetCommitVersion
	if o.expireMs >= 0 {
		value.Version = offsetCommitExpiryVersion
	}
	value.Offset, value.LeaderEpoch, value.Metadata = o.committed, o.leaderEpoch, o.metadata
	value.CommitTimestamp, value.ExpireTimestamp = o.commitMs, o.expireMs
	value.TopicID = o.topicID
	return machine.Record{Key: offsetKey(groupID, topic, partition), Value: value.AppendTo(nil)}
}

// offsetTombstone removes a committed offset.
func offsetTombstone(groupID, topic string, partition int32) machine.Record {
	return machine.Record{Key: offsetKey(groupID, topic, partition)}
}

func offsetKey(groupID, topic string, partition int32) []byte {
	key := kmsg.OffsetCommitKey{Version: keyOffsetCommit, Group: groupID, Topic: topic, Partition: partition}
	return key.AppendTo(nil)
}

// keyType returns what kind of record the key belongs to.
func keyType(key []byte) (int16, error) {
	if len(key) < 2 {
		return 0, fmt.Errorf("key of %d bytes has no type", len(key))
	}
	return int16(binary.BigEndian.Uint16(key)), nil
}

// decodeOffset reads the value of an offset commit.
func decodeOffset(b []byte) (offset, error) {
	var value kmsg.OffsetCommitValue
	if err := checkVersion(b, offsetCommitVersion); err != nil {
		return offset{}, fmt.Errorf("offset commit: %w", err)
	}
	if err := value.ReadFrom(b); err != nil {
		return offset{}, fmt.Errorf("offset commit version %d: %w", value.Version, err)
	}
	o := offset{
		committed: value.Offset, leaderEpoch: value.LeaderEpoch, metadata: value.Metadata,
		commitMs: value.CommitTimestamp, expireMs: value.ExpireTimestamp, topicID: value.TopicID,
	}
	if value.Version < 3 {
		o.leaderEpoch = -1
	}
	if value.Version != offsetCommitExpiryVersion {
		o.expireMs = -1
	}
	return o, nil
}

// decodeMetadata reads the value of a group's metadata.
func decodeMetadata(b []byte) (*kmsg.GroupMetadataValue, error) {
	const newestVersion = 4 // readable since Kafka 3.5, not written yet
	var value kmsg.GroupMetadataValue
	if err := checkVersion(b, newestVersion); err != nil {
		return nil, fmt.Errorf("group metadata: %w", err)
	}
	if err := value.ReadFrom(b); err != nil {
		return nil, fmt.Errorf("group metadata version %d: %w", value.Version, err)
	}
	if value.Version < 2 {
		value.CurrentStateTimestamp = -1
	}
	return &value, nil
}

func checkVersion(value []byte, newest int16) error {
	if len(value) < 2 {
		return fmt.Errorf("value of %d bytes has no version", len(value))
	}
	if version := int16(binary.BigEndian.Uint16(value)); version < 0 || version > newest {
		return fmt.Errorf("version %d is not known (up to %d are)", version, newest)
	}
	return nil
}
