package group

import (
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
)

// DeleteTopics removes the offsets of topics that are gone, also those that are pending in transactions. Offsets that
// were committed for a later topic of the same name stay.
func (m *Machine) DeleteTopics(topics []DeletedTopic) machine.Result {
	var records []machine.Record
	for _, id := range m.groupIDs() {
		for _, topic := range topics {
			records = m.appendTopicTombstones(records, id, topic)
		}
	}
	return machine.Result{Records: records, Split: true, Done: func(_ time.Time, err error) {
		if err != nil {
			m.log.Warn("could not remove the offsets of deleted topics; they expire in their time", "err", err)
		}
	}}
}

func (m *Machine) appendTopicTombstones(records []machine.Record, groupID string, topic DeletedTopic) []machine.Record {
	committed, pending := m.offsets[groupID][topic.Name], m.pending.producers[groupID][topic.Name]
	for _, partition := range sortedKeys(committed) {
		if committed[partition].isOf(topic) {
			records = append(records, offsetTombstone(groupID, topic.Name, partition))
		}
	}
	for _, partition := range sortedKeys(pending) {
		if o, ok := committed[partition]; ok && o.isOf(topic) {
			continue // it has its tombstone
		}
		for _, producerID := range pending[partition] {
			if o, _ := m.pending.byProducer[producerID].get(groupID, topic.Name, partition); o.isOf(topic) {
				records = append(records, offsetTombstone(groupID, topic.Name, partition))
				break
			}
		}
	}
	return records
}

// isOf reports whether the offset may have been committed for the topic, and not for a later one of the same name.
func (o offset) isOf(topic DeletedTopic) bool {
	var unknown [16]byte
	return o.topicID == unknown || o.topicID == topic.ID
}
