package txn

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

type producersOptions struct {
	topic     string
	partition *int32
	open      bool
}

// producer is what a partition remembers of a producer.
type producer struct {
	Topic            string `json:"topic"`
	Partition        int32  `json:"partition"`
	ProducerID       int64  `json:"producer_id"`
	ProducerEpoch    int32  `json:"producer_epoch"`
	LastSequence     int32  `json:"last_sequence"` // -1: none since its last transaction ended
	LastWrittenMs    int64  `json:"last_written_ms"`
	CoordinatorEpoch int32  `json:"coordinator_epoch"` // of the last marker; -1: none
	TransactionStart int64  `json:"transaction_start"` // the first offset of the open transaction; -1: none
}

func describedProducer(p admin.ProducerState) producer {
	return producer{
		Topic: p.TopicPartition.Topic, Partition: p.TopicPartition.Partition, ProducerID: p.ProducerID, ProducerEpoch: p.ProducerEpoch,
		LastSequence: p.LastSequence, LastWrittenMs: p.LastTimestampMs, CoordinatorEpoch: p.CoordinatorEpoch, TransactionStart: p.TransactionStart,
	}
}

func producersCommand(p *profile.Profile) *cobra.Command {
	var o producersOptions
	c := &cobra.Command{
		Use:   "producers TOPIC [PARTITION]",
		Short: "Show the idempotent and transactional producers that partitions remember",
		Long: `Show the producers that the partitions of a topic remember: all that write with a producer id, until they are quiet for a day
(producer.id.expiration.ms). OPEN FROM is the first offset of a transaction that is open in the partition: readers of committed records wait there.`,
		Example: `  ottla txn producers orders
  ottla txn producers orders 0 -o wide
  ottla txn producers orders --open`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: p.Topics(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.topic = args[0]
			if len(args) > 1 {
				n, err := partition(args[1])
				if err != nil {
					return err
				}
				o.partition = &n
			}
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return producers(ctx, s, o) })
		},
	}
	c.Flags().BoolVar(&o.open, "open", false, "only producers with an open transaction")
	return c
}

func producers(ctx context.Context, s *profile.Session, o producersOptions) error {
	partitions, err := partitionsOf(ctx, s, o.topic)
	if err != nil {
		return err
	}
	if o.partition != nil {
		one := admin.TopicPartition{Topic: o.topic, Partition: *o.partition}
		if err := onePartition(ctx, s, one); err != nil {
			return err
		}
		partitions = []admin.TopicPartition{one}
	}
	states, err := admin.DescribeProducers(ctx, client(s), partitions, nil)
	if err != nil {
		return told("topic "+o.topic, err)
	}
	items := []producer{}
	sheet := output.NewSheet(output.Right("PARTITION"), output.Right("PRODUCER"), output.Right("EPOCH"), output.Right("OPEN FROM"), output.Left("LAST WRITTEN"),
		output.Right("AGO"), output.Right("LAST SEQUENCE").InWide(), output.Right("COORDINATOR EPOCH").InWide()).IfEmpty("no producers")
	now := time.Now()
	for _, state := range states {
		if o.open && !state.InTransaction() {
			continue
		}
		p := describedProducer(state)
		items = append(items, p)
		sheet.Row(p.Partition, p.ProducerID, p.ProducerEpoch, output.Count(p.TransactionStart), date(p.LastWrittenMs), age(now, p.LastWrittenMs),
			output.Count(int64(p.LastSequence)), output.Count(int64(p.CoordinatorEpoch)))
	}
	return s.Out.Print(items, sheet)
}
