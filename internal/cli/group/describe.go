package group

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

func describeCommand(p *profile.Profile) *cobra.Command {
	return &cobra.Command{
		Use:     "describe GROUP...",
		Aliases: []string{"show", "info"},
		Short:   "Show groups: members with their partitions, and offsets with their lag",
		Example: `  ottla group describe billing
  ottla group describe billing -o wide
  ottla group describe billing shipping -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: p.Groups(0),
		RunE: func(c *cobra.Command, args []string) error {
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return describe(ctx, s, profile.Distinct(args)) })
		},
	}
}

func describe(ctx context.Context, s *profile.Session, names []string) error {
	groups, missing := follow(ctx, s.Admin, names)
	if len(groups) == 0 {
		return missing
	}
	var sheets []*output.Sheet
	for _, g := range groups {
		sheets = append(sheets, g.sheets()...)
	}
	if err := s.Out.Print(groups, sheets...); err != nil {
		return err
	}
	return missing
}

// lagText is the lag and what it leaves out.
func (g progress) lagText() string {
	if n := g.unknown(); n > 0 {
		return fmt.Sprintf("%d, and not known for %s", g.Lag, output.Plural(n, "partition"))
	}
	return output.Count(g.Lag)
}

func (g progress) sheets() []*output.Sheet {
	facts := output.Facts("group", g.Name, "state", g.State, "protocol", cmp.Or(g.Protocol, "-"), "assignor", cmp.Or(g.Assignor, "-"),
		"coordinator", g.Coordinator, "members", len(g.Members), "lag", g.lagText())
	sheets := []*output.Sheet{facts}
	if len(g.Members) > 0 {
		members := output.NewSheet(output.Left("MEMBER"), output.Left("INSTANCE").InWide(), output.Left("CLIENT"), output.Left("HOST"), output.Left("PARTITIONS"))
		for _, m := range g.Members {
			members.Row(m.ID, cmp.Or(m.Instance, "-"), m.Client, m.Host, m.partitions())
		}
		sheets = append(sheets, members)
	}
	return append(sheets, offsetSheet(g.Offsets))
}

// partitions writes an assignment: orders:0,1 returns:0.
func (m member) partitions() string {
	var words []string
	for _, topic := range slices.Sorted(maps.Keys(m.Partitions)) {
		words = append(words, fmt.Sprintf("%s:%s", topic, output.Numbers(m.Partitions[topic])))
	}
	return cmp.Or(strings.Join(words, " "), "-")
}

func offsetSheet(offsets []position) *output.Sheet {
	sheet := output.NewSheet(output.Left("TOPIC"), output.Right("PARTITION"), output.Right("COMMITTED"), output.Right("END"), output.Right("LAG"),
		output.Left("CLIENT"), output.Left("MEMBER").InWide(), output.Left("METADATA").InWide()).IfEmpty("no committed offsets")
	for _, p := range offsets {
		sheet.Row(p.Topic, p.Partition, output.Count(p.Committed), output.Count(p.End), output.Count(p.Lag), cmp.Or(p.Client, "-"), cmp.Or(p.Member, "-"), cmp.Or(p.Metadata, "-"))
	}
	return sheet
}
