package service

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/gather"
	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/protocol"
)

// firstAddPartitionsBatched is the version of AddPartitionsToTxn that is between brokers and has several transactions.
const firstAddPartitionsBatched = 4

// versionOfPartitionLeaders is the level of transaction.version that those clients go by for whom a partition leader
// adds the partitions.
const versionOfPartitionLeaders = 2

// AddPartitionsToTxn handles AddPartitionsToTxn v0 to v5. A transaction of which a partition does not exist is refused
// as a whole.
func (s *Service) AddPartitionsToTxn(req *kmsg.AddPartitionsToTxnRequest, reply func(*kmsg.AddPartitionsToTxnResponse)) {
	if req.Version < firstAddPartitionsBatched {
		partitions := partitionsOf(req.Topics)
		if codes := refuseInternal(partitions, s.options.PartitionExists); codes != nil {
			resp := req.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
			resp.Topics = topicsWithCodes(req.Version, req.Topics, codes)
			reply(resp)
			return
		}
		s.addExisting(req.TransactionalID, req.ProducerID, req.ProducerEpoch, partitions, false, 0, func(codes []protocol.Code) {
			resp := req.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
			resp.Topics = topicsWithCodes(req.Version, req.Topics, codes)
			reply(resp)
		})
		return
	}
	parts := gather.New(len(req.Transactions), func(answers []kmsg.AddPartitionsToTxnResponseTransaction) {
		resp := req.ResponseKind().(*kmsg.AddPartitionsToTxnResponse)
		resp.Transactions = answers
		reply(resp)
	})
	for i := range req.Transactions {
		t := &req.Transactions[i]
		var partitions []txn.TopicPartition
		for _, topic := range t.Topics {
			for _, p := range topic.Partitions {
				partitions = append(partitions, txn.TopicPartition{Topic: topic.Topic, Partition: p})
			}
		}
		s.addExisting(t.TransactionalID, t.ProducerID, t.ProducerEpoch, partitions, t.VerifyOnly, versionOfPartitionLeaders, func(codes []protocol.Code) {
			parts.Put(i, transactionWithCodes(t, codes))
		})
	}
}

// AddOrVerify is what AddPartitionsToTxn v5 is between brokers, in process: it adds the partitions to the producer's
// transaction or, with verifyOnly, tells whether they are in it. There is one code for each partition, as the
// coordinator gives it; see LeaderCode.
func (s *Service) AddOrVerify(transactionalID string, producerID int64, producerEpoch int16, partitions []txn.TopicPartition, verifyOnly bool, done func(codes []protocol.Code)) {
	if verifyOnly {
		s.verify(transactionalID, producerID, producerEpoch, partitions, done)
		return
	}
	s.add(transactionalID, producerID, producerEpoch, partitions, versionOfPartitionLeaders, func(code protocol.Code) {
		done(repeat(code, len(partitions)))
	})
}

// LeaderCode is what a partition leader tells its client of what AddOrVerify answered. knowsAbortable is set for the
// versions whose clients know TRANSACTION_ABORTABLE: Produce from v11 and TxnOffsetCommit from v4 on.
func LeaderCode(code protocol.Code, knowsAbortable bool) protocol.Code {
	switch {
	case code == protocol.ProducerFenced:
		return protocol.InvalidProducerEpoch
	case code == protocol.TransactionAbortable && !knowsAbortable:
		return protocol.InvalidTxnState
	default:
		return code
	}
}

// addExisting adds or verifies partitions if they all exist.
func (s *Service) addExisting(transactionalID string, producerID int64, producerEpoch int16, partitions []txn.TopicPartition, verifyOnly bool, clientVersion int16, done func([]protocol.Code)) {
	codes := repeat(protocol.OperationNotAttempted, len(partitions))
	allExist := true
	for i, tp := range partitions {
		if !s.options.PartitionExists(tp.Topic, tp.Partition) {
			codes[i], allExist = protocol.UnknownTopicOrPartition, false
		}
	}
	switch {
	case !allExist:
		done(codes)
	case verifyOnly:
		s.verify(transactionalID, producerID, producerEpoch, partitions, done)
	default:
		s.add(transactionalID, producerID, producerEpoch, partitions, clientVersion, func(code protocol.Code) {
			done(repeat(code, len(partitions)))
		})
	}
}

// internalTopics are written to by brokers only. A transaction comes to the offsets topic by AddOffsetsToTxn.
var internalTopics = []string{"__consumer_offsets", "__transaction_state", "__share_group_state"}

// refuseInternal returns the codes for a client that names internal topics, nil if it names none.
func refuseInternal(partitions []txn.TopicPartition, exists func(topic string, partition int32) bool) []protocol.Code {
	if !slices.ContainsFunc(partitions, func(tp txn.TopicPartition) bool { return slices.Contains(internalTopics, tp.Topic) }) {
		return nil
	}
	codes := make([]protocol.Code, len(partitions))
	for i, tp := range partitions {
		switch {
		case slices.Contains(internalTopics, tp.Topic):
			codes[i] = protocol.TopicAuthorizationFailed
		case !exists(tp.Topic, tp.Partition):
			codes[i] = protocol.UnknownTopicOrPartition
		default:
			codes[i] = protocol.OperationNotAttempted
		}
	}
	return codes
}

func partitionsOf(topics []kmsg.AddPartitionsToTxnRequestTopic) []txn.TopicPartition {
	var partitions []txn.TopicPartition
	for _, topic := range topics {
		for _, p := range topic.Partitions {
			partitions = append(partitions, txn.TopicPartition{Topic: topic.Topic, Partition: p})
		}
	}
	return partitions
}

// topicsWithCodes puts the codes into the form of v0 to v3.
func topicsWithCodes(version int16, topics []kmsg.AddPartitionsToTxnRequestTopic, codes []protocol.Code) []kmsg.AddPartitionsToTxnResponseTopic {
	answers := make([]kmsg.AddPartitionsToTxnResponseTopic, 0, len(topics))
	next := 0
	for _, topic := range topics {
		answer := kmsg.NewAddPartitionsToTxnResponseTopic()
		answer.Topic = topic.Topic
		for _, p := range topic.Partitions {
			code := codes[next]
			if code == protocol.ProducerFenced && version < 2 {
				code = protocol.InvalidProducerEpoch // older clients do not know the other
			}
			part := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
			part.Partition, part.ErrorCode = p, int16(code)
			answer.Partitions = append(answer.Partitions, part)
			next++
		}
		answers = append(answers, answer)
	}
	return answers
}

// transactionWithCodes puts the codes into the form of v4 on.
func transactionWithCodes(t *kmsg.AddPartitionsToTxnRequestTransaction, codes []protocol.Code) kmsg.AddPartitionsToTxnResponseTransaction {
	answer := kmsg.NewAddPartitionsToTxnResponseTransaction()
	answer.TransactionalID = t.TransactionalID
	next := 0
	for _, topic := range t.Topics {
		part := kmsg.NewAddPartitionsToTxnResponseTransactionTopic()
		part.Topic = topic.Topic
		for _, p := range topic.Partitions {
			partition := kmsg.NewAddPartitionsToTxnResponseTransactionTopicPartition()
			partition.Partition, partition.ErrorCode = p, int16(codes[next])
			part.Partitions = append(part.Partitions, partition)
			next++
		}
		answer.Topics = append(answer.Topics, part)
	}
	return answer
}
