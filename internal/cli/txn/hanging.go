package txn

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// maxTimeout is how long a transaction may take by default (transaction.max.timeout.ms).
const maxTimeout = 15 * time.Minute

type hangingOptions struct {
	topics    []string
	olderThan time.Duration
}

func hangingCommand(p *profile.Profile) *cobra.Command {
	var o hangingOptions
	c := &cobra.Command{
		Use:   "hanging [TOPIC...]",
		Short: "Find transactions that are open in a partition and that nobody will end",
		Long: `Find hanging transactions, in all topics or in some. A transaction hangs if it is open in a partition, nothing was written to it for longer
than --older-than, and its coordinator does not know it there; or if its coordinator has it open for longer than its timeout. While it hangs, readers
of committed records get nothing behind it, and the log cleaner stays before it. COMMAND is what ends it.`,
		Example: `  ottla txn hanging
  ottla txn hanging orders payments --older-than 1h
  ottla txn hanging -o json`,
		ValidArgsFunction: p.Topics(0),
		RunE: func(c *cobra.Command, args []string) error {
			o.topics = args
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return findHanging(ctx, s, o) })
		},
	}
	c.Flags().DurationVar(&o.olderThan, "older-than", maxTimeout, "how long nothing was written to the transaction; the brokers' transaction.max.timeout.ms is right")
	return c
}

func findHanging(ctx context.Context, s *profile.Session, o hangingOptions) error {
	if o.olderThan < 0 {
		return output.Usagef("--older-than %s: must not be negative", o.olderThan)
	}
	partitions, err := partitionsOf(ctx, s, o.topics...)
	if err != nil {
		return err
	}
	f := &finder{s: s, olderThan: o.olderThan, now: time.Now(), partitions: partitions}
	found, err := f.find(ctx)
	if err != nil {
		return err
	}
	sheet := output.NewSheet(output.Left("TOPIC"), output.Right("PARTITION"), output.Right("OPEN FROM"), output.Right("PRODUCER"), output.Right("EPOCH").InWide(),
		output.Left("LAST WRITTEN").InWide(), output.Right("QUIET FOR"), output.Left("REASON"), output.Left("COMMAND")).IfEmpty("no hanging transactions")
	for _, h := range found {
		sheet.Row(h.Topic, h.Partition, h.TransactionStart, h.ProducerID, h.ProducerEpoch, date(h.LastWrittenMs), age(f.now, h.LastWrittenMs), h.Reason, h.Command)
	}
	if found == nil {
		found = []hanging{}
	}
	return s.Out.Print(found, sheet)
}
