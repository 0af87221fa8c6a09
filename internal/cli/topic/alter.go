package topic

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/config"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

type alterOptions struct {
	names      []string
	partitions int
	set        []string
	unset      []string
	dryRun     bool
}

func alterCommand(p *profile.Profile) *cobra.Command {
	var o alterOptions
	c := &cobra.Command{
		Use:   "alter NAME...",
		Short: "Change settings of topics and give them more partitions",
		Long: `Change settings of topics and give them more partitions. Partitions can only become more, and keys may then go to other partitions than
before. --set key+=value and key-=value add to and take from settings that are lists.`,
		Example: `  ottla topic alter orders --set retention.ms=86400000
  ottla topic alter orders returns --unset retention.ms
  ottla topic alter orders --partitions 12 --dry-run`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: p.Topics(0),
		RunE: func(c *cobra.Command, args []string) error {
			o.names = profile.Distinct(args)
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return alter(ctx, s, o) })
		},
	}
	f := c.Flags()
	f.IntVarP(&o.partitions, "partitions", "p", 0, "the number of partitions to have afterwards")
	f.StringArrayVar(&o.set, "set", nil, "a setting as key=value; may be repeated")
	f.StringArrayVar(&o.unset, "unset", nil, "a setting to give back to its default; may be repeated")
	f.BoolVar(&o.dryRun, "dry-run", false, "ask the broker whether it would work, and change nothing")
	profile.CompleteFlag(c, "set", config.TopicSettingNames)
	return c
}

func alter(ctx context.Context, s *profile.Session, o alterOptions) error {
	changes, err := o.changes()
	if err != nil {
		return err
	}
	if len(changes) == 0 && o.partitions == 0 {
		return output.Usagef("nothing to change: give --set, --unset or --partitions")
	}
	topics, err := lookup(ctx, s.Admin, o.names)
	if err != nil {
		return err
	}
	changed := []config.Changed{}
	var failed []error
	for _, t := range topics {
		done, err := alterOne(ctx, s, t, o, changes)
		changed = append(changed, done...)
		if err != nil {
			failed = append(failed, err)
		}
	}
	if len(changed) > 0 || len(failed) == 0 {
		if err := config.PrintChanges(s.Out, changed, o.dryRun); err != nil {
			return err
		}
	}
	return output.Join(failed)
}

func (o alterOptions) changes() ([]config.Change, error) {
	var changes []config.Change
	for _, word := range o.set {
		change, err := config.ParseChange(word)
		if err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	for _, name := range o.unset {
		changes = append(changes, config.Delete(name))
	}
	return changes, nil
}

func alterOne(ctx context.Context, s *profile.Session, t kadm.TopicDetail, o alterOptions, changes []config.Change) ([]config.Changed, error) {
	var changed []config.Changed
	if len(changes) > 0 {
		done, err := config.Alter(ctx, s.Client, config.Topic(t.Topic), changes, o.dryRun)
		if err != nil {
			return nil, err
		}
		changed = done
	}
	if o.partitions == 0 {
		return changed, nil
	}
	ask := s.Admin.UpdatePartitions
	if o.dryRun {
		ask = s.Admin.ValidateUpdatePartitions
	}
	answers, err := ask(ctx, o.partitions, t.Topic)
	if err != nil {
		return changed, output.About("topic "+t.Topic, err, "")
	}
	if answer := answers[t.Topic]; answer.Err != nil {
		return changed, output.About("topic "+t.Topic, answer.Err, answer.ErrMessage)
	}
	before, after := fmt.Sprint(len(t.Partitions)), fmt.Sprint(o.partitions)
	return append(changed, config.Changed{Resource: "topic " + t.Topic, Name: "partitions", Old: &before, New: &after, DryRun: o.dryRun}), nil
}
