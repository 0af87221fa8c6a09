package txn

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// DescribeTransactionError is the answer for a transactional id of which nothing can be told.
func DescribeTransactionError(transactionalID string, code protocol.Code) kmsg.DescribeTransactionsResponseTransactionState {
	state := kmsg.NewDescribeTransactionsResponseTransactionState()
	state.TransactionalID, state.ErrorCode = transactionalID, int16(code)
	return state
}

// DescribeTransaction tells what is committed of a transactional id. While markers are written, the partitions are those
// that still lack theirs.
func (m *Machine) DescribeTransaction(transactionalID string) kmsg.DescribeTransactionsResponseTransactionState {
	if transactionalID == "" {
		return DescribeTransactionError(transactionalID, protocol.InvalidRequest)
	}
	t := m.transactions[transactionalID]
	if t == nil || t.committed.state == Dead {
		return DescribeTransactionError(transactionalID, protocol.TransactionalIDNotFound)
	}
	md := t.committed
	state := DescribeTransactionError(transactionalID, protocol.None)
	state.State = md.state.String()
	state.ProducerID, state.ProducerEpoch = md.producerID, md.producerEpoch
	state.TimeoutMillis, state.StartTimestamp = md.timeoutMs, md.startMs
	topics := md.topics
	if t.completion != nil {
		topics = t.completion.missing
	}
	for _, tp := range topics {
		topic := kmsg.NewDescribeTransactionsResponseTransactionStateTopic()
		topic.Topic = tp.Topic
		topic.Partitions = append(topic.Partitions, tp.Partitions...) // the machine's own shrink meanwhile
		state.Topics = append(state.Topics, topic)
	}
	return state
}
