package clitest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"ottla.dev/ottla/internal/record"
)

// Open begins a transaction, writes a record to a partition, and leaves the transaction open. The producer is there until it is closed or ends
// the transaction.
func Open(ctx context.Context, addr, id, topic string, partition int32, opts ...kgo.Opt) (*kgo.Client, error) {
	opts = append([]kgo.Opt{kgo.SeedBrokers(addr), kgo.TransactionalID(id), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)
	producer, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, err
	}
	if err = producer.BeginTransaction(); err == nil {
		err = producer.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: partition, Value: []byte("in a transaction")}).FirstErr()
	}
	if err != nil {
		producer.Close()
		return nil, err
	}
	return producer, nil
}

// End ends the transaction of a producer that Open gave, and returns when its coordinator has ended it everywhere.
func End(ctx context.Context, producer *kgo.Client, id string, commit bool) error {
	if err := producer.EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
		return err
	}
	for {
		found, err := kadm.NewClient(producer).DescribeTransactions(ctx, id)
		if err != nil {
			return err
		}
		if t := found[id]; t.Err != nil || strings.HasPrefix(t.State, "Complete") {
			return t.Err
		}
	}
}

// produceKey is the key of Produce; up to version 11 the broker does not add the partition to the transaction.
const produceKey = 0

// Hang writes a transactional record of a producer that no coordinator knows, as old as age, so that a transaction hangs in the partition. The
// broker must not verify transactions (transaction.partition.verification.enable=false).
func Hang(ctx context.Context, addr string, producerID int64, topic string, partition int32, age time.Duration) error {
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(produceKey, 11)
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.MaxVersions(versions))
	if err != nil {
		return err
	}
	defer client.Close()
	batch, err := hangingBatch(producerID, time.Now().Add(-age))
	if err != nil {
		return err
	}
	id := fmt.Sprintf("nobody-%d", producerID)
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis, req.TransactionID = -1, 10_000, &id
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = partition, batch
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	if answer := resp.Topics[0].Partitions[0]; answer.ErrorCode != 0 {
		return fmt.Errorf("produce without a transaction: error code %d", answer.ErrorCode)
	}
	return nil
}

func hangingBatch(producerID int64, at time.Time) ([]byte, error) {
	b := record.NewBuilder(record.CodecNone)
	b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Transactional = producerID, 0, 0, true
	if err := b.Append(&record.Record{Timestamp: at.UnixMilli(), Value: []byte("nobody ends this")}); err != nil {
		return nil, err
	}
	return b.Build()
}
