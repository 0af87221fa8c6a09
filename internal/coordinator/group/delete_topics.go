package group

import (
	"slices"
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
	for _, p := range m.offsets.topic(groupID, topic.Name) {
		if p.value.isOf(topic) {
			records = append(records, offsetTombstone(groupID, topic.Name, p.partition))
		}
	}
	for _, p := range m.pending.producers.topic(groupID, topic.Name) {
		if o, ok := m.offsets.get(groupID, topic.Name, p.partition); ok && o.isOf(topic) {
			continue // it has its tombstone
		}
		if m.pending.anyOf(*p.value, groupID, topic, p.partition) {
			records = append(records, offsetTombstone(groupID, topic.Name, p.partition))
		}
	}
	return records
}

// anyOf reports whether one of the producers has an offset pending that may be of the topic.
func (p *pendingOffsets) anyOf(producers []int64, groupID string, topic DeletedTopic, partition int32) bool {
	return slices.ContainsFunc(producers, func(producerID int64) bool {
		o, _ := p.byProducer[producerID].get(groupID, topic.Name, partition)
		return o.isOf(topic)
	})
}

// isOf reports whether the offset may have been committed for the topic, and not for a later one of the same name.
func (o offset) isOf(topic DeletedTopic) bool {
	var unknown [16]byte
	return o.topicID == unknown || o.topicID == topic.ID
}
