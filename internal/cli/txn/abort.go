package txn

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

type abortOptions struct {
	where  admin.TopicPartition
	offset int64
	force  bool
	yes    bool
	dryRun bool
}

func abortCommand(p *profile.Profile) *cobra.Command {
	var o abortOptions
	c := &cobra.Command{
		Use:   "abort TOPIC PARTITION OFFSET",
		Short: "Abort a hanging transaction in a partition, past its coordinator",
		Long: `Have the leader of a partition write an abort marker for the transaction that is open there from OFFSET on: its records become aborted in this
partition alone. That is right for a transaction that hangs (ottla txn hanging), and refused for one that its coordinator still knows, which
ottla txn fence ends everywhere; --force aborts that too and breaks its atomicity. On a terminal you are asked first; --yes answers.`,
		Example: `  ottla txn abort orders 0 1234
  ottla txn abort orders 0 1234 --yes
  ottla txn abort orders 0 1234 --dry-run`,
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: p.Topics(1),
		RunE: func(c *cobra.Command, args []string) error {
			number, err := partition(args[1])
			if err != nil {
				return err
			}
			if o.offset, err = strconv.ParseInt(args[2], 10, 64); err != nil || o.offset < 0 {
				return output.Usagef("%q is no offset: give the first offset of the transaction", args[2])
			}
			o.where = admin.TopicPartition{Topic: args[0], Partition: number}
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return abort(ctx, s, o) })
		},
	}
	f := c.Flags()
	f.BoolVar(&o.force, "force", false, "also abort a transaction that its coordinator still knows")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be aborted, and change nothing")
	return c
}

func abort(ctx context.Context, s *profile.Session, o abortOptions) error {
	if err := onePartition(ctx, s, o.where); err != nil {
		return err
	}
	f := &finder{s: s, now: time.Now(), partitions: []admin.TopicPartition{o.where}}
	p, err := f.transactionAt(ctx, o)
	if err != nil {
		return err
	}
	if err := f.requireHanging(ctx, p, o.force); err != nil {
		return err
	}
	r := output.Result{
		Name: fmt.Sprintf("%s/%d from offset %d", o.where.Topic, o.where.Partition, o.offset), Action: "aborted", DryRun: o.dryRun,
		Detail: fmt.Sprintf("producer %d, epoch %d", p.ProducerID, p.ProducerEpoch),
	}
	if o.dryRun {
		r.Action = "would be aborted"
		return s.Out.Results("transaction", []output.Result{r})
	}
	err = s.Confirm(o.yes, "Abort the transaction of producer %d that is open in %s, partition %d, from offset %d on?", p.ProducerID, o.where.Topic, o.where.Partition, o.offset)
	if err != nil {
		return err
	}
	err = admin.AbortTransaction(ctx, client(s), admin.AbortSpec{
		TopicPartition: o.where, ProducerID: p.ProducerID, ProducerEpoch: int16(p.ProducerEpoch), CoordinatorEpoch: max(p.CoordinatorEpoch, 0),
	})
	if err != nil {
		r = r.Fail("transaction "+r.Name, plain(err), "")
	}
	return s.Out.Results("transaction", []output.Result{r})
}

// transactionAt finds the producer whose transaction begins at the offset.
func (f *finder) transactionAt(ctx context.Context, o abortOptions) (admin.ProducerState, error) {
	open, err := f.open(ctx, f.partitions)
	if err != nil {
		return admin.ProducerState{}, err
	}
	for _, p := range open {
		if p.TransactionStart == o.offset {
			return p, nil
		}
	}
	return admin.ProducerState{}, output.NotFoundf("no transaction is open in %s, partition %d, from offset %d on", o.where.Topic, o.where.Partition, o.offset).
		WithHint("`ottla txn producers %s %d --open` shows those that are.", o.where.Topic, o.where.Partition)
}

// requireHanging refuses a transaction that its coordinator expects to end in the partition.
func (f *finder) requireHanging(ctx context.Context, p admin.ProducerState, force bool) error {
	owners, err := f.owners(ctx, []admin.ProducerState{p})
	if err != nil {
		return err
	}
	owner := owners[p.ProducerID]
	if force || !slices.Contains(owner.sorted, p.TopicPartition) {
		return nil
	}
	return output.Refusedf("this transaction does not hang: its coordinator knows it, transactional id %s, state %s", owner.ID, owner.State).
		WithHint("`ottla txn fence %s` ends it everywhere; --force aborts it here alone.", owner.ID)
}
