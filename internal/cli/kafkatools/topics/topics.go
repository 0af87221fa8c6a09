package topics

import (
	"context"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/internal/config"
)

// Tool is kafka-topics.
func Tool() tool.Tool {
	return tool.Tool{Name: "kafka-topics", Short: "Create, delete, describe, list and enlarge topics", Run: run}
}

const topicAlreadyExists = 36

// command is one run of the tool.
type command struct {
	tool.IO
	*options
	client *tool.Client
}

func run(ctx context.Context, s tool.IO, args []string) int {
	o := declare()
	if err := o.read(s, args); err != nil {
		return tool.Finish(s, o.parser, err)
	}
	client, err := admin.Connect(o.String(o.bootstrap), o.String(o.commandConfig), nil)
	if err != nil {
		return tool.Finish(s, o.parser, err)
	}
	defer client.Close()
	c := &command{IO: s, options: o, client: client}
	if err := c.act(ctx); err != nil {
		s.Println("Error while executing topic command : " + tool.Message(err))
		return 1
	}
	return 0
}

func (c *command) act(ctx context.Context) error {
	if err := c.ValueError(); err != nil {
		return err
	}
	switch {
	case c.Has(c.create):
		return c.createTopic(ctx)
	case c.Has(c.alter):
		return c.alterTopics(ctx)
	case c.Has(c.list):
		names, err := c.matching(ctx)
		if err == nil {
			c.Println(strings.Join(names, "\n"))
		}
		return err
	case c.Has(c.describe):
		return c.describeTopics(ctx)
	}
	return c.deleteTopics(ctx)
}

// matching lists the topics that --topic asks for, sorted.
func (c *command) matching(ctx context.Context) ([]string, error) {
	exclude := c.Has(c.excludeInternal)
	names, err := admin.TopicNames(ctx, c.client, !exclude)
	if err != nil {
		return nil, err
	}
	raw := ".*"
	if c.Has(c.topic) {
		raw = c.String(c.topic)
	}
	filter, err := admin.NewTopicFilter(raw)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(names, func(name string) bool { return !filter.Allows(name, exclude) }), nil
}

// mustExist refuses an empty answer when a topic was asked for.
func (c *command) mustExist(found []string) error {
	asked := c.String(c.topic)
	if asked != "" && len(found) == 0 && !c.Has(c.ifExists) {
		return tool.Errorf("Topic '%s' does not exist as expected", asked)
	}
	return nil
}

func (c *command) createTopic(ctx context.Context) error {
	name := c.String(c.topic)
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic = name
	t.NumPartitions, t.ReplicationFactor = -1, -1
	assignment, err := parseAssignment(c.String(c.assignment))
	if err != nil {
		return err
	}
	for partition, brokers := range assignment {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(partition), brokers
		t.ReplicaAssignment = append(t.ReplicaAssignment, a)
	}
	if t.Configs, err = parseConfigs(c.Strings(c.config)); err != nil {
		return err
	}
	if strings.ContainsAny(name, "._") {
		c.Println("WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could " +
			"collide. To avoid issues it is best to use either, but not both.")
	}
	if c.Has(c.replicationFactor) {
		if rf := c.Int(c.replicationFactor); rf < 1 || rf > math.MaxInt16 {
			return tool.Errorf("The replication factor must be between 1 and %d inclusive", math.MaxInt16)
		}
		t.ReplicationFactor = int16(c.Int(c.replicationFactor))
	}
	if c.Has(c.partitions) {
		if t.NumPartitions = c.Int(c.partitions); t.NumPartitions < 1 {
			return tool.Errorf("The partitions must be greater than 0")
		}
	}
	err = c.sendCreate(ctx, t)
	if tool.CodeOf(err) == topicAlreadyExists && c.Has(c.ifNotExists) {
		return nil
	}
	if err == nil {
		c.Printf("Created topic %s.\n", name)
	}
	return err
}

