package service

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/protocol"
)

// VerifyTransaction asks whether the partition of __consumer_offsets is part of the producer's open transaction.
// Where supportsEpochBump is set (TxnOffsetCommit v5, transactions of version 2), it adds the partition if it is not.
// It answers once, from any goroutine: with the guard that the log gave out for the append (a storage.VerificationGuard,
// 0 when there was nothing to verify), or with the reason of the refusal as a protocol.Code or an error that has one.
type VerifyTransaction = func(partition int32, transactionalID string, producerID int64, epoch int16, supportsEpochBump bool, done func(guard uint64, err error))

// TxnOffsetCommit handles TxnOffsetCommit v0 to v5.
func (s *Service) TxnOffsetCommit(_ group.RequestContext, req *kmsg.TxnOffsetCommitRequest, reply func(*kmsg.TxnOffsetCommitResponse)) {
	reply(group.TxnOffsetCommitError(req, protocol.CoordinatorNotAvailable))
}

// CompleteTransaction writes the marker that ends a producer's transaction into a partition of __consumer_offsets; the
// offsets of the transaction become visible or are dropped. It is done when the marker is committed.
func (s *Service) CompleteTransaction(partition int32, marker coordinator.Marker, done func(err error)) {
	s.runtime.CompleteTransaction(partition, marker, done)
}
