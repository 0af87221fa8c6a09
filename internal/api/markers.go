package api

import (
	"log/slog"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator"
	"ottla.dev/ottla/internal/coordinator/group/service"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/replica/run"
	"ottla.dev/ottla/internal/storage"
)

// Markers writes the markers that end transactions into the partitions of this broker. The transaction coordinator has them written
// through it, from within this process or by WriteTxnMarkers, versions 1 and 2 (KIP-98; v2 the level of transaction.version, KIP-1228).
type Markers struct {
	Replicas *run.Manager
	Groups   *service.Service
	Clock    clock.Clock
	Logger   *slog.Logger
}

// Write writes markers. done is called once, when each of them is committed or refused, from any goroutine.
func (m *Markers) Write(req *kmsg.WriteTxnMarkersRequest, done func(*kmsg.WriteTxnMarkersResponse, error)) {
	op := &markersOp{response: req.ResponseKind().(*kmsg.WriteTxnMarkersResponse), done: done, missing: 1}
	buf := make([]byte, 0, record.MarkerBatchBytes)
	for i := range req.Markers {
		marker := &req.Markers[i]
		for j := range marker.Topics {
			t := &marker.Topics[j]
			for _, index := range t.Partitions {
				answer := op.expect(marker.ProducerID, t.Topic, index)
				if t.Topic == offsetsTopic {
					m.complete(marker, index, answer)
					continue
				}
				buf = m.append(buf[:0], marker, t.Topic, index, answer)
			}
		}
	}
	op.arrived()
}

// append writes one marker into one partition.
func (m *Markers) append(buf []byte, marker *kmsg.WriteTxnMarkersRequestMarker, topic string, index int32, answer func(protocol.Code)) []byte {
	p, err := m.Replicas.Partition(topic, index)
	if err != nil {
		answer(protocol.UnknownTopicOrPartition) // also where its disk has failed, as in Apache Kafka
		return buf
	}
	if marker.ProducerID < 0 || marker.ProducerEpoch < 0 {
		answer(protocol.UnknownServerError) // there is no such batch: Apache Kafka fails where it would make it
		return buf
	}
	if !p.EnoughInSync() {
		answer(protocol.NotEnoughReplicas)
		return buf
	}
	end := record.Marker{Type: record.ControlAbort, CoordinatorEpoch: marker.CoordinatorEpoch}
	if marker.Committed {
		end.Type = record.ControlCommit
	}
	buf = record.AppendMarkerBatch(buf, marker.ProducerID, marker.ProducerEpoch, end, m.Clock.Now().UnixMilli())
	info, durable, err := p.Append(buf, storage.AppendOptions{Origin: storage.OriginCoordinator, TransactionVersion: int16(marker.TransactionVersion)})
	switch {
	case err != nil:
		answer(m.refused(p, marker, err))
	case durable:
		p.AwaitDurable(info, func(err error) {
			if err != nil {
				answer(m.refused(p, marker, err))
				return
			}
			answer(protocol.None)
		})
	default:
		answer(protocol.None)
	}
	return buf
}

func (m *Markers) refused(p *run.Partition, marker *kmsg.WriteTxnMarkersRequestMarker, err error) protocol.Code {
	m.Logger.Warn("a marker was refused", "partition", p.TopicPartition.String(), "producer", marker.ProducerID, "epoch", marker.ProducerEpoch, "error", err)
	return storage.ErrorCode(err)
}

// complete ends a transaction in a partition of the offsets topic: the group coordinator writes the marker and decides on the offsets.
func (m *Markers) complete(marker *kmsg.WriteTxnMarkersRequestMarker, index int32, answer func(protocol.Code)) {
	if _, err := m.Replicas.Partition(offsetsTopic, index); err != nil {
		answer(protocol.UnknownTopicOrPartition)
		return
	}
	m.Groups.CompleteTransaction(index, coordinator.Marker{
		ProducerID: marker.ProducerID, ProducerEpoch: marker.ProducerEpoch, CoordinatorEpoch: marker.CoordinatorEpoch,
		Commit: marker.Committed, TransactionVersion: int16(marker.TransactionVersion),
	}, func(err error) {
		code := protocol.CodeOf(err)
		switch code {
		case protocol.CoordinatorNotAvailable, protocol.CoordinatorLoadInProgress, protocol.NotCoordinator:
			code = protocol.NotLeaderOrFollower // the transaction coordinator expects no others: it tries again
		}
		answer(code)
	})
}

