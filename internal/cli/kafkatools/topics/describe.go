package topics

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// describePageSize is how many partitions one answer holds unless the user sets it.
const describePageSize = 2000

const configSourceDefault = kmsg.ConfigSourceDefaultConfig

// reassignment is a partition's running change of replicas.
type reassignment = kmsg.ListPartitionReassignmentsResponseTopicPartition

// description is all that is known of one topic.
type description struct {
	admin.Topic
	configs       []admin.ConfigEntry
	reassignments map[int32]reassignment
}

func (c *command) describeTopics(ctx context.Context) error {
	topics, err := c.topicsToDescribe(ctx)
	if err != nil {
		return err
	}
	var resources []admin.Resource
	for _, t := range topics {
		resources = append(resources, admin.Resource{Type: kmsg.ConfigResourceTypeTopic, Name: t.Name})
	}
	configs, err := admin.DescribeConfigs(ctx, c.client, resources, false)
	if err != nil {
		return err
	}
	brokers, err := admin.Brokers(ctx, c.client)
	if err != nil {
		return err
	}
	reassignments, err := c.reassignments(ctx, topics)
	if err != nil {
		return err
	}
	for i, t := range topics {
		config := configs[resources[i]]
		if config.Err != nil {
			return config.Err
		}
		c.print(description{t, config.Entries, reassignments[t.Name]}, brokers)
	}
	return nil
}

