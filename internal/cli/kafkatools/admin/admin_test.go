package admin

import (
	"context"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// newCluster starts a cluster and connects to it as the tools do.
func newCluster(t *testing.T, opts ...kfake.Opt) *tool.Client {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	c, err := Connect(cluster.ListenAddrs()[0], "", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestDescribeTopicsOnAnOldBroker shows the fall-back: without DescribeTopicPartitions nobody knows of eligible leaders.
func TestDescribeTopicsOnAnOldBroker(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(2, "orders"), kfake.MaxVersions(kversion.V3_0_0()))
	_, err := tool.Call[*kmsg.DescribeTopicPartitionsResponse](t.Context(), c, "x", kmsg.NewPtrDescribeTopicPartitionsRequest())
	if !Unsupported(err) {
		t.Fatalf("the broker must not know the request: %v", err)
	}
	topics, err := DescribeTopics(t.Context(), c, []string{"orders"}, 100)
	if err != nil || len(topics) != 1 || len(topics[0].Partitions) != 2 {
		t.Fatalf("%+v, %v", topics, err)
	}
	if p := topics[0].Partitions[1]; p.Partition != 1 || p.ELR != nil || p.LastKnownELR != nil || len(p.ISR) != 1 {
		t.Errorf("%+v", p)
	}
}

// TestDescribeTopicsPageByPage asks for so few partitions at a time that topics are cut in two.
func TestDescribeTopicsPageByPage(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(5, "b", "a"))
	topics, err := DescribeTopics(t.Context(), c, []string{"b", "a"}, 2)
	if err != nil || len(topics) != 2 || topics[0].Name != "a" {
		t.Fatalf("%+v, %v", topics, err)
	}
	for _, topic := range topics {
		var ids []int32
		for _, p := range topic.Partitions {
			ids = append(ids, p.Partition)
			if p.ELR == nil {
				t.Errorf("%s-%d: an empty list of eligible leaders is not an unknown one", topic.Name, p.Partition)
			}
		}
		if !slices.Equal(ids, []int32{0, 1, 2, 3, 4}) {
			t.Errorf("%s has the partitions %v", topic.Name, ids)
		}
	}
}

func TestDescribeTopicsTellsWhichFailed(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, "a"))
	topics, failed, err := TryDescribeTopics(t.Context(), c, []string{"a", "nope"}, 100)
	if err != nil || len(topics) != 1 || len(failed) != 1 || failed[0].Topic != "nope" || tool.CodeOf(failed[0].Err) != 3 {
		t.Errorf("%+v, %+v, %v", topics, failed, err)
	}
	if _, err := DescribeTopics(t.Context(), c, []string{"a", "nope"}, 100); tool.CodeOf(err) != 3 {
		t.Errorf("one topic's error must fail all: %v", err)
	}
}

// join makes a member of a group and returns when it has its partitions.
func join(t *testing.T, c *tool.Client, group, topic string, opts ...kgo.Opt) {
	t.Helper()
	assigned := make(chan struct{}, 10)
	member, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(address(t, c)), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ClientID("member"), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { assigned <- struct{}{} }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(member.Close)
	select {
	case <-assigned:
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

func TestDescribeAClassicGroup(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(2, "orders"))
	join(t, c, "billing", "orders", kgo.InstanceID("one"), kgo.Balancers(kgo.RangeBalancer()))
	g, err := DescribeConsumerGroup(t.Context(), c, "billing")
	if err != nil || g.Type != ClassicType || g.State != Stable || g.Assignor != "range" || len(g.Members) != 1 {
		t.Fatalf("%+v, %v", g, err)
	}
	m := g.Members[0]
	if m.InstanceID != "one" || m.ClientID != "member" || m.Epoch != nil || m.Upgraded != nil ||
		!slices.Equal(m.Assigned, []TopicPartition{{"orders", 0}, {"orders", 1}}) {
		t.Errorf("%+v", m)
	}
}

func TestGroupOffsets(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(2, "orders"))
	offsets := map[TopicPartition]int64{{"orders", 0}: 4, {"orders", 1}: 7}
	if err := AlterOffsets(t.Context(), c, "billing", offsets); err != nil {
		t.Fatal(err)
	}
	got, err := CommittedOffsets(t.Context(), c, "billing")
	if err != nil || len(got) != 2 || got[TopicPartition{"orders", 1}] != (Committed{7, -1}) {
		t.Errorf("%v, %v", got, err)
	}
	results, err := DeleteOffsets(t.Context(), c, "billing", []TopicPartition{{"orders", 1}})
	if err != nil || results[TopicPartition{"orders", 1}] != nil {
		t.Errorf("%v, %v", results, err)
	}
	if got, err := CommittedOffsets(t.Context(), c, "billing"); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := DeleteOffsets(t.Context(), c, "nope", []TopicPartition{{"orders", 1}}); tool.CodeOf(err) != groupIDNotFound {
		t.Errorf("%v", err)
	}
}

