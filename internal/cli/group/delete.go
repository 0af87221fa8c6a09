package group

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

type deleteOptions struct {
	groups []string
	topics []string
	yes    bool
	dryRun bool
}

func deleteCommand(p *profile.Profile) *cobra.Command {
	var o deleteOptions
	c := &cobra.Command{
		Use:     "delete GROUP...",
		Aliases: []string{"rm"},
		Short:   "Delete groups with their offsets, or a group's offsets for some topics",
		Long: `Delete groups with their offsets; they must have no members. With --topic only the offsets for these topics go. On a terminal you are asked
first; --yes answers.`,
		Example: `  ottla group delete billing
  ottla group delete billing shipping --yes
  ottla group delete billing --topic orders
  ottla group delete billing --dry-run`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: p.Groups(0),
		RunE: func(c *cobra.Command, args []string) error {
			o.groups = profile.Distinct(args)
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return remove(ctx, s, o) })
		},
	}
	f := c.Flags()
	f.StringSliceVarP(&o.topics, "topic", "t", nil, "only the offsets for this topic; may be repeated")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be deleted, and change nothing")
	profile.CompleteFlag(c, "topic", p.Topics(0))
	return c
}

func remove(ctx context.Context, s *profile.Session, o deleteOptions) error {
	found, failed, err := states(ctx, s.Admin, o.groups)
	if err != nil {
		return err
	}
	var existing []string
	results := make([]output.Result, 0, len(o.groups))
	for _, name := range o.groups {
		r := planned(found[name], failed[name], name, o)
		if r.Error == nil {
			existing = append(existing, name)
		}
		results = append(results, r)
	}
	if !o.dryRun && len(existing) > 0 {
		what := "with all offsets"
		if len(o.topics) > 0 {
			what = "only the offsets for " + strings.Join(o.topics, ", ")
		}
		if err := s.Confirm(o.yes, "Delete %s (%s), %s?", output.Plural(len(existing), "group"), strings.Join(existing, ", "), what); err != nil {
			return err
		}
		for i, r := range results {
			if r.Error == nil {
				results[i] = removeOne(ctx, s.Admin, r, o.topics)
			}
		}
	}
	return s.Out.Results("group", results)
}

// planned says whether a group can be deleted.
func planned(g state, err error, name string, o deleteOptions) output.Result {
	r := output.Result{Name: name, Action: "deleted", DryRun: o.dryRun}
	if o.dryRun {
		r.Action = "would be deleted"
	}
	if len(o.topics) > 0 {
		r.Detail = "only its offsets for " + strings.Join(o.topics, ", ")
	}
	switch {
	case err != nil:
		r.Action, r.Detail, r.Error = "", "", output.Classify(err)
	case len(g.Members) > 0 && len(o.topics) == 0:
		r = r.Fail("group "+name, kerr.NonEmptyGroup, "")
		r.Error.Hint = "Stop its consumers first."
	}
	return r
}

func removeOne(ctx context.Context, admin *kadm.Client, r output.Result, topics []string) output.Result {
	about := "group " + r.Name
	if len(topics) == 0 {
		answer, err := admin.DeleteGroup(ctx, r.Name)
		if err = errors.Join(err, answer.Err); err != nil {
			return r.Fail(about, err, "")
		}
		return r
	}
	set := kadm.TopicsSet{}
	committed, err := admin.FetchOffsets(ctx, r.Name)
	if err != nil {
		return r.Fail(about, err, "")
	}
	for _, topic := range topics {
		for partition := range committed[topic] {
			set.Add(topic, partition)
		}
		if len(committed[topic]) == 0 {
			return r.Fail(about, output.NotFoundf("has no offsets for topic %s", topic), "")
		}
	}
	answers, err := admin.DeleteOffsets(ctx, r.Name, set)
	if err = errors.Join(err, answers.Error()); err != nil {
		return r.Fail(about, err, "")
	}
	return r
}
