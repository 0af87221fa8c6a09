// Package service is the transaction coordinator as the rest of the broker sees it: it finds the shard of a transactional
// id, hands it the request, fetches producer ids, and sends markers. The decisions are in package txn.
//
// Every request is answered exactly once through its reply function, now or later, from any goroutine; the function
// must not block. Requests are not changed. Their strings are kept, so they must not share memory with a buffer that is
// used again.
package service

import (
	"log/slog"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/protocol"
)

// Options are what a Service is made of. None of the functions may block.
type Options struct {
	Clock  clock.Clock
	Logger *slog.Logger
	// Config returns the settings as they are now; it is called for each request and must be cheap.
	Config func() txn.Config
	// PartitionCount returns the number of partitions of __transaction_state.
	PartitionCount func() int32
	// NextProducerID gets a producer id that nobody has had; done may be called at once, or later from any goroutine.
	NextProducerID func(done func(id int64, err error))
	// TransactionVersion returns the finalized level of the feature transaction.version.
	TransactionVersion func() int16
	// GroupPartition returns the partition of the offsets topic that a group's offsets are in.
	GroupPartition func(groupID string) int32
	// OffsetsTopic is the name of the offsets topic.
	OffsetsTopic string
	// WriteMarkers has markers written by the leaders of their partitions; done may be called at once, or later from
	// any goroutine. The request is not used again before done, and belongs to the service.
	WriteMarkers func(req *kmsg.WriteTxnMarkersRequest, done func(*kmsg.WriteTxnMarkersResponse, error))
	// PartitionExists tells whether the cluster has the partition.
	PartitionExists func(topic string, partition int32) bool
	// Go runs a load in the background; nil means a goroutine. Tests and the simulator run it in place.
	Go func(task func())
}

// Service is the transaction coordinator of one broker.
type Service struct {
	options Options
}

// New returns a Service that leads no partition yet.
func New(options Options) *Service { return &Service{options: options} }

// PartitionFor returns the partition of __transaction_state that the transactional id lives in.
func (s *Service) PartitionFor(transactionalID string) int32 {
	return group.PartitionFor(transactionalID, s.options.PartitionCount())
}

// OnPartitionLeader is called when this broker becomes the leader of a partition of __transaction_state, and when it
// stays so in a newer epoch. Loading begins; it returns at once.
func (s *Service) OnPartitionLeader(partition, leaderEpoch int32, log coordinator.Log) {}

// OnPartitionResigned is called when this broker is no longer the leader of the partition, with the leader epoch in
// which somebody else is, or -1 when the partition is gone.
func (s *Service) OnPartitionResigned(partition, leaderEpoch int32) {}

// Close unloads every shard.
func (s *Service) Close() {}

// InitProducerID handles InitProducerId v0 to v5 with a transactional id. Those without one are not the coordinator's.
func (s *Service) InitProducerID(req *kmsg.InitProducerIDRequest, reply func(*kmsg.InitProducerIDResponse)) {
	panic("not yet")
}

// AddPartitionsToTxn handles AddPartitionsToTxn v0 to v5.
func (s *Service) AddPartitionsToTxn(req *kmsg.AddPartitionsToTxnRequest, reply func(*kmsg.AddPartitionsToTxnResponse)) {
	panic("not yet")
}

// AddOffsetsToTxn handles AddOffsetsToTxn v0 to v4.
func (s *Service) AddOffsetsToTxn(req *kmsg.AddOffsetsToTxnRequest, reply func(*kmsg.AddOffsetsToTxnResponse)) {
	panic("not yet")
}

// EndTxn handles EndTxn v0 to v5.
func (s *Service) EndTxn(req *kmsg.EndTxnRequest, reply func(*kmsg.EndTxnResponse)) { panic("not yet") }

// ListTransactions handles ListTransactions v0 to v2.
func (s *Service) ListTransactions(req *kmsg.ListTransactionsRequest, reply func(*kmsg.ListTransactionsResponse)) {
	panic("not yet")
}

// DescribeTransactions handles DescribeTransactions v0.
func (s *Service) DescribeTransactions(req *kmsg.DescribeTransactionsRequest, reply func(*kmsg.DescribeTransactionsResponse)) {
	panic("not yet")
}

// AddOrVerify is what AddPartitionsToTxn v5 is between brokers, in process: it adds the partitions to the producer's
// transaction or, with verifyOnly, tells whether they are in it. There is one code for each partition, as the
// coordinator gives it; Kafka's partition leaders pass on PRODUCER_FENCED as INVALID_PRODUCER_EPOCH, and
// TRANSACTION_ABORTABLE to clients that do not know it (Produce before v11, TxnOffsetCommit before v4) as
// INVALID_TXN_STATE.
func (s *Service) AddOrVerify(transactionalID string, producerID int64, producerEpoch int16, partitions []txn.TopicPartition, verifyOnly bool, done func(codes []protocol.Code)) {
	panic("not yet")
}
