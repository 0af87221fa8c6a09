package getoffsets

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// rule lets partitions of the topics that match through: those listed, or those of a range.
type rule struct {
	topics   *admin.TopicFilter
	listed   []int32 // nil: the range counts
	from, to int32   // to is excluded
}

func (r rule) allows(tp admin.TopicPartition) bool {
	if !r.topics.Allows(tp.Topic, false) {
		return false
	}
	if r.listed != nil {
		return slices.Contains(r.listed, tp.Partition)
	}
	return tp.Partition >= r.from && tp.Partition < r.to
}

type filter []rule

// filter makes the rules of the command line.
func (o *options) filter() (filter, error) {
	if o.Has(o.topicPartitions) {
		var rules filter
		for spec := range strings.SplitSeq(o.String(o.topicPartitions), ",") {
			r, err := parseRule(spec)
			if err != nil {
				return nil, err
			}
			rules = append(rules, r)
		}
		return rules, nil
	}
	topic := ".*"
	if o.Has(o.topic) {
		topic = o.String(o.topic)
	}
	topics, err := admin.NewTopicFilter(topic)
	if err != nil {
		return nil, err
	}
	r := rule{topics: topics, to: math.MaxInt32}
	if list := o.String(o.partitions); list != "" {
		for id := range strings.SplitSeq(list, ",") {
			n, err := strconv.ParseInt(id, 10, 32)
			if err != nil {
				return nil, fmt.Errorf("--partitions expects a comma separated list of numeric partition ids, but received: %s", list)
			}
			r.listed = append(r.listed, int32(n))
		}
	}
	return filter{r}, nil
}

var ruleSyntax = regexp.MustCompile(`^([^:,]*)(?::(?:([0-9]*)|(?:([0-9]*)-([0-9]*))))?$`)

// parseRule reads "topic:3", "topic:1-4", "topic:2-", "topic:-5", "topic" or ":3".
func parseRule(spec string) (rule, error) {
	m := ruleSyntax.FindStringSubmatch(spec)
	if m == nil {
		return rule{}, fmt.Errorf("org.apache.kafka.tools.TerseException: Invalid rule specification: %s", spec)
	}
	topic := m[1]
	if topic == "" {
		topic = ".*"
	}
	topics, err := admin.NewTopicFilter(topic)
	if err != nil {
		return rule{}, err
	}
	r := rule{topics: topics, to: math.MaxInt32}
	numbers := []struct {
		text string
		use  func(int32)
	}{
		{m[2], func(n int32) { r.listed = []int32{n} }},
		{m[3], func(n int32) { r.from = n }},
		{m[4], func(n int32) { r.to = n }},
	}
	for _, number := range numbers {
		if number.text == "" {
			continue
		}
		n, err := strconv.ParseInt(number.text, 10, 32)
		if err != nil {
			return rule{}, tool.Errorf("For input string: %q", number.text)
		}
		number.use(int32(n))
	}
	return r, nil
}

// partitions lists the existing partitions that a rule lets through.
func (f filter) partitions(ctx context.Context, c *tool.Client, excludeInternal bool) ([]admin.TopicPartition, error) {
	names, err := admin.TopicNames(ctx, c, !excludeInternal)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return !slices.ContainsFunc(f, func(r rule) bool { return r.topics.Allows(name, false) })
	})
	const pageSize = 2000
	topics, err := admin.DescribeTopics(ctx, c, names, pageSize)
	if err != nil {
		return nil, err
	}
	var found []admin.TopicPartition
	for _, t := range topics {
		for _, p := range t.Partitions {
			tp := admin.TopicPartition{Topic: t.Name, Partition: p.Partition}
			if slices.ContainsFunc(f, func(r rule) bool { return r.allows(tp) }) {
				found = append(found, tp)
			}
		}
	}
	return found, nil
}
