package group

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/output"
	place "ottla.dev/ottla/internal/cli/position"
	"ottla.dev/ottla/internal/cli/profile"
)

type resetOptions struct {
	group   string
	topics  []string // name, or name:0,1
	to      place.Flag
	by      int64
	byGiven bool
	execute bool
	dryRun  bool
}

// move is what a reset does to one partition.
type move struct {
	Topic     string        `json:"topic"`
	Partition int32         `json:"partition"`
	Old       int64         `json:"old"` // -1: nothing committed
	New       int64         `json:"new"`
	Start     int64         `json:"start_offset"`
	End       int64         `json:"end_offset"`
	DryRun    bool          `json:"dry_run,omitempty"`
	Error     *output.Error `json:"error,omitempty"`
}

func resetCommand(p *profile.Profile) *cobra.Command {
	var o resetOptions
	c := &cobra.Command{
		Use:   "reset GROUP --to POSITION",
		Short: "Move a group's committed offsets; shows what would happen unless --execute is given",
		Long: `Move the committed offsets of a group that has no members. Without --execute you only see what would happen.

--to takes ` + place.Help + `.
--by moves each offset forward or back by a number of records. Offsets never leave what the topic still has.
Without --topic, all topics are moved for which the group has offsets. With it, a group that does not exist yet is prepared.`,
		Example: `  ottla group reset billing --to start
  ottla group reset billing --to -2h --topic orders --execute
  ottla group reset billing --to 2026-01-31T14:00:00Z --topic orders:0,1 --execute
  ottla group reset billing --by -100 --execute`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.Groups(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.group, o.byGiven = args[0], c.Flags().Changed("by")
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return reset(ctx, s, o) })
		},
	}
	f := c.Flags()
	f.StringArrayVarP(&o.topics, "topic", "t", nil, "only this topic, or topic:0,1 for some partitions; may be repeated")
	f.Var(&o.to, "to", "where to move the offsets")
	f.Int64Var(&o.by, "by", 0, "how many records to move the offsets, forward or (negative) back")
	f.BoolVar(&o.execute, "execute", false, "do it")
	f.BoolVar(&o.dryRun, "dry-run", false, "only show it; this is the default")
	profile.CompleteFlag(c, "topic", p.Topics(0))
	return c
}

func (o resetOptions) check() error {
	switch {
	case o.to.IsSet() == o.byGiven:
		return output.Usagef("give either --to or --by")
	case o.execute && o.dryRun:
		return output.Usagef("--execute and --dry-run exclude each other")
	}
	return nil
}

func reset(ctx context.Context, s *profile.Session, o resetOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	committed, err := s.Admin.FetchOffsets(ctx, o.group)
	if err != nil {
		return output.About("group "+o.group, err, "")
	}
	wanted, err := o.wanted(committed)
	if err != nil {
		return err
	}
	moves, err := o.plan(ctx, s.Admin, wanted, committed)
	if err != nil {
		return err
	}
	if err := requireNoMembers(ctx, s.Admin, o.group); err != nil {
		return err
	}
	if o.execute {
		if err := commit(ctx, s.Admin, o.group, moves); err != nil {
			return err
		}
	}
	return printMoves(s, moves, o)
}

// wanted tells which partitions to move: those of --topic (nil: all of the topic), or all that have offsets.
func (o resetOptions) wanted(committed kadm.OffsetResponses) (map[string][]int32, error) {
	wanted := map[string][]int32{}
	for _, word := range o.topics {
		topic, list, some := strings.Cut(word, ":")
		var partitions []int32
		for number := range strings.SplitSeq(list, ",") {
			n, err := strconv.ParseInt(number, 10, 32)
			if some && (err != nil || n < 0) {
				return nil, output.Usagef("--topic %s: %q is no partition", word, number)
			}
			if some {
				partitions = append(partitions, int32(n))
			}
		}
		wanted[topic] = append(wanted[topic], partitions...)
	}
	if len(o.topics) == 0 {
		committed.Each(func(r kadm.OffsetResponse) {
			if r.At >= 0 {
				wanted[r.Topic] = append(wanted[r.Topic], r.Partition)
			}
		})
	}
	if len(wanted) == 0 {
		return nil, output.NotFoundf("group %s has no committed offsets", o.group).WithHint("--topic names topics to set offsets for.")
	}
	return wanted, nil
}