// markersOp gathers the answer to one request.
type markersOp struct {
	done func(*kmsg.WriteTxnMarkersResponse, error)

	mu       sync.Mutex // guards the fields below
	response *kmsg.WriteTxnMarkersResponse
	missing  int // answers, plus one while the request is being handled

	// Where the parts of the answer are. Both are made when there are many: a client's request may have hundreds of thousands.
	markers map[int64]int
	topics  map[answeredTopic]int
}

// answeredTopic is a topic in the answer to a producer's marker.
type answeredTopic struct {
	marker int
	topic  string
}

// maxAnswersScanned is up to how many parts of an answer are looked through one by one.
const maxAnswersScanned = 16

// expect makes room for a partition's answer and returns what fills it.
func (op *markersOp) expect(producerID int64, topic string, index int32) func(protocol.Code) {
	op.mu.Lock()
	defer op.mu.Unlock()
	op.missing++
	m := op.markerOf(producerID)
	t := op.topicOf(m, topic)
	marker := &op.response.Markers[m]
	part := kmsg.NewWriteTxnMarkersResponseMarkerTopicPartition()
	part.Partition = index
	marker.Topics[t].Partitions = append(marker.Topics[t].Partitions, part)
	at := len(marker.Topics[t].Partitions) - 1
	return func(code protocol.Code) {
		op.mu.Lock()
		op.response.Markers[m].Topics[t].Partitions[at].ErrorCode = int16(code)
		op.mu.Unlock()
		op.arrived()
	}
}

// markerOf returns the index of a producer's part of the answer. The caller holds mu.
func (op *markersOp) markerOf(producerID int64) int {
	markers := op.response.Markers
	if op.markers == nil {
		for i := range markers {
			if markers[i].ProducerID == producerID {
				return i
			}
		}
		if len(markers) >= maxAnswersScanned {
			op.markers = make(map[int64]int, 2*len(markers))
			for i := range markers {
				op.markers[markers[i].ProducerID] = i
			}
		}
	} else if i, ok := op.markers[producerID]; ok {
		return i
	}
	added := kmsg.NewWriteTxnMarkersResponseMarker()
	added.ProducerID = producerID
	op.response.Markers = append(markers, added)
	if op.markers != nil {
		op.markers[producerID] = len(markers)
	}
	return len(markers)
}

// topicOf returns the index of a topic in a producer's part of the answer. The caller holds mu.
func (op *markersOp) topicOf(m int, topic string) int {
	marker := &op.response.Markers[m]
	if n := len(marker.Topics); n <= maxAnswersScanned {
		for t := n - 1; t >= 0; t-- {
			if marker.Topics[t].Topic == topic {
				return t
			}
		}
	} else if t, ok := op.topics[answeredTopic{m, topic}]; ok {
		return t
	}
	added := kmsg.NewWriteTxnMarkersResponseMarkerTopic()
	added.Topic = topic
	marker.Topics = append(marker.Topics, added)
	op.noteTopics(m)
	return len(marker.Topics) - 1
}

// noteTopics keeps the topics of a marker that has too many to look through: all when that begins to be so, then the newest.
func (op *markersOp) noteTopics(m int) {
	topics := op.response.Markers[m].Topics
	from := len(topics) - 1
	switch {
	case from < maxAnswersScanned:
		return
	case from == maxAnswersScanned:
		from = 0
	}
	if op.topics == nil {
		op.topics = make(map[answeredTopic]int, 4*maxAnswersScanned)
	}
	for t := from; t < len(topics); t++ {
		op.topics[answeredTopic{m, topics[t].Topic}] = t
	}
}

func (op *markersOp) arrived() {
	op.mu.Lock()
	op.missing--
	complete := op.missing == 0
	op.mu.Unlock()
	if complete {
		op.done(op.response, nil)
	}
}
