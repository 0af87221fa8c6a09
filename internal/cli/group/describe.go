package group

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// description is all about one group.
type description struct {
	Name        string     `json:"name"`
	State       string     `json:"state"`
	Protocol    string     `json:"protocol"`
	Assignor    string     `json:"assignor"`
	Coordinator int32      `json:"coordinator"`
	Lag         int64      `json:"lag"`
	Members     []member   `json:"members"`
	Offsets     []position `json:"offsets"`
}

type member struct {
	ID         string             `json:"id"`
	Instance   string             `json:"instance,omitempty"` // of a static member
	Client     string             `json:"client"`
	Host       string             `json:"host"`
	Partitions map[string][]int32 `json:"partitions"`
}

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
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return describe(ctx, s, distinct(args)) })
		},
	}
}

func describe(ctx context.Context, s *profile.Session, names []string) error {
	groups, missing := lags(ctx, s.Admin, names)
	if len(groups) == 0 {
		return missing
	}
	descriptions := []description{}
	var sheets []*output.Sheet
	for _, g := range groups {
		d := describeOne(g)
		descriptions = append(descriptions, d)
		sheets = append(sheets, d.sheets()...)
	}
	if err := s.Out.Print(descriptions, sheets...); err != nil {
		return err
	}
	return missing
}

func describeOne(g kadm.DescribedGroupLag) description {
	d := description{Name: g.Group, State: g.State, Protocol: g.ProtocolType, Assignor: g.Protocol, Coordinator: g.Coordinator.NodeID, Members: []member{}}
	d.Offsets, d.Lag = positions(g)
	for _, m := range g.Members {
		one := member{ID: m.MemberID, Client: m.ClientID, Host: m.ClientHost, Partitions: map[string][]int32{}}
		if m.InstanceID != nil {
			one.Instance = *m.InstanceID
		}
		if assigned, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range assigned.Topics {
				one.Partitions[t.Topic] = slices.Sorted(slices.Values(t.Partitions))
			}
		}
		d.Members = append(d.Members, one)
	}
	slices.SortFunc(d.Members, func(a, b member) int { return cmp.Compare(a.ID, b.ID) })
	return d
}

func (d description) sheets() []*output.Sheet {
	facts := output.Facts("group", d.Name, "state", d.State, "protocol", cmp.Or(d.Protocol, "-"), "assignor", cmp.Or(d.Assignor, "-"),
		"coordinator", d.Coordinator, "members", len(d.Members), "lag", d.Lag)
	sheets := []*output.Sheet{facts}
	if len(d.Members) > 0 {
		members := output.NewSheet(output.Left("MEMBER"), output.Left("INSTANCE").InWide(), output.Left("CLIENT"), output.Left("HOST"), output.Left("PARTITIONS"))
		for _, m := range d.Members {
			members.Row(m.ID, cmp.Or(m.Instance, "-"), m.Client, m.Host, m.partitions())
		}
		sheets = append(sheets, members)
	}
	return append(sheets, offsetSheet(d.Offsets))
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
