package topic

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/position"
	"ottla.dev/ottla/internal/cli/profile"
)

type trimOptions struct {
	topic      string
	before     position.Flag
	partitions []int32
	yes        bool
	dryRun     bool
}

// trimmed is what a trim does to one partition.
type trimmed struct {
	Partition int32         `json:"partition"`
	Start     int64         `json:"start"`
	NewStart  int64         `json:"new_start"`
	Deleted   int64         `json:"deleted"`
	DryRun    bool          `json:"dry_run,omitempty"`
	Error     *output.Error `json:"error,omitempty"`
}

func trimCommand(p *profile.Profile) *cobra.Command {
	var o trimOptions
	c := &cobra.Command{
		Use:   "trim NAME --before POSITION",
		Short: "Delete the oldest records of a topic",
		Long: `Delete the records of a topic that lie before a position: ` + position.Help + `.

On a terminal you are shown what goes and asked first; --yes answers.`,
		Example: `  ottla topic trim orders --before -7d
  ottla topic trim orders --before end --yes
  ottla topic trim orders --before 1000 --partition 0 --dry-run`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.Topics(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.topic = args[0]
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return trim(ctx, s, o) })
		},
	}
	f := c.Flags()
	f.Var(&o.before, "before", "the position before which records are deleted")
	f.Int32SliceVarP(&o.partitions, "partition", "p", nil, "only these partitions; may be repeated")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be deleted, and change nothing")
	return c
}

func trim(ctx context.Context, s *profile.Session, o trimOptions) error {
	if !o.before.IsSet() {
		return output.Usagef("--before is missing: %s", position.Help)
	}
	resolved, err := o.before.Resolve(ctx, s.Admin, o.topic)
	if err != nil {
		return err
	}
	plan, err := trimPlan(resolved[o.topic], o)
	if err != nil {
		return err
	}
	total := int64(0)
	offsets := kadm.Offsets{}
	for _, t := range plan {
		total += t.Deleted
		if t.Deleted > 0 {
			offsets.AddOffset(o.topic, t.Partition, t.NewStart, -1)
		}
	}
	if !o.dryRun && len(offsets) > 0 {
		if err := s.Confirm(o.yes, "Delete %d records of topic %s?", total, o.topic); err != nil {
			return err
		}
		answers, err := s.Admin.DeleteRecords(ctx, offsets)
		if err != nil {
			return err
		}
		for i, t := range plan {
			if answer, ok := answers.Lookup(o.topic, t.Partition); ok && answer.Err != nil {
				about := fmt.Sprintf("topic %s, partition %d", o.topic, t.Partition)
				plan[i].Error = output.Classify(output.About(about, answer.Err, ""))
				plan[i].NewStart, plan[i].Deleted = t.Start, 0
			} else if ok {
				plan[i].NewStart = answer.LowWatermark
			}
		}
	}
	return printTrim(s, plan, o.dryRun)
}

func trimPlan(partitions map[int32]position.Partition, o trimOptions) ([]trimmed, error) {
	wanted := o.partitions
	if len(wanted) == 0 {
		wanted = slices.Sorted(maps.Keys(partitions))
	}
	plan := []trimmed{}
	for _, partition := range slices.Compact(slices.Sorted(slices.Values(wanted))) {
		at, ok := partitions[partition]
		if !ok {
			return nil, output.NotFoundf("topic %s has no partition %d", o.topic, partition)
		}
		plan = append(plan, trimmed{Partition: partition, Start: at.Start, NewStart: at.Offset, Deleted: at.Offset - at.Start, DryRun: o.dryRun})
	}
	return plan, nil
}

func printTrim(s *profile.Session, plan []trimmed, dryRun bool) error {
	sheet := output.NewSheet(output.Right("PARTITION"), output.Right("START"), output.Right("NEW START"), output.Right("DELETED"))
	var failed []error
	for _, t := range plan {
		sheet.Row(t.Partition, t.Start, t.NewStart, t.Deleted)
		if t.Error != nil {
			failed = append(failed, t.Error)
		}
	}
	err := s.Out.Print(plan, sheet)
	if dryRun {
		s.Out.Say("dry run, nothing was changed")
	}
	return errors.Join(err, output.Join(failed))
}
