package consumergroups

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// describePageSize is how many partitions one answer about topics holds.
const describePageSize = 2000

func (c *command) describeGroups(ctx context.Context) error {
	ids, err := c.groupIDs(ctx)
	if err != nil {
		return err
	}
	var groups []admin.GroupDescription
	for _, id := range ids {
		g, err := admin.DescribeConsumerGroup(ctx, c.client, id)
		if err != nil {
			return named(err)
		}
		groups = append(groups, g)
	}
	switch {
	case c.Has(c.members):
		for _, g := range groups {
			c.printMembers(g)
		}
		return nil
	case c.Has(c.state):
		return c.describeStates(ctx, groups)
	}
	tables := make([][]offsetRow, len(groups))
	for i, g := range groups {
		if tables[i], err = c.offsetRows(ctx, g); err != nil {
			return err
		}
	}
	for i, g := range groups {
		c.printOffsets(g, tables[i])
	}
	return nil
}

func (c *command) describeStates(ctx context.Context, groups []admin.GroupDescription) error {
	for _, g := range groups {
		address, id, err := admin.GroupCoordinator(ctx, c.client, g.ID)
		if err != nil {
			return named(err)
		}
		c.printState(g, address, id)
	}
	return nil
}

// offsetRow is one partition of a group: who reads it, how far it is committed, and where its end is.
type offsetRow struct {
	tp                     admin.TopicPartition
	committed              *admin.Committed
	logEnd                 *int64
	consumer, host, client string
}

// offsetRows makes a group's rows: those of members first, members with most partitions in front, then the committed
// partitions that nobody reads.
func (c *command) offsetRows(ctx context.Context, g admin.GroupDescription) ([]offsetRow, error) {
	committed, err := admin.CommittedOffsets(ctx, c.client, g.ID)
	if err != nil {
		return nil, namedTwice(err)
	}
	members := slices.DeleteFunc(slices.Clone(g.Members), func(m admin.GroupMember) bool { return len(m.Assigned) == 0 })
	slices.SortStableFunc(members, func(a, b admin.GroupMember) int { return cmp.Compare(len(b.Assigned), len(a.Assigned)) })
	var rows []offsetRow
	assigned := map[admin.TopicPartition]bool{}
	for _, m := range members {
		for _, tp := range m.Assigned {
			assigned[tp] = true
		}
		some, err := c.partitionRows(ctx, m.Assigned, committed, offsetRow{consumer: m.ID, host: m.Host, client: m.ClientID})
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	var unread []admin.TopicPartition
	for tp := range committed {
		if !assigned[tp] {
			unread = append(unread, tp)
		}
	}
	some, err := c.partitionRows(ctx, unread, committed, offsetRow{consumer: missing, host: missing, client: missing})
	return append(rows, some...), err
}

// partitionRows makes the rows of some partitions, sorted. A partition without a leader has no end to show.
func (c *command) partitionRows(ctx context.Context, partitions []admin.TopicPartition, committed map[admin.TopicPartition]admin.Committed, reader offsetRow) ([]offsetRow, error) {
	topics, err := admin.DescribeTopics(ctx, c.client, topicsOf(partitions), describePageSize)
	if err != nil {
		return nil, namedTwice(err)
	}
	leaderless := map[admin.TopicPartition]bool{}
	for _, t := range topics {
		for _, p := range t.Partitions {
			leaderless[admin.TopicPartition{Topic: t.Name, Partition: p.Partition}] = p.Leader < 0
		}
	}
	led := slices.DeleteFunc(slices.Clone(partitions), func(tp admin.TopicPartition) bool { return leaderless[tp] })
	ends, err := admin.AllOffsets(ctx, c.client, led, admin.Latest)
	if err != nil {
		return nil, namedTwice(err)
	}
	var rows []offsetRow
	for _, tp := range slices.SortedFunc(slices.Values(partitions), admin.TopicPartition.Compare) {
		row := reader
		row.tp = tp
		if offset, ok := committed[tp]; ok {
			row.committed = &offset
		}
		if end, ok := ends[tp]; ok {
			row.logEnd = &end
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func topicsOf(partitions []admin.TopicPartition) []string {
	return slices.Sorted(maps.Keys(admin.ByTopic(partitions)))
}

// showsDetails says what is to be said of a group's state and tells whether there are rows worth printing.
func (c *command) showsDetails(g admin.GroupDescription, rows int) (bool, error) {
	switch g.State {
	case admin.Dead:
		c.printError("Consumer group '" + g.ID + "' does not exist.")
		return false, nil
	case admin.Empty:
		c.Errorln("\nConsumer group '" + g.ID + "' has no active members.")
	case admin.PreparingRebalance, admin.CompletingRebalance, admin.Assigning, admin.Reconciling:
		c.Errorln("\nWarning: Consumer group '" + g.ID + "' is rebalancing.")
	case admin.Stable:
	default:
		return false, tool.Fail("Expected a valid consumer group state, but found '%s'.", g.State)
	}
	return rows > 0, nil
}
