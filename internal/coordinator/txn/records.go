package txn

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/coordinator/machine"
)

const (
	keyVersion      = 0
	maxValueVersion = 1
)

// valueVersion returns the version of the record of md at a level of transaction.version. The first has no tagged
// fields. What only these hold is not lost when the level was lowered from 2 to 0 under a transaction, though (Kafka fails
// to write such a record).
func valueVersion(transactionVersion int16, md *metadata) int16 {
	if transactionVersion < 1 && md.clientVersion == 0 && md.nextProducerID == noProducerID {
		return 0
	}
	return 1
}

// encodeRecord makes the record that says md of the transactional id. The slice is scratch space, and returned.
func encodeRecord(transactionalID string, md *metadata, version int16, topics []kmsg.TxnMetadataValueTopic) (machine.Record, []kmsg.TxnMetadataValueTopic) {
	value := kmsg.TxnMetadataValue{
		Version: version, ProducerID: md.producerID, ProducerEpoch: md.producerEpoch, TimeoutMillis: md.timeoutMs,
		State: kmsg.TransactionState(md.state), LastUpdateTimestamp: md.updatedMs, StartTimestamp: md.startMs,
		PreviousProducerID: md.previousProducerID, NextProducerID: md.nextProducerID, NextProducerEpoch: noProducerEpoch,
		ClientTransactionVersion: md.clientVersion,
	}
	topics = topics[:0]
	size := 64
	for i := range md.topics {
		topics = append(topics, kmsg.TxnMetadataValueTopic{Topic: md.topics[i].Topic, Partitions: md.topics[i].Partitions})
		size += 8 + len(md.topics[i].Topic) + 4*len(md.topics[i].Partitions)
	}
	if md.state != Empty { // null without a transaction
		value.Topics = topics
		if topics == nil {
			value.Topics = []kmsg.TxnMetadataValueTopic{}
		}
	}
	record := machine.Record{Key: encodeKey(transactionalID), Value: value.AppendTo(make([]byte, 0, size))}
	clear(topics)
	return record, topics
}

func encodeKey(transactionalID string) []byte {
	key := kmsg.TxnMetadataKey{Version: keyVersion, TransactionalID: transactionalID}
	return key.AppendTo(make([]byte, 0, 4+len(transactionalID)))
}

// errUnknownVersion marks a key or value of a version that only a later coordinator knows.
var errUnknownVersion = errors.New("unknown version")

func decodeKey(key []byte) (transactionalID string, err error) {
	version, err := leadingVersion(key)
	if err != nil {
		return "", fmt.Errorf("key of a transaction: %w", err)
	}
	if version != keyVersion {
		return "", errUnknownVersion
	}
	var k kmsg.TxnMetadataKey
	if err := k.ReadFrom(key); err != nil {
		return "", fmt.Errorf("key of a transaction: %w", err)
	}
	return k.TransactionalID, nil
}

func leadingVersion(b []byte) (int16, error) {
	if len(b) < 2 {
		return 0, fmt.Errorf("%d bytes are too short", len(b))
	}
	return int16(b[0])<<8 | int16(b[1]), nil
}