func (c *command) sendCreate(ctx context.Context, t kmsg.CreateTopicsRequestTopic) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(c.client.APITimeout.Milliseconds())
	req.Topics = append(req.Topics, t)
	resp, err := tool.Call[*kmsg.CreateTopicsResponse](ctx, c.client, "createTopics", req)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		if err := tool.CodeError(t.ErrorCode, t.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

func (c *command) alterTopics(ctx context.Context) error {
	assignment, err := parseAssignment(c.String(c.assignment))
	if err != nil {
		return err
	}
	names, err := c.matching(ctx)
	if err != nil {
		return err
	}
	if err := c.mustExist(names); err != nil || len(names) == 0 {
		return err
	}
	topics, err := admin.DescribeTopics(ctx, c.client, names, describePageSize)
	if err != nil {
		return err
	}
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis = int32(c.client.APITimeout.Milliseconds())
	for _, topic := range topics {
		t := kmsg.NewCreatePartitionsRequestTopic()
		t.Topic, t.Count = topic.Name, c.Int(c.partitions)
		if len(assignment) > 0 {
			t.Assignment = []kmsg.CreatePartitionsRequestTopicAssignment{}
			for _, brokers := range assignment[min(len(topic.Partitions), len(assignment)):] {
				a := kmsg.NewCreatePartitionsRequestTopicAssignment()
				a.Replicas = brokers
				t.Assignment = append(t.Assignment, a)
			}
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := tool.Call[*kmsg.CreatePartitionsResponse](ctx, c.client, "createPartitions", req)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		if err := tool.CodeError(t.ErrorCode, t.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

func (c *command) deleteTopics(ctx context.Context) error {
	names, err := c.matching(ctx)
	if err != nil {
		return err
	}
	if err := c.mustExist(names); err != nil || len(names) == 0 {
		return err
	}
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis = int32(c.client.APITimeout.Milliseconds())
	req.TopicNames = names // up to version 5
	for _, name := range names {
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, t)
	}
	resp, err := tool.Call[*kmsg.DeleteTopicsResponse](ctx, c.client, "deleteTopics", req)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		if err := tool.CodeError(t.ErrorCode, t.ErrorMessage); err != nil {
			return err
		}
	}
	return nil
}

// parseAssignment reads "0:1,1:2": the brokers of each partition.
func parseAssignment(text string) ([][]int32, error) {
	if text == "" {
		return nil, nil
	}
	var assignment [][]int32
	for i, part := range strings.Split(text, ",") {
		var brokers []int32
		for id := range strings.SplitSeq(part, ":") {
			n, err := strconv.ParseInt(strings.TrimSpace(id), 10, 32)
			if err != nil {
				return nil, tool.Errorf("For input string: %q", strings.TrimSpace(id))
			}
			brokers = append(brokers, int32(n))
		}
		if twice := duplicates(brokers); twice != "" {
			return nil, tool.Errorf("Partition replica lists may not contain duplicate entries: %s", twice)
		}
		if len(assignment) > 0 && len(brokers) != len(assignment[0]) {
			return nil, tool.Errorf("Partition %d has different replication factor: %s", i, bracketed(brokers))
		}
		assignment = append(assignment, brokers)
	}
	return assignment, nil
}

func duplicates(ids []int32) string {
	var twice []int32
	for i, id := range ids {
		if slices.Contains(ids[:i], id) && !slices.Contains(twice, id) {
			twice = append(twice, id)
		}
	}
	return joined(twice, ",")
}

func bracketed(ids []int32) string { return "[" + joined(ids, ", ") + "]" }

func joined(ids []int32, separator string) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.Itoa(int(id))
	}
	return strings.Join(texts, separator)
}

var equals = regexp.MustCompile(`\s*=\s*`)

// parseConfigs reads "name=value" settings and checks each by itself, before the cluster checks all together; the last of
// several with one name counts.
func parseConfigs(pairs []string) ([]kmsg.CreateTopicsRequestTopicConfig, error) {
	var configs []kmsg.CreateTopicsRequestTopicConfig
	for _, pair := range pairs {
		parts := equals.Split(pair, -1)
		if len(parts) != 2 || parts[1] == "" {
			return nil, tool.Errorf(`requirement failed: Invalid topic config: all configs to be added must be in the format "key=val".`)
		}
		name, value := strings.TrimSpace(parts[0]), strings.TrimSpace(parts[1])
		setting := config.Lookup(kmsg.ConfigResourceTypeTopic, name)
		if setting == nil {
			return nil, tool.Errorf("Unknown topic config name: %s", name)
		}
		if _, err := setting.Parse(value); err != nil {
			return nil, err
		}
		configs = slices.DeleteFunc(configs, func(c kmsg.CreateTopicsRequestTopicConfig) bool { return c.Name == name })
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = name, kmsg.StringPtr(value)
		configs = append(configs, c)
	}
	return configs, nil
}