func (c *command) topicsToDescribe(ctx context.Context) ([]admin.Topic, error) {
	if c.Has(c.topicID) {
		id, err := admin.ParseTopicID(c.String(c.topicID))
		if err != nil {
			return nil, err
		}
		if id != (admin.TopicID{}) {
			return c.topicByID(ctx, id)
		}
	}
	names, err := c.matching(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.mustExist(names); err != nil {
		return nil, err
	}
	limit := int32(describePageSize)
	if c.Has(c.partitionSizeLimit) {
		limit = c.Int(c.partitionSizeLimit)
	}
	return admin.DescribeTopics(ctx, c.client, names, limit)
}

func (c *command) topicByID(ctx context.Context, id admin.TopicID) ([]admin.Topic, error) {
	list, err := admin.ListTopics(ctx, c.client, !c.Has(c.excludeInternal))
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(list, func(t admin.TopicListing) bool { return t.ID == id }) {
		return admin.DescribeTopicIDs(ctx, c.client, []admin.TopicID{id})
	}
	if c.Has(c.ifExists) {
		return nil, nil
	}
	return nil, tool.Errorf("TopicId '%s' does not exist as expected", id)
}

// reassignments asks for running changes of replicas. A broker that cannot tell has none.
func (c *command) reassignments(ctx context.Context, topics []admin.Topic) (map[string]map[int32]reassignment, error) {
	found := map[string]map[int32]reassignment{}
	if len(topics) == 0 {
		return found, nil
	}
	req := kmsg.NewPtrListPartitionReassignmentsRequest()
	req.TimeoutMillis = int32(c.client.APITimeout.Milliseconds())
	for _, topic := range topics {
		t := kmsg.NewListPartitionReassignmentsRequestTopic()
		t.Topic = topic.Name
		for _, p := range topic.Partitions {
			t.Partitions = append(t.Partitions, p.Partition)
		}
		req.Topics = append(req.Topics, t)
	}
	resp, err := tool.Call[*kmsg.ListPartitionReassignmentsResponse](ctx, c.client, "listPartitionReassignments", req)
	if err == nil {
		err = tool.CodeError(resp.ErrorCode, resp.ErrorMessage)
	}
	const clusterAuthorizationFailed = 31
	if admin.Unsupported(err) || tool.CodeOf(err) == clusterAuthorizationFailed {
		return found, nil
	}
	if err != nil {
		return nil, err
	}
	for _, t := range resp.Topics {
		found[t.Topic] = map[int32]reassignment{}
		for _, p := range t.Partitions {
			found[t.Topic][p.Partition] = p
		}
	}
	return found, nil
}

// print writes a topic's line, unless only some partitions are asked for, and its partitions' lines.
func (c *command) print(d description, brokers []admin.Node) {
	reporting := c.HasAny(c.replicationReports...)
	if !reporting && (!c.Has(c.overrides) || d.overridden()) {
		c.Printf("Topic: %s", d.Name)
		if d.ID != (admin.TopicID{}) {
			c.Printf("\tTopicId: %s", d.ID)
		}
		factor := 0
		if len(d.Partitions) > 0 {
			factor = d.replicationFactor(d.Partitions[0])
		}
		c.Printf("\tPartitionCount: %d\tReplicationFactor: %d\tConfigs: %s\n", len(d.Partitions), factor, d.configText())
	}
	if c.Has(c.overrides) {
		return
	}
	for _, p := range d.Partitions {
		if !reporting || c.reported(d, p, brokers) {
			c.Println(d.partitionText(p))
		}
	}
}

func (d description) overridden() bool {
	return slices.ContainsFunc(d.configs, func(e admin.ConfigEntry) bool { return e.Source != configSourceDefault })
}

func (d description) configText() string {
	var texts []string
	for _, e := range d.configs {
		if e.Source != configSourceDefault {
			texts = append(texts, e.Name+"="+valueText(e.Value))
		}
	}
	return strings.Join(texts, ",")
}

func valueText(v *string) string {
	if v == nil {
		return "null"
	}
	return *v
}

// replicationFactor leaves out the replicas that a running reassignment only adds.
func (d description) replicationFactor(p admin.Partition) int {
	r, ok := d.reassignments[p.Partition]
	changing := slices.Concat(r.AddingReplicas, r.RemovingReplicas)
	if ok && slices.ContainsFunc(p.Replicas, func(id int32) bool { return slices.Contains(changing, id) }) {
		return len(r.Replicas) - len(r.AddingReplicas)
	}
	return len(p.Replicas)
}

func (d description) minISR() int {
	for _, e := range d.configs {
		if e.Name == "min.insync.replicas" && e.Value != nil {
			n, _ := strconv.Atoi(*e.Value)
			return n
		}
	}
	return 1
}

// reported tells whether a partition is in a state that the command line asks for.
func (c *command) reported(d description, p admin.Partition, brokers []admin.Node) bool {
	leaderLives := p.Leader >= 0 && slices.ContainsFunc(brokers, func(n admin.Node) bool { return n.ID == p.Leader })
	switch {
	case c.Has(c.underReplicated) && d.replicationFactor(p) > len(p.ISR):
	case c.Has(c.unavailable) && !leaderLives:
	case c.Has(c.underMinISR) && (p.Leader < 0 || len(p.ISR) < d.minISR()):
	case c.Has(c.atMinISR) && len(p.ISR) == d.minISR():
	default:
		return false
	}
	return true
}

func (d description) partitionText(p admin.Partition) string {
	var b strings.Builder
	leader := "none"
	if p.Leader >= 0 {
		leader = strconv.Itoa(int(p.Leader))
	}
	fmt.Fprintf(&b, "\tTopic: %s\tPartition: %d\tLeader: %s\tReplicas: %s\tIsr: %s",
		d.Name, p.Partition, leader, joined(p.Replicas, ","), joined(p.ISR, ","))
	if r, ok := d.reassignments[p.Partition]; ok {
		fmt.Fprintf(&b, "\tAdding Replicas: %s\tRemoving Replicas: %s", joined(r.AddingReplicas, ","), joined(r.RemovingReplicas, ","))
	}
	fmt.Fprintf(&b, "\tElr: %s\tLastKnownElr: %s", elrText(p.ELR), elrText(p.LastKnownELR))
	return b.String()
}

func elrText(ids []int32) string {
	if ids == nil {
		return "N/A"
	}
	return joined(ids, ",")
}
