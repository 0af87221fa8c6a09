package transactions

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// searchBatch is how many topics or partitions one request asks for.
const searchBatch = 500

// search says where to look for hanging transactions.
type search struct {
	broker, partition *int32
	topic             string // empty: all
	olderThan         time.Duration
}

func findHangingCommand(p *tool.Parser) subcommand {
	sub := p.Command("find-hanging", "", "Find hanging transactions.")
	broker := sub.Int("broker-id", "BROKER_ID", "The broker to search.")
	timeout := sub.Int("max-transaction-timeout", "MAX_TRANSACTION_TIMEOUT", "The age in minutes that a transaction must have to be looked at.").Default("15")
	topic := sub.String("topic", "TOPIC", "The topic to search; needed with --partition.")
	partition := sub.Int("partition", "PARTITION", "The partition to search.")
	return func(o *tool.Options) (func(context.Context, *command) error, error) {
		q := search{
			broker: optionalInt(o, broker), partition: optionalInt(o, partition), topic: o.String(topic), olderThan: time.Duration(o.Int(timeout)) * time.Minute,
		}
		switch {
		case !o.Has(topic) && q.broker == nil:
			return nil, tool.Fail("The `find-hanging` command requires either --topic or --broker-id to limit the scope of the search")
		case !o.Has(topic) && q.partition != nil:
			return nil, tool.Fail("The --partition argument requires --topic to be provided")
		}
		return func(ctx context.Context, c *command) error { return c.findHanging(ctx, q) }, nil
	}
}

func (c *command) findHanging(ctx context.Context, q search) error {
	partitions, err := c.partitions(ctx, q)
	if err != nil {
		return err
	}
	candidates, err := c.oldTransactions(ctx, q, partitions)
	if err != nil {
		return err
	}
	hanging, err := c.unknownToCoordinators(ctx, candidates)
	if err != nil {
		return err
	}
	var rows [][]string
	now := c.now()
	for _, s := range hanging {
		rows = append(rows, []string{
			s.TopicPartition.Topic, number(s.TopicPartition.Partition), number(s.ProducerID), number(s.ProducerEpoch), number(s.CoordinatorEpoch),
			number(s.TransactionStart), number(s.LastTimestampMs), number(int64(now.Sub(time.UnixMilli(s.LastTimestampMs)).Minutes())),
		})
	}
	c.table([]string{"Topic", "Partition", "ProducerId", "ProducerEpoch", "CoordinatorEpoch", "StartOffset", "LastTimestamp", "Duration(min)"}, rows)
	return nil
}

// partitions are those to look into.
func (c *command) partitions(ctx context.Context, q search) ([]admin.TopicPartition, error) {
	if q.partition != nil {
		return []admin.TopicPartition{{Topic: q.topic, Partition: *q.partition}}, nil
	}
	topics := []string{q.topic}
	if q.topic == "" {
		var err error
		if topics, err = admin.TopicNames(ctx, c.client, true); err != nil {
			return nil, failed("Failed to list topics", err)
		}
	}
	var partitions []admin.TopicPartition
	for batch := range slices.Chunk(topics, searchBatch) {
		described, err := admin.DescribeTopics(ctx, c.client, batch, 2000)
		if err != nil {
			return nil, failed(fmt.Sprintf("Failed to describe %d topics", len(batch)), err)
		}
		for _, t := range described {
			for _, p := range t.Partitions {
				if q.broker == nil || slices.Contains(p.Replicas, *q.broker) {
					partitions = append(partitions, admin.TopicPartition{Topic: t.Name, Partition: p.Partition})
				}
			}
		}
	}
	return partitions, nil
}

// oldTransactions are the open transactions to which nothing was written for longer than any transaction may take.
func (c *command) oldTransactions(ctx context.Context, q search, partitions []admin.TopicPartition) ([]admin.ProducerState, error) {
	var old []admin.ProducerState
	for batch := range slices.Chunk(partitions, searchBatch) {
		states, err := admin.DescribeProducers(ctx, c.client, batch, q.broker)
		if err != nil {
			return nil, failed(fmt.Sprintf("Failed to describe producers for %d partitions on broker %s", len(batch), optional(q.broker)), err)
		}
		now := c.now().UnixMilli()
		for _, s := range states {
			if s.InTransaction() && now-s.LastTimestampMs > q.olderThan.Milliseconds() {
				old = append(old, s)
			}
		}
	}
	return old, nil
}

// optional writes a number that may be absent as Java's Optional does.
func optional(n *int32) string {
	if n == nil {
		return "Optional.empty"
	}
	return fmt.Sprintf("Optional[%d]", *n)
}

// unknownToCoordinators keeps the transactions that no coordinator will end: it does not know the producer, or knows of no transaction of its in
// the partition.
func (c *command) unknownToCoordinators(ctx context.Context, candidates []admin.ProducerState) ([]admin.ProducerState, error) {
	if len(candidates) == 0 {
		return nil, nil
	}
	var producers []int64
	for _, s := range candidates {
		producers = append(producers, s.ProducerID)
	}
	slices.Sort(producers)
	producers = slices.Compact(producers)
	listed, err := admin.ListTransactions(ctx, c.client, admin.TransactionQuery{ProducerIDs: producers})
	if err != nil {
		return nil, failed(fmt.Sprintf("Failed to list transactions for %d producers", len(producers)), err)
	}
	expected := map[int64][]admin.TopicPartition{}
	for _, t := range listed {
		d, err := admin.DescribeTransaction(ctx, c.client, t.ID)
		if err != nil && !admin.IsUnknownTransaction(err) {
			return nil, failed(fmt.Sprintf("Failed to describe %d transactions", len(listed)), err)
		}
		expected[t.ProducerID] = d.Partitions
	}
	return slices.DeleteFunc(candidates, func(s admin.ProducerState) bool {
		return slices.Contains(expected[s.ProducerID], s.TopicPartition)
	}), nil
}
