package transactions

import (
	"context"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

func producersCommand(p *tool.Parser) subcommand {
	sub := p.Command("describe-producers", "", "Describe the states of the active producers of a partition.")
	broker := sub.Int("broker-id", "BROKER_ID", "The broker whose replica is asked; the leader's if absent.")
	topic := sub.String("topic", "TOPIC", "The topic.").Required()
	partition := sub.Int("partition", "PARTITION", "The partition.").Required()
	return func(o *tool.Options) (func(context.Context, *command) error, error) {
		tp := admin.TopicPartition{Topic: o.String(topic), Partition: o.Int(partition)}
		on := optionalInt(o, broker)
		return func(ctx context.Context, c *command) error { return c.producers(ctx, tp, on) }, nil
	}
}

func optionalInt(o *tool.Options, option *tool.Option) *int32 {
	if !o.Has(option) {
		return nil
	}
	n := o.Int(option)
	return &n
}

func (c *command) producers(ctx context.Context, tp admin.TopicPartition, broker *int32) error {
	states, err := admin.DescribeProducers(ctx, c.client, []admin.TopicPartition{tp}, broker)
	if err != nil {
		who := "leader"
		if broker != nil {
			who = "broker " + number(*broker)
		}
		return failed("Failed to describe producers for partition "+tp.String()+" on "+who, err)
	}
	var rows [][]string
	for _, s := range states {
		start := "None"
		if s.InTransaction() {
			start = number(s.TransactionStart)
		}
		rows = append(rows, []string{
			number(s.ProducerID), number(s.ProducerEpoch), number(s.CoordinatorEpoch), number(s.LastSequence), number(s.LastTimestampMs), start,
		})
	}
	c.table([]string{"ProducerId", "ProducerEpoch", "LatestCoordinatorEpoch", "LastSequence", "LastTimestamp", "CurrentTransactionStartOffset"}, rows)
	return nil
}
