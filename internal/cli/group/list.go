package group

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

type listOptions struct {
	pattern string
	states  []string
}

// summary is a group in a list.
type summary struct {
	Name        string `json:"name"`
	State       string `json:"state"`
	Protocol    string `json:"protocol"` // consumer, connect, …
	Coordinator int32  `json:"coordinator"`
	Members     int    `json:"members"` // -1: not asked
	Lag         int64  `json:"lag"`     // -1: not asked
}

func listCommand(p *profile.Profile) *cobra.Command {
	var o listOptions
	c := &cobra.Command{
		Use:     "list [PATTERN]",
		Aliases: []string{"ls"},
		Short:   "List groups",
		Long:    "List groups, all or those whose name matches a pattern such as 'billing-*'. The wide form adds members and lag.",
		Example: `  ottla group list
  ottla group list --state empty
  ottla group list 'billing-*' -o wide`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: p.Groups(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.pattern = args[0]
			}
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return list(ctx, s, o) })
		},
	}
	c.Flags().StringSliceVar(&o.states, "state", nil, "only groups in these states: empty, stable, preparingrebalance, completingrebalance, dead")
	profile.CompleteFlag(c, "state", profile.Choices("empty", "stable", "preparingrebalance", "completingrebalance", "dead"))
	return c
}

func list(ctx context.Context, s *profile.Session, o listOptions) error {
	matches, err := profile.Matcher(o.pattern)
	if err != nil {
		return err
	}
	found, err := s.Admin.ListGroups(ctx)
	if err != nil {
		return err
	}
	groups := []summary{}
	for _, g := range found {
		if !matches(g.Group) || len(o.states) > 0 && !containsFold(o.states, g.State) {
			continue
		}
		groups = append(groups, summary{Name: g.Group, State: g.State, Protocol: g.ProtocolType, Coordinator: g.Coordinator, Members: -1, Lag: -1})
	}
	slices.SortFunc(groups, func(a, b summary) int { return cmp.Compare(a.Name, b.Name) })
	if s.Out.Format != output.Table {
		if err := measure(ctx, s.Admin, groups); err != nil {
			return err
		}
	}
	sheet := output.NewSheet(output.Left("NAME"), output.Left("STATE"), output.Left("PROTOCOL"), output.Right("COORDINATOR"),
		output.Right("MEMBERS").InWide(), output.Right("LAG").InWide()).IfEmpty("no groups")
	for _, g := range groups {
		sheet.Row(g.Name, g.State, cmp.Or(g.Protocol, "-"), g.Coordinator, output.Count(int64(g.Members)), output.Count(g.Lag))
	}
	return s.Out.Print(groups, sheet)
}

func containsFold(list []string, text string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, text) })
}

// measure adds members and lag. A group that goes meanwhile keeps them unknown.
func measure(ctx context.Context, admin *kadm.Client, groups []summary) error {
	if len(groups) == 0 {
		return nil
	}
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name
	}
	found, err := follow(ctx, admin, names)
	if err != nil && !output.IsNotFound(err) {
		return err
	}
	for _, g := range found {
		at := slices.IndexFunc(groups, func(s summary) bool { return s.Name == g.Name })
		groups[at].Members, groups[at].Lag = len(g.Members), g.Lag
	}
	return nil
}
