package consumergroups

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// plan is the new offset of each partition.
type plan map[admin.TopicPartition]int64

// sorted gives a plan's partitions in order.
func (p plan) sorted() []admin.TopicPartition {
	return slices.SortedFunc(maps.Keys(p), admin.TopicPartition.Compare)
}

func (c *command) resetOffsets(ctx context.Context) error {
	ids, err := c.groupIDs(ctx)
	if err != nil {
		return err
	}
	plans := map[string]plan{}
	for _, id := range ids {
		g, err := admin.DescribeConsumerGroup(ctx, c.client, id)
		const groupIDNotFound = 69
		switch {
		case err != nil && tool.CodeOf(err) != groupIDNotFound:
			return namedTwice(err)
		case err == nil && g.State != admin.Empty && g.State != admin.Dead:
			c.printError(fmt.Sprintf("Assignments can only be reset if the group '%s' is inactive, but the current state is %s.", id, g.State))
			plans[id] = plan{}
			continue
		}
		if plans[id], err = c.resetGroup(ctx, id); err != nil {
			return err
		}
	}
	if c.Has(c.export) {
		return c.printCSV(plans)
	}
	c.printPlans(plans)
	return nil
}

// resetGroup plans a group's new offsets, and commits them if --execute is there.
func (c *command) resetGroup(ctx context.Context, group string) (plan, error) {
	partitions, err := c.partitionsToReset(ctx, group)
	if err != nil {
		return nil, err
	}
	if err := c.checkPartitions(ctx, partitions); err != nil {
		return nil, err
	}
	p, err := c.plan(ctx, group, partitions)
	if err != nil || !c.Has(c.execute) {
		return p, err
	}
	return p, admin.AlterOffsets(ctx, c.client, group, p)
}

func (c *command) partitionsToReset(ctx context.Context, group string) ([]admin.TopicPartition, error) {
	switch {
	case c.Has(c.allTopics):
		committed, err := admin.CommittedOffsets(ctx, c.client, group)
		return slices.Collect(maps.Keys(committed)), namedTwice(err)
	case c.Has(c.topic):
		partitions, failed, err := c.partitionsOfTopics(ctx, c.Strings(c.topic))
		if err == nil && len(failed) > 0 {
			err = failed[0].Err
		}
		return partitions, err
	case c.Has(c.fromFile):
		return nil, nil
	}
	return nil, tool.UsageError("One of the reset scopes should be defined: --all-topics, --topic.")
}

// partitionsOfTopics reads arguments of --topic: "topic:0,1" names partitions, "topic" means all that there are.
func (c *command) partitionsOfTopics(ctx context.Context, args []string) ([]admin.TopicPartition, []admin.TopicError, error) {
	var partitions []admin.TopicPartition
	var whole []string
	for _, arg := range args {
		if !strings.Contains(arg, ":") {
			whole = append(whole, arg)
			continue
		}
		topic, ids, _ := strings.Cut(strings.TrimRight(arg, ":"), ":")
		if ids == "" || strings.Contains(ids, ":") {
			return nil, nil, tool.UsageError("Invalid topic arg '%s', expected topic name and partitions", arg)
		}
		for id := range strings.SplitSeq(ids, ",") {
			n, err := strconv.ParseInt(id, 10, 32)
			if err != nil {
				return nil, nil, tool.UsageError("Invalid partition '%s' specified in topic arg '%s''", id, arg)
			}
			partitions = append(partitions, admin.TopicPartition{Topic: topic, Partition: int32(n)})
		}
	}
	topics, failed, err := admin.TryDescribeTopics(ctx, c.client, whole, describePageSize)
	for _, t := range topics {
		for _, p := range t.Partitions {
			partitions = append(partitions, admin.TopicPartition{Topic: t.Name, Partition: p.Partition})
		}
	}
	slices.SortFunc(partitions, admin.TopicPartition.Compare)
	return slices.Compact(partitions), failed, err
}

// checkPartitions refuses partitions that do not exist or have no leader.
func (c *command) checkPartitions(ctx context.Context, partitions []admin.TopicPartition) error {
	topics, err := admin.DescribeTopics(ctx, c.client, topicsOf(partitions), describePageSize)
	if err != nil {
		return namedTwice(err)
	}
	leaders := map[admin.TopicPartition]int32{}
	for _, t := range topics {
		for _, p := range t.Partitions {
			leaders[admin.TopicPartition{Topic: t.Name, Partition: p.Partition}] = p.Leader
		}
	}
	var absent, leaderless []string
	for _, tp := range slices.SortedFunc(slices.Values(partitions), admin.TopicPartition.Compare) {
		leader, ok := leaders[tp]
		switch {
		case !ok:
			absent = append(absent, tp.String())
		case leader < 0:
			leaderless = append(leaderless, tp.String())
		}
	}
	if absent != nil {
		return tool.Errorf("The partitions \"%s\" do not exist", strings.Join(absent, ","))
	}
	if leaderless != nil {
		return tool.Errorf("The partitions \"%s\" have no leader", strings.Join(leaderless, ","))
	}
	return nil
}

