package transactions

import (
	"context"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

func listCommand(p *tool.Parser) subcommand {
	sub := p.Command("list", "", "List transactions.")
	duration := sub.Long("duration-filter", "DURATION_FILTER", "Only transactions that run longer than so many milliseconds; all if negative.")
	pattern := sub.String("transactional-id-pattern", "TRANSACTIONAL_ID_PATTERN", "Only transactional ids that match a regular expression.")
	return func(o *tool.Options) (func(context.Context, *command) error, error) {
		var q admin.TransactionQuery
		if o.Has(duration) {
			ms := o.Long(duration)
			q.LongerThanMs = &ms
		}
		if o.Has(pattern) {
			text := o.String(pattern)
			q.TransactionIDs = &text
		}
		return func(ctx context.Context, c *command) error { return c.list(ctx, q) }, nil
	}
}

func (c *command) list(ctx context.Context, q admin.TransactionQuery) error {
	found, err := admin.ListTransactions(ctx, c.client, q)
	if err != nil {
		return failed("Failed to list transactions", err)
	}
	var rows [][]string
	for _, t := range found {
		rows = append(rows, []string{t.ID, number(t.Coordinator), number(t.ProducerID), t.State})
	}
	c.table([]string{"TransactionalId", "Coordinator", "ProducerId", "TransactionState"}, rows)
	return nil
}

func number[N int16 | int32 | int64](n N) string { return strconv.FormatInt(int64(n), 10) }

func describeCommand(p *tool.Parser) subcommand {
	const doc = "Describe the state of an active transactional-id."
	sub := p.Command("describe", doc, doc)
	id := sub.String("transactional-id", "TRANSACTIONAL_ID", "The transactional id.").Required()
	return func(o *tool.Options) (func(context.Context, *command) error, error) {
		return func(ctx context.Context, c *command) error { return c.describe(ctx, o.String(id)) }, nil
	}
}

func (c *command) describe(ctx context.Context, id string) error {
	d, err := admin.DescribeTransaction(ctx, c.client, id)
	if err != nil {
		return failed("Failed to describe transaction state of transactional-id `"+id+"`", err)
	}
	start, duration := "None", "None"
	if d.StartMs >= 0 {
		start, duration = number(d.StartMs), number(c.now().UnixMilli()-d.StartMs)
	}
	partitions := make([]string, len(d.Partitions))
	for i, tp := range d.Partitions {
		partitions[i] = tp.String()
	}
	c.table([]string{
		"CoordinatorId", "TransactionalId", "ProducerId", "ProducerEpoch", "TransactionState", "TransactionTimeoutMs",
		"CurrentTransactionStartTimeMs", "TransactionDurationMs", "TopicPartitions",
	}, [][]string{{
		number(d.Coordinator), id, number(d.ProducerID), number(d.ProducerEpoch), d.State, number(d.TimeoutMs), start, duration, strings.Join(partitions, ","),
	}})
	return nil
}

func forceTerminateCommand(p *tool.Parser) subcommand {
	const doc = "Force abort an ongoing transaction on transactionalId"
	sub := p.Command("forceTerminateTransaction", doc, doc+" (requires administrative privileges)")
	id := sub.String("transactionalId", "TRANSACTIONALID", "The transactional id.").Required()
	return func(o *tool.Options) (func(context.Context, *command) error, error) {
		return func(ctx context.Context, c *command) error {
			if err := admin.FenceProducer(ctx, c.client, o.String(id)); err != nil {
				return failed("Failed to force terminate transactionalId `"+o.String(id)+"`", err)
			}
			return nil
		}, nil
	}
}
