package topic

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

type deleteOptions struct {
	names    []string
	ifExists bool
	yes      bool
	dryRun   bool
}

func deleteCommand(p *profile.Profile) *cobra.Command {
	var o deleteOptions
	c := &cobra.Command{
		Use:     "delete NAME...",
		Aliases: []string{"rm"},
		Short:   "Delete topics with all their records",
		Long:    "Delete topics with all their records. On a terminal you are asked first; --yes answers.",
		Example: `  ottla topic delete orders
  ottla topic delete orders returns --yes
  ottla topic delete orders --dry-run`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: p.Topics(0),
		RunE: func(c *cobra.Command, args []string) error {
			o.names = profile.Distinct(args)
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return remove(ctx, s, o) })
		},
	}
	f := c.Flags()
	f.BoolVar(&o.ifExists, "if-exists", false, "do not mind a topic that does not exist")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be deleted, and change nothing")
	return c
}

func remove(ctx context.Context, s *profile.Session, o deleteOptions) error {
	found, err := s.Admin.ListTopicsWithInternal(ctx, o.names...)
	if err != nil {
		return err
	}
	var results []output.Result
	var existing []string
	for _, name := range o.names {
		r := output.Result{Name: name, Action: "deleted", DryRun: o.dryRun}
		t := found[name]
		err := output.About("topic "+name, t.Err, "")
		switch {
		case output.IsNotFound(err) && o.ifExists:
			r.Action = "does not exist"
		case err != nil:
			r = r.Fail("topic "+name, t.Err, "")
		default:
			existing = append(existing, name)
			if o.dryRun {
				r.Action = "would be deleted"
			}
			r.Detail = output.Plural(len(t.Partitions), "partition")
		}
		results = append(results, r)
	}
	if o.dryRun || len(existing) == 0 {
		return s.Out.Results("topic", results)
	}
	if err := s.Confirm(o.yes, "Delete %s (%s) with all records?", output.Plural(len(existing), "topic"), strings.Join(existing, ", ")); err != nil {
		return err
	}
	answers, err := s.Admin.DeleteTopics(ctx, existing...)
	if err != nil {
		return err
	}
	for i, r := range results {
		if answer, ok := answers[r.Name]; ok && answer.Err != nil {
			results[i] = r.Fail("topic "+r.Name, answer.Err, answer.ErrMessage)
		}
	}
	return s.Out.Results("topic", results)
}