func (o resetOptions) plan(ctx context.Context, admin *kadm.Client, wanted map[string][]int32, committed kadm.OffsetResponses) ([]move, error) {
	resolved, err := o.to.Resolve(ctx, admin, slices.Sorted(maps.Keys(wanted))...)
	if err != nil {
		return nil, err
	}
	moves := []move{}
	for _, topic := range slices.Sorted(maps.Keys(wanted)) {
		partitions := wanted[topic]
		if len(partitions) == 0 {
			partitions = slices.Collect(maps.Keys(resolved[topic]))
		}
		for _, partition := range slices.Compact(slices.Sorted(slices.Values(partitions))) {
			at, ok := resolved[topic][partition]
			if !ok {
				return nil, output.NotFoundf("topic %s has no partition %d", topic, partition)
			}
			m := move{Topic: topic, Partition: partition, Old: -1, New: at.Offset, Start: at.Start, End: at.End, DryRun: !o.execute}
			if old, ok := committed.Lookup(topic, partition); ok && old.Err == nil {
				m.Old = old.At
			}
			if o.byGiven {
				if m.Old < 0 {
					return nil, output.NotFoundf("group %s has no offset for topic %s, partition %d, that could be moved", o.group, topic, partition)
				}
				m.New = min(max(m.Old+o.by, at.Start), at.End)
			}
			moves = append(moves, m)
		}
	}
	return moves, nil
}

// requireNoMembers refuses a group in use: its members would commit over what we set.
func requireNoMembers(ctx context.Context, admin *kadm.Client, group string) error {
	found, _, err := states(ctx, admin, []string{group})
	if err != nil {
		return output.About("group "+group, err, "")
	}
	g := found[group] // one that does not exist yet has no members
	if n := len(g.Members); n > 0 {
		return output.Refusedf("group %s has %s (state %s)", group, output.Plural(n, "member"), g.State).WithHint("Stop its consumers first.")
	}
	return nil
}

func commit(ctx context.Context, admin *kadm.Client, group string, moves []move) error {
	offsets := kadm.Offsets{}
	for _, m := range moves {
		offsets.AddOffset(m.Topic, m.Partition, m.New, -1)
	}
	answers, err := admin.CommitOffsets(ctx, group, offsets)
	if err != nil {
		return output.About("group "+group, err, "")
	}
	for i, m := range moves {
		if answer, ok := answers.Lookup(m.Topic, m.Partition); ok && answer.Err != nil {
			moves[i].Error = output.Classify(output.About(fmt.Sprintf("topic %s, partition %d", m.Topic, m.Partition), answer.Err, ""))
			moves[i].New = m.Old
		}
	}
	return nil
}

func printMoves(s *profile.Session, moves []move, o resetOptions) error {
	sheet := output.NewSheet(output.Left("TOPIC"), output.Right("PARTITION"), output.Right("OLD"), output.Right("NEW"), output.Right("LAG"),
		output.Right("START").InWide(), output.Right("END").InWide())
	var failed []error
	for _, m := range moves {
		sheet.Row(m.Topic, m.Partition, output.Count(m.Old), m.New, m.End-m.New, m.Start, m.End)
		if m.Error != nil {
			failed = append(failed, m.Error)
		}
	}
	if err := s.Out.Print(moves, sheet); err != nil {
		return err
	}
	if !o.execute {
		s.Out.Say("nothing was changed; --execute does it")
	}
	return output.Join(failed)
}
