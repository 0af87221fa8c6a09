package group

import (
	"ottla.dev/ottla/internal/coordinator/machine"
)

// ReplayTransactional implements machine.Transactional: offsets are kept apart until the marker comes. Records of
// groups are no matter of transactions, and hold at once wherever they stand.
func (m *Machine) ReplayTransactional(at, producerID int64, _ int16, r machine.Record) error {
	return m.replay(at, producerID, r)
}

// CompleteTransaction implements machine.Transactional. The epoch says nothing here: whatever a producer has pending
// ends with its next marker, which carries the epoch that fenced it where it was given up.
//
// Of a partition's commits the one that was written last counts, not the one whose transaction ended last. So the
// outcome is the same after compaction, which keeps the last written of them.
func (m *Machine) CompleteTransaction(_, producerID int64, _ int16, commit bool) error {
	store := m.pending.take(producerID)
	if !commit {
		return nil
	}
	for groupID := range store {
		store.each(groupID, func(topic string, partition int32, o offset) {
			if existing, ok := m.offsets.get(groupID, topic, partition); !ok || o.at > existing.at {
				m.offsets.put(groupID, topic, partition, o)
			}
		})
	}
	return nil
}
