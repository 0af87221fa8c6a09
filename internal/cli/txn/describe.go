package txn

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// description is a transactional id as its coordinator knows it.
type description struct {
	ID            string             `json:"id"`
	State         string             `json:"state"`
	ProducerID    int64              `json:"producer_id"`
	ProducerEpoch int16              `json:"producer_epoch"`
	Coordinator   int32              `json:"coordinator"`
	TimeoutMs     int32              `json:"timeout_ms"`
	StartMs       int64              `json:"start_ms"` // -1: no transaction is open
	Partitions    map[string][]int32 `json:"partitions"`

	sorted []admin.TopicPartition
}

func describeCommand(p *profile.Profile) *cobra.Command {
	return &cobra.Command{
		Use:     "describe ID...",
		Aliases: []string{"show", "info"},
		Short:   "Show transactional ids: state, producer, timeout, and the partitions of an open transaction",
		Example: `  ottla txn describe payments-1
  ottla txn describe payments-1 payments-2 -o json`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: ids(p, 0),
		RunE: func(c *cobra.Command, args []string) error {
			return p.Run(c, func(ctx context.Context, s *profile.Session) error { return describe(ctx, s, args) })
		},
	}
}

func describe(ctx context.Context, s *profile.Session, names []string) error {
	found := []description{}
	var sheets []*output.Sheet
	var failed []error
	for _, id := range names {
		d, err := describeOne(ctx, s, id)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		found = append(found, d)
		sheets = append(sheets, d.sheet(time.Now()))
	}
	if len(found) > 0 {
		if err := s.Out.Print(found, sheets...); err != nil {
			return err
		}
	}
	return output.Join(failed)
}

func describeOne(ctx context.Context, s *profile.Session, id string) (description, error) {
	t, err := admin.DescribeTransaction(ctx, client(s), id)
	if err != nil {
		return description{}, told("transactional id "+id, err)
	}
	return description{
		ID: t.ID, State: t.State, ProducerID: t.ProducerID, ProducerEpoch: t.ProducerEpoch, Coordinator: t.Coordinator, TimeoutMs: t.TimeoutMs,
		StartMs: t.StartMs, Partitions: admin.ByTopic(t.Partitions), sorted: t.Partitions,
	}, nil
}

// open says whether the transaction has not been ended everywhere. The start that a coordinator tells stays when it has.
func (d description) open() bool {
	switch d.State {
	case "Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence":
		return d.StartMs >= 0
	}
	return false
}

func (d description) openFor(now time.Time) string {
	if !d.open() {
		return "-"
	}
	return age(now, d.StartMs)
}

// overdue says for how long the coordinator should have aborted the transaction.
func (d description) overdue(now time.Time) time.Duration {
	if !d.open() {
		return 0
	}
	return now.Sub(time.UnixMilli(d.StartMs).Add(time.Duration(d.TimeoutMs) * time.Millisecond))
}

func (d description) partitionText() string { return partitionList(d.sorted) }

func (d description) sheet(now time.Time) *output.Sheet {
	facts := []any{
		"id", d.ID, "state", d.State, "coordinator", d.Coordinator, "producer id", d.ProducerID, "producer epoch", d.ProducerEpoch,
		"timeout", output.Duration(time.Duration(d.TimeoutMs) * time.Millisecond),
	}
	switch {
	case d.open():
		facts = append(facts, "open since", date(d.StartMs), "open for", d.openFor(now))
	case d.StartMs >= 0:
		facts = append(facts, "last began", date(d.StartMs))
	}
	return output.Facts(append(facts, "partitions", d.partitionText())...)
}