// plan finds the new offsets by the scenario of the command line.
func (c *command) plan(ctx context.Context, group string, partitions []admin.TopicPartition) (plan, error) {
	switch {
	case c.Has(c.toOffset):
		wanted := plan{}
		offset, _ := strconv.ParseInt(c.Strings(c.toOffset)[0], 10, 64)
		for _, tp := range partitions {
			wanted[tp] = offset
		}
		return c.clamp(ctx, wanted)
	case c.Has(c.toEarliest):
		return c.listOffsets(ctx, partitions, admin.Earliest)
	case c.Has(c.toLatest):
		return c.listOffsets(ctx, partitions, admin.Latest)
	case c.Has(c.shiftBy):
		return c.shift(ctx, group, partitions)
	case c.Has(c.toDatetime):
		timestamp, err := tool.ParseDateTime(c.Strings(c.toDatetime)[0])
		if err != nil {
			return nil, err
		}
		return c.byTimestamp(ctx, partitions, timestamp)
	case c.Has(c.byDuration):
		duration, err := tool.ParseISODuration(c.String(c.byDuration))
		if err != nil {
			return nil, err
		}
		return c.byTimestamp(ctx, partitions, c.now().Add(-duration).UnixMilli())
	case c.Has(c.fromFile):
		return c.fromPlanFile(ctx, group)
	case c.Has(c.toCurrent):
		return c.current(ctx, group, partitions)
	}
	return nil, tool.UsageError("Option '%s' requires one of the following scenarios: [%s]", c.reset, names(c.scenarios))
}

func (c *command) listOffsets(ctx context.Context, partitions []admin.TopicPartition, timestamp int64) (plan, error) {
	offsets, err := admin.AllOffsets(ctx, c.client, partitions, timestamp)
	return offsets, namedTwice(err)
}

func (c *command) shift(ctx context.Context, group string, partitions []admin.TopicPartition) (plan, error) {
	committed, err := admin.CommittedOffsets(ctx, c.client, group)
	if err != nil {
		return nil, namedTwice(err)
	}
	wanted := plan{}
	for _, tp := range partitions {
		offset, ok := committed[tp]
		if !ok {
			return nil, tool.UsageError("Cannot shift offset for partition %s since there is no current committed offset", tp)
		}
		wanted[tp] = offset.Offset + c.Long(c.shiftBy)
	}
	return c.clamp(ctx, wanted)
}

func (c *command) current(ctx context.Context, group string, partitions []admin.TopicPartition) (plan, error) {
	committed, err := admin.CommittedOffsets(ctx, c.client, group)
	if err != nil {
		return nil, namedTwice(err)
	}
	p := plan{}
	var uncommitted []admin.TopicPartition
	for _, tp := range partitions {
		if offset, ok := committed[tp]; ok {
			p[tp] = offset.Offset
		} else {
			uncommitted = append(uncommitted, tp)
		}
	}
	ends, err := c.listOffsets(ctx, uncommitted, admin.Latest)
	maps.Copy(p, ends)
	return p, err
}

// byTimestamp finds the first offsets from a time on, or the end where nothing is that late.
func (c *command) byTimestamp(ctx context.Context, partitions []admin.TopicPartition, timestamp int64) (plan, error) {
	p, err := c.listOffsets(ctx, partitions, timestamp)
	if err != nil {
		return nil, err
	}
	var late []admin.TopicPartition
	for _, tp := range p.sorted() {
		if p[tp] == admin.UnknownOffset {
			c.Printf("\nWarn: Partition %d from topic %s is empty. Falling back to latest known offset.\n", tp.Partition, tp.Topic)
			late = append(late, tp)
		}
	}
	ends, err := c.listOffsets(ctx, late, admin.Latest)
	maps.Copy(p, ends)
	return p, err
}

// clamp brings offsets into the range that the log has, with a warning.
func (c *command) clamp(ctx context.Context, wanted plan) (plan, error) {
	partitions := wanted.sorted()
	starts, err := c.listOffsets(ctx, partitions, admin.Earliest)
	if err != nil {
		return nil, err
	}
	ends, err := c.listOffsets(ctx, partitions, admin.Latest)
	if err != nil {
		return nil, err
	}
	p := plan{}
	for _, tp := range partitions {
		p[tp] = wanted[tp]
		side, limit := "", int64(0)
		switch end, start := ends[tp], starts[tp]; {
		case wanted[tp] > end:
			side, limit = "higher than latest", end
		case wanted[tp] < start:
			side, limit = "lower than earliest", start
		default:
			continue
		}
		c.Errorf("WARN New offset (%d) is %s offset for topic partition %s. Value will be set to %d\n", wanted[tp], side, tp, limit)
		p[tp] = limit
	}
	return p, nil
}

func (c *command) printPlans(plans map[string]plan) {
	groupLen, topicLen := 15, 15
	for group, p := range plans {
		groupLen = max(groupLen, len(group))
		for tp := range p {
			topicLen = max(topicLen, len(tp.Topic))
		}
	}
	if len(plans) > 0 {
		c.Printf("\n%-*s %-*s %-10s %s", groupLen, "GROUP", topicLen, "TOPIC", "PARTITION", "NEW-OFFSET")
	}
	for _, group := range slices.Sorted(maps.Keys(plans)) {
		for _, tp := range plans[group].sorted() {
			c.Printf("\n%-*s %-*s %-10d %d", groupLen, group, topicLen, tp.Topic, tp.Partition, plans[group][tp])
		}
	}
	c.Println()
}

// printCSV prints plans in the form that --from-file reads; with several groups on the command line the group comes first.
func (c *command) printCSV(plans map[string]plan) error {
	var b strings.Builder
	w := csv.NewWriter(&b)
	for _, group := range slices.Sorted(maps.Keys(plans)) {
		for _, tp := range plans[group].sorted() {
			record := []string{tp.Topic, strconv.Itoa(int(tp.Partition)), strconv.FormatInt(plans[group][tp], 10)}
			if len(c.Strings(c.group)) != 1 {
				record = slices.Insert(record, 0, group)
			}
			if err := w.Write(record); err != nil {
				return err
			}
		}
	}
	w.Flush()
	c.Println(b.String())
	return w.Error()
}
