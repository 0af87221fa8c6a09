package txn

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

type listOptions struct {
	pattern    string
	states     []string
	producers  []int64
	longerThan time.Duration
}

// summary is a transactional id in a list.
type summary struct {
	ID          string       `json:"id"`
	State       string       `json:"state"`
	ProducerID  int64        `json:"producer_id"`
	Coordinator int32        `json:"coordinator"`
	Details     *description `json:"details,omitempty"` // in all forms but the table
}

// stateNames are the states as Kafka names them; a coordinator ignores others.
var stateNames = []string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "PrepareEpochFence", "Dead"}

func listCommand(p *profile.Profile) *cobra.Command {
	var o listOptions
	c := &cobra.Command{
		Use:     "list [PATTERN]",
		Aliases: []string{"ls"},
		Short:   "List transactional ids with the state of their transactions",
		Long: `List transactional ids, all or those that match a pattern such as 'payments-*'. A coordinator remembers an id for days after its last
transaction. The wide form adds epoch, timeout, age and partitions.`,
		Example: `  ottla txn list
  ottla txn list --state ongoing --longer-than 5m
  ottla txn list 'payments-*' -o wide`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: ids(p, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.pattern = args[0]
			}
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return list(ctx, s, o) })
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.states, "state", nil, "only in these states: "+strings.ToLower(strings.Join(stateNames, ", ")))
	f.Int64SliceVar(&o.producers, "producer-id", nil, "only of these producer ids")
	f.DurationVar(&o.longerThan, "longer-than", 0, "only transactions that are open for longer than this, such as 10m")
	profile.CompleteFlag(c, "state", profile.Choices(strings.Split(strings.ToLower(strings.Join(stateNames, ",")), ",")...))
	return c
}

func (o listOptions) query() (admin.TransactionQuery, error) {
	q := admin.TransactionQuery{ProducerIDs: o.producers}
	for _, word := range o.states {
		at := slices.IndexFunc(stateNames, func(name string) bool { return strings.EqualFold(name, word) })
		if at < 0 {
			return q, output.Usagef("--state %s: allowed are %s", word, strings.ToLower(strings.Join(stateNames, ", ")))
		}
		q.States = append(q.States, stateNames[at])
	}
	if o.longerThan < 0 {
		return q, output.Usagef("--longer-than %s: must not be negative", o.longerThan)
	}
	if o.longerThan > 0 {
		ms := o.longerThan.Milliseconds()
		q.LongerThanMs = &ms
		if len(q.States) == 0 {
			q.States = []string{"Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence"} // the duration of others is that of their last one
		}
	}
	return q, nil
}

func list(ctx context.Context, s *profile.Session, o listOptions) error {
	matches, err := profile.Matcher(o.pattern)
	if err != nil {
		return err
	}
	q, err := o.query()
	if err != nil {
		return err
	}
	found, err := admin.ListTransactions(ctx, client(s), q)
	if err != nil {
		return told("transactions", err)
	}
	items := []summary{}
	for _, t := range found {
		if matches(t.ID) {
			items = append(items, summary{ID: t.ID, State: t.State, ProducerID: t.ProducerID, Coordinator: t.Coordinator})
		}
	}
	slices.SortFunc(items, func(a, b summary) int { return cmp.Compare(a.ID, b.ID) })
	if s.Out.Format != output.Table {
		if err := detail(ctx, s, items); err != nil {
			return err
		}
	}
	return s.Out.Print(items, listSheet(items, time.Now()))
}

// detail asks about each id. One that is gone meanwhile stays as it was listed.
func detail(ctx context.Context, s *profile.Session, items []summary) error {
	for i, item := range items {
		d, err := describeOne(ctx, s, item.ID)
		if err != nil && !output.IsNotFound(err) {
			return err
		}
		if err == nil {
			items[i].Details = &d
		}
	}
	return nil
}

func listSheet(items []summary, now time.Time) *output.Sheet {
	sheet := output.NewSheet(output.Left("ID"), output.Left("STATE"), output.Right("PRODUCER"), output.Right("COORDINATOR"),
		output.Right("EPOCH").InWide(), output.Right("TIMEOUT").InWide(), output.Right("OPEN FOR").InWide(), output.Left("PARTITIONS").InWide()).
		IfEmpty("no transactions")
	for _, t := range items {
		epoch, timeout, open, partitions := "-", "-", "-", "-"
		if d := t.Details; d != nil {
			epoch, timeout = output.Count(int64(d.ProducerEpoch)), output.Duration(time.Duration(d.TimeoutMs)*time.Millisecond)
			open, partitions = d.openFor(now), d.partitionText()
		}
		sheet.Row(t.ID, t.State, t.ProducerID, t.Coordinator, epoch, timeout, open, partitions)
	}
	return sheet
}
