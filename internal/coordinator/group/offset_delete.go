package group

// OffsetDelete v0 (KIP-496).

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// OffsetDelete removes offsets of topics that the group's members are not subscribed to.
func (m *Machine) OffsetDelete(req *kmsg.OffsetDeleteRequest, reply func(*kmsg.OffsetDeleteResponse)) machine.Result {
	g := m.groups[req.Group]
	switch {
	case g == nil:
		reply(OffsetDeleteError(req, protocol.GroupIDNotFound))
		return machine.Result{}
	case g.state != Empty && !g.usesConsumerProtocol():
		reply(OffsetDeleteError(req, protocol.NonEmptyGroup)) // only of consumers it is known what they use
		return machine.Result{}
	}
	resp := OffsetDeleteError(req, protocol.None)
	var records []machine.Record
	for i := range req.Topics {
		topic := kmsg.NewOffsetDeleteResponseTopic()
		topic.Topic = req.Topics[i].Topic
		code := protocol.None
		if g.isSubscribedTo(topic.Topic) {
			code = protocol.GroupSubscribedToTopic
		}
		for _, p := range req.Topics[i].Partitions {
			answer := kmsg.NewOffsetDeleteResponseTopicPartition()
			answer.Partition, answer.ErrorCode = p.Partition, int16(code)
			topic.Partitions = append(topic.Partitions, answer)
			if code == protocol.None && m.hasOffset(req.Group, topic.Topic, p.Partition) {
				records = append(records, offsetTombstone(req.Group, topic.Topic, p.Partition))
			}
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return machine.Result{Records: records, Done: func(_ time.Time, err error) {
		if err != nil {
			resp = OffsetDeleteError(req, machine.ResponseCode(err))
		}
		reply(resp)
	}}
}

// hasOffset reports whether there is an offset to delete, committed or pending.
func (m *Machine) hasOffset(groupID, topic string, partition int32) bool {
	_, ok := m.offsets.get(groupID, topic, partition)
	return ok || m.pending.has(groupID, topic, partition)
}
