package service

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// VerifyTransaction asks whether the partition of __consumer_offsets is part of the producer's open transaction.
// Where supportsEpochBump is set (TxnOffsetCommit v5, transactions of version 2), it adds the partition if it is not.
// It answers once, from any goroutine: with the guard that the log gave out for the append (a storage.VerificationGuard,
// 0 when there was nothing to verify), or with the reason of the refusal as a protocol.Code or an error that has one.
type VerifyTransaction = func(partition int32, transactionalID string, producerID int64, epoch int16, supportsEpochBump bool, done func(guard uint64, err error))

// The versions of TxnOffsetCommit that tell what a producer understands.
const (
	firstTxnVersionWithLoading   = 2 // earlier producers take COORDINATOR_LOAD_IN_PROGRESS for the end of the world
	firstTxnVersionWithAbortable = 4 // TRANSACTION_ABORTABLE
	firstTxnVersionWithEpochBump = 5 // transactions of version 2
)

// TxnOffsetCommit handles TxnOffsetCommit v0 to v5. Partitions that do not exist are answered here. For the others the
// transaction is verified, then the group decides on them, then the log: what the transaction coordinator said may be
// history by the time of the append.
func (s *Service) TxnOffsetCommit(_ group.RequestContext, req *kmsg.TxnOffsetCommitRequest, reply func(*kmsg.TxnOffsetCommitResponse)) {
	known := *req
	known.Topics = nil
	resp := req.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
	for i := range req.Topics {
		valid, refused := s.splitTxnTopic(&req.Topics[i])
		if len(refused.Partitions) > 0 {
			appendTxnCommitted(resp, refused)
		}
		if len(valid.Partitions) > 0 {
			known.Topics = append(known.Topics, valid)
		}
	}
	if len(known.Topics) == 0 {
		reply(resp)
		return
	}
	merge := func(answer *kmsg.TxnOffsetCommitResponse) {
		for _, topic := range answer.Topics {
			appendTxnCommitted(resp, topic)
		}
		reply(resp)
	}
	fail := func(err error) {
		merge(group.TxnOffsetCommitError(&known, txnOffsetCommitCode(req.Version, err)))
	}
	if code := s.check(req.Group); code != protocol.None {
		fail(code)
		return
	}
	s.commitInTransaction(&known, merge, fail)
}

// commitInTransaction verifies the transaction and writes the offsets.
func (s *Service) commitInTransaction(req *kmsg.TxnOffsetCommitRequest, reply func(*kmsg.TxnOffsetCommitResponse), fail func(error)) {
	partition := s.PartitionFor(req.Group)
	t := coordinator.Transaction{ID: req.TransactionalID, ProducerID: req.ProducerID, ProducerEpoch: req.ProducerEpoch}
	write := func() {
		s.runtime.WriteTransactional(partition, t, func(m *group.Machine, now time.Time) machine.Result {
			return m.TxnOffsetCommit(now, req, reply)
		}, fail)
	}
	if s.options.VerifyTransaction == nil {
		write()
		return
	}
	t.Version = 1
	if req.Version >= firstTxnVersionWithEpochBump {
		t.Version = 2
	}
	s.options.VerifyTransaction(partition, t.ID, t.ProducerID, t.ProducerEpoch, t.Version >= 2, func(guard uint64, err error) {
		if err != nil {
			fail(verificationError(req.Version, err))
			return
		}
		t.Guard = guard
		write()
	})
}

// verificationError turns what the transaction coordinator says of a partition into what a producer that writes to it
// is told.
func verificationError(version int16, err error) error {
	switch code := protocol.CodeOf(err); {
	case code == protocol.ProducerFenced:
		return protocol.InvalidProducerEpoch
	case code == protocol.TransactionAbortable && version < firstTxnVersionWithAbortable:
		return protocol.InvalidTxnState
	default:
		return err
	}
}

// txnOffsetCommitCode is ResponseCode for the version.
func txnOffsetCommitCode(version int16, err error) protocol.Code {
	code := machine.ResponseCode(err)
	if code == protocol.CoordinatorLoadInProgress && version < firstTxnVersionWithLoading {
		return protocol.CoordinatorNotAvailable
	}
	return code
}

// splitTxnTopic divides the topic's partitions into those that exist and the answer for those that do not.
func (s *Service) splitTxnTopic(t *kmsg.TxnOffsetCommitRequestTopic) (valid kmsg.TxnOffsetCommitRequestTopic, refused kmsg.TxnOffsetCommitResponseTopic) {
	valid = *t
	valid.Partitions = nil
	refused = kmsg.NewTxnOffsetCommitResponseTopic()
	refused.Topic = t.Topic
	for _, p := range t.Partitions {
		if s.options.Topics.HasPartition(t.Topic, p.Partition) {
			valid.Partitions = append(valid.Partitions, p)
			continue
		}
		answer := kmsg.NewTxnOffsetCommitResponseTopicPartition()
		answer.Partition, answer.ErrorCode = p.Partition, int16(protocol.UnknownTopicOrPartition)
		refused.Partitions = append(refused.Partitions, answer)
	}
	return valid, refused
}

// appendTxnCommitted adds a topic's answers to the response, to the topic's entry where it has one.
func appendTxnCommitted(resp *kmsg.TxnOffsetCommitResponse, topic kmsg.TxnOffsetCommitResponseTopic) {
	for i := range resp.Topics {
		if resp.Topics[i].Topic == topic.Topic {
			resp.Topics[i].Partitions = append(resp.Topics[i].Partitions, topic.Partitions...)
			return
		}
	}
	resp.Topics = append(resp.Topics, topic)
}

// CompleteTransaction writes the marker that ends a producer's transaction into a partition of __consumer_offsets; the
// offsets of the transaction become visible or are dropped. It is done when the marker is committed. Errors are those
// of the coordinator and of the log, as they are: NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS, INVALID_PRODUCER_EPOCH,
// TRANSACTION_COORDINATOR_FENCED, REQUEST_TIMED_OUT and so on.
func (s *Service) CompleteTransaction(partition int32, marker coordinator.Marker, done func(err error)) {
	if s.closed.Load() {
		done(protocol.CoordinatorNotAvailable)
		return
	}
	s.runtime.CompleteTransaction(partition, marker, done)
}
