package service

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/protocol"
)

// write runs an operation in the shard of the transactional id; fail gets the code to answer when it cannot be run.
func (s *Service) write(transactionalID string, operation func(m *txn.Machine, now time.Time) machine.Result, fail func(protocol.Code)) {
	s.runtime.Write(s.PartitionFor(transactionalID), operation, func(err error) { fail(machine.ResponseCode(err)) })
}

// InitProducerID handles InitProducerId v0 to v5 with a transactional id. Those without one are not the coordinator's.
func (s *Service) InitProducerID(req *kmsg.InitProducerIDRequest, reply func(*kmsg.InitProducerIDResponse)) {
	fail := func(code protocol.Code) { reply(txn.InitProducerIDError(req, code)) }
	if code := txn.CheckInitProducerID(s.options.Config(), req); code != protocol.None {
		fail(code)
		return
	}
	s.write(*req.TransactionalID, func(m *txn.Machine, now time.Time) machine.Result {
		return m.InitProducerID(now, req, reply)
	}, fail)
}

// EndTxn handles EndTxn v0 to v5.
func (s *Service) EndTxn(req *kmsg.EndTxnRequest, reply func(*kmsg.EndTxnResponse)) {
	fail := func(code protocol.Code) { reply(txn.EndTxnError(req, code)) }
	if req.TransactionalID == "" {
		fail(protocol.InvalidRequest)
		return
	}
	s.write(req.TransactionalID, func(m *txn.Machine, now time.Time) machine.Result {
		return m.EndTxn(now, req, reply)
	}, fail)
}

// AddOffsetsToTxn handles AddOffsetsToTxn v0 to v4: the partition that holds the group's offsets becomes part of the
// transaction.
func (s *Service) AddOffsetsToTxn(req *kmsg.AddOffsetsToTxnRequest, reply func(*kmsg.AddOffsetsToTxnResponse)) {
	done := func(code protocol.Code) {
		if code == protocol.ProducerFenced && req.Version < 2 {
			code = protocol.InvalidProducerEpoch // older clients do not know the other
		}
		resp := req.ResponseKind().(*kmsg.AddOffsetsToTxnResponse)
		resp.ErrorCode = int16(code)
		reply(resp)
	}
	partitions := []txn.TopicPartition{{Topic: s.options.OffsetsTopic, Partition: s.options.GroupPartition(req.Group)}}
	s.add(req.TransactionalID, req.ProducerID, req.ProducerEpoch, partitions, 0, done)
}

// add adds partitions to a transaction.
func (s *Service) add(transactionalID string, producerID int64, producerEpoch int16, partitions []txn.TopicPartition, clientVersion int16, done func(protocol.Code)) {
	if transactionalID == "" {
		done(protocol.InvalidRequest)
		return
	}
	s.write(transactionalID, func(m *txn.Machine, now time.Time) machine.Result {
		return m.AddPartitions(now, transactionalID, producerID, producerEpoch, partitions, clientVersion, done)
	}, done)
}

// verify tells which partitions are part of a transaction.
func (s *Service) verify(transactionalID string, producerID int64, producerEpoch int16, partitions []txn.TopicPartition, done func(codes []protocol.Code)) {
	if transactionalID == "" {
		done(repeat(protocol.InvalidRequest, len(partitions)))
		return
	}
	s.runtime.Read(s.PartitionFor(transactionalID), func(m *txn.Machine) {
		done(m.VerifyPartitions(transactionalID, producerID, producerEpoch, partitions))
	}, func(err error) { done(repeat(machine.ResponseCode(err), len(partitions))) })
}

func repeat(code protocol.Code, n int) []protocol.Code {
	codes := make([]protocol.Code, n)
	for i := range codes {
		codes[i] = code
	}
	return codes
}
