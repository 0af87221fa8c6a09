// Package group holds `ottla group`: one file per verb.
package group

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// Command returns `ottla group`.
func Command() *cobra.Command {
	c := profile.Noun(&cobra.Command{
		Use:     "group",
		Aliases: []string{"groups"},
		Short:   "List and describe consumer groups, watch their lag, move their offsets, delete them",
		Example: `  ottla group list
  ottla group describe billing
  ottla group lag billing --watch 2s
  ottla group reset billing --to start`,
	})
	p := profile.Bind(c)
	c.AddCommand(listCommand(p), describeCommand(p), lagCommand(p), resetCommand(p), deleteCommand(p))
	return c
}

// lags describes groups with their offsets. Groups that do not exist are in the error.
func lags(ctx context.Context, admin *kadm.Client, names []string) ([]kadm.DescribedGroupLag, error) {
	found, err := admin.Lag(ctx, names...)
	if err != nil {
		return nil, err
	}
	var groups []kadm.DescribedGroupLag
	var failed []error
	for _, name := range names {
		g, ok := found[name]
		switch {
		case !ok || g.State == "Dead" && g.DescribeErr == nil: // how brokers up to 4.0 answer
			failed = append(failed, output.NotFoundf("group %s: does not exist", name))
		case g.Error() != nil:
			failed = append(failed, output.About("group "+name, g.Error(), ""))
		default:
			groups = append(groups, g)
		}
	}
	return groups, output.Join(failed)
}

// position is how far a group is in one partition.
type position struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed int64  `json:"committed"` // -1: nothing
	End       int64  `json:"end_offset"`
	Lag       int64  `json:"lag"` // -1: not known
	Member    string `json:"member,omitempty"`
	Client    string `json:"client,omitempty"`
	Host      string `json:"host,omitempty"`
	Metadata  string `json:"metadata,omitempty"`
	Error     string `json:"error,omitempty"`
}

func positions(g kadm.DescribedGroupLag) (list []position, total int64) {
	list = []position{}
	for _, l := range g.Lag.Sorted() {
		p := position{Topic: l.Topic, Partition: l.Partition, Committed: l.Commit.At, End: l.End.Offset, Lag: l.Lag, Metadata: l.Commit.Metadata}
		if l.Err != nil {
			p.Error = output.Classify(l.Err).Message
		}
		if p.Committed < 0 && p.Lag > 0 {
			p.Lag = -1 // where such a group starts is its consumers' choice
		}
		if l.Member != nil {
			p.Member, p.Client, p.Host = l.Member.MemberID, l.Member.ClientID, l.Member.ClientHost
		}
		total += max(p.Lag, 0)
		list = append(list, p)
	}
	return list, total
}

func distinct(names []string) []string {
	var kept []string
	for _, name := range names {
		if !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	return kept
}
