package txn

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// Markers are to be written to partitions, to end one transaction in them.
type Markers struct {
	TransactionalID    string
	ProducerID         int64
	ProducerEpoch      int16
	Commit             bool
	TransactionVersion int16
	Topics             []TopicPartitions

	owner   *Machine
	attempt uint64
}

// MarkersAnswered tells what became of markers: one answer of WriteTxnMarkers, or nil when there was none. What it does
// not mention is tried again.
func (m *Machine) MarkersAnswered(now time.Time, sent *Markers, answer *kmsg.WriteTxnMarkersResponseMarker) machine.Result {
	t := m.transactions[sent.TransactionalID]
	if sent.owner != m || t == nil || t.completion == nil || t.completion.attempt != sent.attempt {
		return machine.Result{} // too late: what it was about is over, or is seen to by a machine that was loaded since
	}
	c := t.completion
	c.attempt = 0
	fenced := false
	if answer != nil {
		code := codesOf(answer)
		c.missing = without(c.missing, func(tp TopicPartition) bool {
			written, giveUp := m.judge(t, tp, code(tp))
			fenced = fenced || giveUp
			return written
		})
	}
	switch {
	case fenced:
		// Another coordinator, or a later transaction of the producer, is ahead of this one. The transaction stays
		// as it is, and busy, until its partition is loaded again or this one is elected anew.
		c.givenUp = true
		return machine.Result{}
	case len(c.missing) == 0:
		return m.complete(t)
	default:
		m.retryMarkers(now, t)
		return machine.Result{}
	}
}

// judge says what a partition's answer means: it needs the marker no more, or nobody does.
func (m *Machine) judge(t *transaction, tp TopicPartition, code protocol.Code) (written, giveUp bool) {
	switch code {
	case protocol.None:
		return true, false
	case protocol.UnsupportedForMessageFormat, protocol.UnsupportedVersion:
		m.log.Info("a partition takes no markers, so it can have no records of the transaction", "transactional_id", t.id, "partition", tp, "code", code.Name())
		return true, false
	case protocol.InvalidProducerEpoch, protocol.TransactionCoordinatorFenced:
		if code == protocol.InvalidProducerEpoch && m.lost(t.latest.producerID) {
			m.log.Info("a marker came too late: the partition has seen later epochs of the producer, which were forgotten when the machine went down",
				"transactional_id", t.id, "producer_id", t.latest.producerID, "epoch", t.latest.producerEpoch, "partition", tp)
			return true, false
		}
		m.log.Warn("a marker was fenced off; the transaction is left to whoever is ahead", "transactional_id", t.id, "partition", tp, "code", code.Name())
		return false, true
	case protocol.UnknownTopicOrPartition, protocol.NotLeaderOrFollower, protocol.NotEnoughReplicas,
		protocol.NotEnoughReplicasAfterAppend, protocol.RequestTimedOut, protocol.KafkaStorageError, noAnswer:
		m.log.Debug("a marker is tried again", "transactional_id", t.id, "partition", tp, "code", code.Name())
		return false, false
	default:
		// Kafka stops here, and the transaction hangs until the coordinator moves. To go on is no less safe: a marker
		// that is there already is accepted again.
		m.log.Error("a marker could not be written for a reason that it should not have; it is tried again", "transactional_id", t.id, "partition", tp, "code", code.Name())
		return false, false
	}
}

// noAnswer stands for a partition that the answer does not mention.
const noAnswer = protocol.NetworkException

// codesOf returns what tells the code of a partition.
func codesOf(answer *kmsg.WriteTxnMarkersResponseMarker) func(TopicPartition) protocol.Code {
	count := 0
	for i := range answer.Topics {
		count += len(answer.Topics[i].Partitions)
	}
	if (count+len(answer.Topics))*count <= maxScans {
		return func(tp TopicPartition) protocol.Code { return codeFor(answer, tp) }
	}
	codes := make(map[TopicPartition]protocol.Code, count)
	for i := range answer.Topics {
		for _, p := range answer.Topics[i].Partitions {
			tp := TopicPartition{answer.Topics[i].Topic, p.Partition}
			if _, twice := codes[tp]; !twice {
				codes[tp] = protocol.Code(p.ErrorCode)
			}
		}
	}
	return func(tp TopicPartition) protocol.Code {
		if code, ok := codes[tp]; ok {
			return code
		}
		return noAnswer
	}
}

func codeFor(answer *kmsg.WriteTxnMarkersResponseMarker, tp TopicPartition) protocol.Code {
	for i := range answer.Topics {
		if answer.Topics[i].Topic != tp.Topic {
			continue
		}
		for _, p := range answer.Topics[i].Partitions {
			if p.Partition == tp.Partition {
				return protocol.Code(p.ErrorCode)
			}
		}
	}
	return noAnswer
}
