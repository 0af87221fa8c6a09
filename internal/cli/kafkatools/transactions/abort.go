package transactions

import (
	"context"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

func abortCommand(p *tool.Parser) subcommand {
	sub := p.Command("abort", "", "Abort a hanging transaction (requires administrative privileges).")
	topic := sub.String("topic", "TOPIC", "The topic.").Required()
	partition := sub.Int("partition", "PARTITION", "The partition.").Required()
	start := sub.Long("start-offset", "START_OFFSET", "The first offset of the transaction; all that brokers since 3.0 need.")
	id := sub.Long("producer-id", "PRODUCER_ID", "The producer's id, for brokers before 3.0, together with the epochs.")
	epoch := sub.Short("producer-epoch", "PRODUCER_EPOCH", "The producer's epoch.")
	coordinator := sub.Int("coordinator-epoch", "COORDINATOR_EPOCH", "The coordinator's epoch.")
	return func(o *tool.Options) (func(context.Context, *command) error, error) {
		spec := admin.AbortSpec{TopicPartition: admin.TopicPartition{Topic: o.String(topic), Partition: o.Int(partition)}}
		if o.Has(start) {
			return func(ctx context.Context, c *command) error { return c.abortAt(ctx, spec, o.Long(start)) }, nil
		}
		for _, needed := range []*tool.Option{id, epoch, coordinator} {
			switch {
			case o.Has(needed):
			case needed == id:
				return nil, tool.Fail("The transaction to abort must be identified either with --start-offset (for brokers on 3.0 or above) or with " +
					"--producer-id, --producer-epoch, and --coordinator-epoch (for older brokers)")
			default:
				return nil, tool.Fail("Missing required argument --%s", needed.Name())
			}
		}
		spec.ProducerID, spec.ProducerEpoch = o.Long(id), int16(o.Int(epoch))
		spec.CoordinatorEpoch = max(o.Int(coordinator), 0) // -1: no coordinator has ended a transaction of this producer here yet
		return func(ctx context.Context, c *command) error { return c.abort(ctx, spec) }, nil
	}
}

// abortAt finds the producer whose transaction starts at an offset, and aborts it.
func (c *command) abortAt(ctx context.Context, spec admin.AbortSpec, start int64) error {
	states, err := admin.DescribeProducers(ctx, c.client, []admin.TopicPartition{spec.TopicPartition}, nil)
	if err != nil {
		return failed("Failed to validate producer state for partition "+spec.TopicPartition.String(), err)
	}
	for _, s := range states {
		if s.InTransaction() && s.TransactionStart == start {
			spec.ProducerID, spec.ProducerEpoch, spec.CoordinatorEpoch = s.ProducerID, int16(s.ProducerEpoch), max(s.CoordinatorEpoch, 0)
			return c.abort(ctx, spec)
		}
	}
	return tool.Fail("Could not find any open transactions starting at offset %d on partition %s", start, spec.TopicPartition)
}

func (c *command) abort(ctx context.Context, spec admin.AbortSpec) error {
	if err := admin.AbortTransaction(ctx, c.client, spec); err != nil {
		return failed("Failed to abort transaction "+spec.String(), err)
	}
	return nil
}
