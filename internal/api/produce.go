package api

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/network"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/replica/run"
	"ottla.dev/ottla/internal/storage"
)

// Produce, versions 3 to 13 (0 to 2 are advertised and refused, see protocol.Served).
//
// v3 transactional id, magic 2 · v5 log start offset · v7 zstd · v8 record errors (KIP-467) · v9 flexible · v10 leader hints (KIP-951)
// · v12 implicit AddPartitionsToTxn (KIP-890) · v13 topic ids (KIP-516).

// produceOp is one Produce request and its answer.
type produceOp struct {
	server  *Server
	request *network.Request
	req     protocol.ProduceRequest
	acks    int16
	nowMs   int64        // when the request came; 0: the log shall ask the clock
	pending atomic.Int32 // partitions that wait for stable storage, plus one while the request is being handled

	answer []byte // kept for the next request

	targets []produceTarget      // of a request with transactions
	ask     []txn.TopicPartition // those among them that the coordinator is asked about
}

var produceOps = sync.Pool{New: func() any { return new(produceOp) }}

func (s *Server) produce(r *network.Request) {
	op := produceOps.Get().(*produceOp)
	op.server, op.request = s, r
	version := r.Header.Version
	if version < 3 {
		op.recycle()
		r.Close(fmt.Sprintf("a Produce request of version %d: message formats before Kafka 0.11 are not supported, the client must be of the 2.1 line or newer", version))
		return
	}
	if err := op.req.Decode(r.Body, version); err != nil {
		op.recycle()
		r.Close(err.Error())
		return
	}
	op.acks, op.nowMs = op.req.Acks, s.Clock.Now().UnixMilli()
	op.pending.Store(1)
	if op.carriesTransactions() {
		op.nowMs = 0 // the coordinator's answer may take a while
		op.transactional(version)
		op.finishOne()
		return
	}
	for i := range op.req.Topics {
		t := &op.req.Topics[i]
		topic, unknown := s.topic(version, t.Name, t.ID)
		for j := range t.Partitions {
			part := &t.Partitions[j]
			if p := op.find(topic, unknown, part, version); p != nil {
				op.append(p, part, 0)
			}
		}
	}
	op.finishOne()
}

// find returns the partition that records go to, nil where there is none or the records are none that it could take.
func (op *produceOp) find(topic *run.Topic, unknown protocol.Code, part *protocol.ProducePartition, version int16) *run.Partition {
	if topic == nil {
		part.Code = unknown
		return nil
	}
	p, err := topic.Partition(part.Index)
	if err != nil {
		part.Code = protocol.CodeOf(err)
		return nil
	}
	if err := record.CheckProduce(part.Records, version >= 7); err != nil {
		op.refused(p, part, err)
		return nil
	}
	return p
}

// append appends the records of one partition, or says why not.
func (op *produceOp) append(p *run.Partition, part *protocol.ProducePartition, guard storage.VerificationGuard) {
	s := op.server
	if op.acks < run.AcksAll || op.acks > 1 {
		part.Code = protocol.InvalidRequiredAcks
		return
	}
	if isInternal(p.Topic) && op.request.Header.ClientID != adminClientID {
		part.Code = protocol.InvalidTopicException
		return
	}
	if op.acks == run.AcksAll && !p.EnoughInSync() {
		part.Code = protocol.NotEnoughReplicas
		return
	}
	info, durable, err := p.Append(part.Records, storage.AppendOptions{Origin: storage.OriginClient, NowMs: op.nowMs, Guard: guard})
	if err != nil {
		op.refused(p, part, err)
		if tellsLogStart(part.Code) {
			part.LogStartOffset = p.Log().LogStartOffset()
		}
		return
	}
	part.BaseOffset, part.LogAppendMs, part.LogStartOffset = info.FirstOffset, info.LogAppendTime, info.LogStartOffset
	if !durable {
		return
	}
	op.pending.Add(1)
	p.AwaitDurable(info, func(err error) {
		if err != nil {
			part.BaseOffset, part.LogAppendMs, part.LogStartOffset = -1, -1, -1
			part.Code = s.storageError("produce", p.TopicPartition, err)
		}
		op.finishOne()
	})
}

// adminClientID is the client id that may write to internal topics, as in Apache Kafka.
const adminClientID = "__admin_client"

// refused translates an append that failed, and tells the operator, who otherwise could not find the client.
func (op *produceOp) refused(p *run.Partition, part *protocol.ProducePartition, err error) {
	if more, ok := op.server.refusals.next(op.server.Clock.Now()); ok {
		op.server.Logger.Warn("refused records", "partition", p.TopicPartition.String(), "client", op.request.Header.ClientID, "connection", op.request.Conn.ID,
			"error", err, "refusedSinceLastLine", more)
	}
	var invalid *record.Error
	if errors.As(err, &invalid) {
		part.Code, part.ErrorMessage = storage.ErrorCode(err), invalid.Message
		for _, r := range invalid.Records {
			part.RecordErrors = append(part.RecordErrors, protocol.ProduceRecordError{BatchIndex: r.Index, Message: r.Message})
		}
		return
	}
	part.Code = op.server.storageError("produce", p.TopicPartition, err)
	if part.Code != protocol.KafkaStorageError {
		part.ErrorMessage = err.Error()
	}
}

// tellsLogStart tells whether the answer to a refused append carries the log start offset; Apache Kafka leaves it out where the
// partition or its disk is in question, and for batches that are too large or corrupt.
func tellsLogStart(code protocol.Code) bool {
	switch code {
	case protocol.UnknownTopicOrPartition, protocol.NotLeaderOrFollower, protocol.MessageTooLarge, protocol.RecordListTooLarge,
		protocol.CorruptMessage, protocol.KafkaStorageError:
		return false
	}
	return true
}

// finishOne counts one thing that the answer waited for; the last one answers.
func (op *produceOp) finishOne() {
	if op.pending.Add(-1) > 0 {
		return
	}
	if op.acks != 0 {
		op.request.Respond(op)
		return
	}
	r, reason := op.request, op.firstFailure()
	op.recycle()
	if reason != "" {
		// Without an answer to carry the error, a closed connection is how the client learns to refresh its metadata.
		r.Close(reason)
		return
	}
	r.NoResponse()
}

func (op *produceOp) firstFailure() string {
	for i := range op.req.Topics {
		t := &op.req.Topics[i]
		for j := range t.Partitions {
			if p := &t.Partitions[j]; p.Code != protocol.None {
				return fmt.Sprintf("a Produce request with acks=0 failed for %s-%d: %s %s", t.Name, p.Index, p.Code.Name(), p.ErrorMessage)
			}
		}
	}
	return ""
}

// WriteResponse implements network.Response.
func (op *produceOp) WriteResponse(w *network.Writer) error {
	h := op.request.Header
	b := append(op.answer[:0], 0, 0, 0, 0)
	b = protocol.AppendResponseHeader(b, h.Key, h.Version, h.CorrelationID)
	b = op.req.AppendResponse(b, h.Version, 0, nil)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	op.answer = b
	return w.Write(b)
}

// Discard implements network.Response.
func (op *produceOp) Discard() { op.recycle() }

func (op *produceOp) recycle() {
	op.server, op.request = nil, nil
	op.req.Forget()
	clear(op.targets)
	clear(op.ask)
	op.targets, op.ask = op.targets[:0], op.ask[:0]
	produceOps.Put(op)
}