// TestAlterOffsetsOfALiveGroup must be refused, and name the partitions.
func TestAlterOffsetsOfALiveGroup(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, "orders"))
	join(t, c, "billing", "orders")
	err := AlterOffsets(t.Context(), c, "billing", map[TopicPartition]int64{{"orders", 0}: 4})
	if err == nil || tool.Message(err) != "Failed altering group offsets for the following partitions: [orders-0]" {
		t.Errorf("%v", err)
	}
}

func TestListGroupsFilters(t *testing.T) {
	c := newCluster(t, kfake.SeedTopics(1, "orders"))
	offsets := kadm.Offsets{}
	offsets.AddOffset("orders", 0, 1, -1)
	for _, group := range []string{"b", "a"} {
		if err := c.Admin.CommitAllOffsets(t.Context(), group, offsets); err != nil {
			t.Fatal(err)
		}
	}
	for _, query := range []struct {
		q    GroupQuery
		want int
	}{
		{GroupQuery{}, 2}, {GroupQuery{Consumers: true}, 2}, {GroupQuery{States: []GroupState{Empty}}, 2}, {GroupQuery{States: []GroupState{Stable}}, 0},
		{GroupQuery{Types: []GroupType{ClassicType}}, 2}, {GroupQuery{Types: []GroupType{ShareType}}, 0},
	} {
		groups, err := ListGroups(t.Context(), c, query.q)
		if err != nil || len(groups) != query.want || query.want > 0 && groups[0].ID != "a" {
			t.Errorf("%+v: %+v, %v", query.q, groups, err)
		}
	}
	old := GroupListing{ID: "old", Protocol: "consumer"} // as a broker lists that knows no types
	if !(GroupQuery{Consumers: true}).wants(old) || (GroupQuery{Consumers: true}).wants(GroupListing{Protocol: "connect"}) {
		t.Error("a group without a type is a classic one; one of another protocol is no group of consumers")
	}
}

func TestTopicFilter(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		exclude, want bool
	}{
		{"orders", "orders", false, true}, {"orders", "orders2", false, false}, {"ord.*, bill", "bill", false, true},
		{`"orders"`, "orders", false, true}, {".*", "__consumer_offsets", true, false}, {".*", "__consumer_offsets", false, true}, {"a|b", "ab", false, false},
	} {
		f, err := NewTopicFilter(c.filter)
		if err != nil || f.Allows(c.topic, c.exclude) != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, err := NewTopicFilter("("); err == nil || err.Error() != "( is an invalid regex." {
		t.Error(err)
	}
}

func TestTopicIDs(t *testing.T) {
	id := TopicID{1, 2, 3, 255}
	if got, err := ParseTopicID(id.String()); err != nil || got != id {
		t.Errorf("%v, %v", got, err)
	}
	for _, wrong := range []string{"", "abc", "!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		if _, err := ParseTopicID(wrong); err == nil {
			t.Errorf("%q must be refused", wrong)
		}
	}
}

// address is where the only broker listens.
func address(t *testing.T, c *tool.Client) string {
	t.Helper()
	addr, _, err := GroupCoordinator(t.Context(), c, "any")
	if err != nil {
		t.Fatal(err)
	}
	return addr
}
