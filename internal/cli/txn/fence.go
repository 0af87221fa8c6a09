package txn

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

type fenceOptions struct {
	ids    []string
	yes    bool
	dryRun bool
}

func fenceCommand(p *profile.Profile) *cobra.Command {
	var o fenceOptions
	c := &cobra.Command{
		Use:   "fence ID...",
		Short: "Fence the producer of a transactional id, and abort its open transaction",
		Long: `Give the producer of a transactional id a new epoch, as a new producer with the same id would: the one that runs is refused from now on, and
the transaction that it has open is aborted in all partitions. On a terminal you are asked first; --yes answers.`,
		Example: `  ottla txn fence payments-1
  ottla txn fence payments-1 payments-2 --yes
  ottla txn fence payments-1 --dry-run`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: ids(p, 0),
		RunE: func(c *cobra.Command, args []string) error {
			o.ids = args
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return fence(ctx, s, o) })
		},
	}
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would be fenced, and change nothing")
	return c
}

// fence leaves ids alone that no coordinator knows: asking for a new epoch would make them.
func fence(ctx context.Context, s *profile.Session, o fenceOptions) error {
	var results []output.Result
	var known []string
	for _, id := range o.ids {
		r := output.Result{Name: id, Action: "fenced", DryRun: o.dryRun}
		d, err := describeOne(ctx, s, id)
		switch {
		case err != nil:
			r.Action, r.Error = "", output.Classify(err)
		case d.open():
			r.Detail = "its open transaction is aborted in " + d.partitionText()
		default:
			r.Detail = "it had no open transaction"
		}
		if r.Error == nil {
			known = append(known, id)
		}
		results = append(results, r)
	}
	if !o.dryRun && len(known) > 0 {
		if err := s.Confirm(o.yes, "Fence %s (%s) and abort what is open?", output.Plural(len(known), "producer"), strings.Join(known, ", ")); err != nil {
			return err
		}
	}
	for i, r := range results {
		switch {
		case r.Error != nil:
		case o.dryRun:
			results[i].Action = "would be fenced"
		default:
			if err := admin.FenceProducer(ctx, client(s), r.Name); err != nil {
				results[i] = r.Fail("transactional id "+r.Name, plain(err), "")
			}
		}
	}
	return s.Out.Results("producer of", results)
}
