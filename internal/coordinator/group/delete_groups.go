package group

// DeleteGroups v0 to v2 (KIP-229).

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// DeleteGroups removes those of the groups that have no members, with their offsets.
func (m *Machine) DeleteGroups(groupIDs []string, reply func([]kmsg.DeleteGroupsResponseGroup)) machine.Result {
	answers := make([]kmsg.DeleteGroupsResponseGroup, 0, len(groupIDs))
	var records []machine.Record
	for _, id := range groupIDs {
		switch g := m.groups[id]; {
		case g == nil:
			answers = append(answers, DeleteGroupError(id, protocol.GroupIDNotFound))
		case g.state != Empty:
			answers = append(answers, DeleteGroupError(id, protocol.NonEmptyGroup))
		default:
			records = append(m.appendOffsetTombstones(records, id), groupTombstone(id))
			answers = append(answers, DeleteGroupError(id, protocol.None))
		}
	}
	return machine.Result{Records: records, Done: func(_ time.Time, err error) {
		if err != nil {
			for i := range answers {
				answers[i] = DeleteGroupError(answers[i].Group, machine.ResponseCode(err))
			}
		}
		reply(answers)
	}}
}

// appendOffsetTombstones removes all offsets of the group, the pending ones too, each partition with one record.
func (m *Machine) appendOffsetTombstones(records []machine.Record, groupID string) []machine.Record {
	m.offsets.each(groupID, func(topic string, partition int32, _ offset) {
		records = append(records, offsetTombstone(groupID, topic, partition))
	})
	m.pending.producers.each(groupID, func(topic string, partition int32, _ []int64) {
		if _, ok := m.offsets.get(groupID, topic, partition); !ok {
			records = append(records, offsetTombstone(groupID, topic, partition))
		}
	})
	return records
}
