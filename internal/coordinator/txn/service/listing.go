package service

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/gather"
	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/protocol"
)

// listed is what one shard knows of the transactional ids.
type listed struct {
	states []kmsg.ListTransactionsResponseTransactionState
	code   protocol.Code
}

// ListTransactions handles ListTransactions v0 to v2. It lists the transactional ids that this broker coordinates.
func (s *Service) ListTransactions(req *kmsg.ListTransactionsRequest, reply func(*kmsg.ListTransactionsResponse)) {
	fail := func(code protocol.Code) {
		resp := req.ResponseKind().(*kmsg.ListTransactionsResponse)
		resp.ErrorCode = int16(code)
		reply(resp)
	}
	if s.closed.Load() {
		fail(protocol.CoordinatorNotAvailable)
		return
	}
	filter, err := txn.NewListFilter(req)
	if err != nil {
		fail(protocol.CodeOf(err))
		return
	}
	partitions := s.runtime.Partitions()
	parts := gather.New(len(partitions), func(shards []listed) {
		resp := req.ResponseKind().(*kmsg.ListTransactionsResponse)
		resp.UnknownStateFilters = filter.UnknownStates
		for _, shard := range shards {
			if shard.code == protocol.CoordinatorLoadInProgress {
				fail(shard.code) // a list that misses some would mislead
				return
			}
			resp.TransactionStates = append(resp.TransactionStates, shard.states...)
		}
		reply(resp)
	})
	now := s.options.Clock.Now()
	for i, partition := range partitions {
		s.runtime.Read(partition, func(m *txn.Machine) {
			parts.Put(i, listed{states: m.ListTransactions(now, filter)})
		}, func(err error) { parts.Put(i, listed{code: machine.ResponseCode(err)}) })
	}
}

// DescribeTransactions handles DescribeTransactions v0. An id that is asked for twice is answered twice, as Kafka does.
func (s *Service) DescribeTransactions(req *kmsg.DescribeTransactionsRequest, reply func(*kmsg.DescribeTransactionsResponse)) {
	parts := gather.New(len(req.TransactionalIDs), func(states []kmsg.DescribeTransactionsResponseTransactionState) {
		resp := req.ResponseKind().(*kmsg.DescribeTransactionsResponse)
		resp.TransactionStates = slices.Clip(states)
		reply(resp)
	})
	for i, id := range req.TransactionalIDs {
		switch {
		case s.closed.Load():
			parts.Put(i, txn.DescribeTransactionError(id, protocol.CoordinatorNotAvailable))
		case id == "":
			parts.Put(i, txn.DescribeTransactionError(id, protocol.InvalidRequest))
		default:
			s.runtime.Read(s.PartitionFor(id), func(m *txn.Machine) {
				parts.Put(i, m.DescribeTransaction(id))
			}, func(err error) { parts.Put(i, txn.DescribeTransactionError(id, machine.ResponseCode(err))) })
		}
	}
}
