package main

import (
	"fmt"
	"net"
	"strconv"

	"github.com/segmentio/kafka-go"

	"ottla.dev/interop/gocheck"
)

func describeTopic(c c, topic string) kafka.Topic {
	response, err := client().Metadata(c, &kafka.MetadataRequest{Topics: []string{topic}})
	c.Must(err, "metadata")
	return response.Topics[0]
}

func adminTopics(c c) {
	topic := newTopic(c, 3, "retention.ms", "1234567")
	want := func(topic kafka.TopicConfig, want error, doing string) { c.WantError(create(c, topic), want, doing) }
	want(kafka.TopicConfig{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}, kafka.TopicAlreadyExists, "create it again")
	want(kafka.TopicConfig{Topic: "not/legal", NumPartitions: 1, ReplicationFactor: 1}, kafka.InvalidTopic, "an illegal name")
	want(kafka.TopicConfig{Topic: gocheck.Unique("t"), NumPartitions: 1, ReplicationFactor: 9}, kafka.InvalidReplicationFactor, "nine replicas")
	want(kafka.TopicConfig{Topic: gocheck.Unique("t"), NumPartitions: 0, ReplicationFactor: 1}, kafka.InvalidPartitionNumber, "no partition")
	want(kafka.TopicConfig{Topic: gocheck.Unique("t"), NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: []kafka.ConfigEntry{{ConfigName: "cleanup.policy", ConfigValue: "never"}}},
		kafka.InvalidConfiguration, "a wrong config")
	d := describeTopic(c, topic)
	if len(d.Partitions) != 3 || d.Partitions[0].Leader.Port == 0 || len(d.Partitions[0].Isr) != 1 {
		c.Fatalf("described as %+v", d)
	}
	grow := func(count int32) error {
		response, err := client().CreatePartitions(c, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: count}}})
		c.Must(err, "create partitions")
		return response.Errors[topic]
	}
	c.Must(grow(5), "add partitions")
	c.WantError(grow(4), kafka.InvalidPartitionNumber, "fewer partitions")
	c.Eventually(func() string {
		if got := len(describeTopic(c, topic).Partitions); got != 5 {
			return fmt.Sprintf("the topic has %d partitions, want 5", got)
		}
		return ""
	})
	remove := func() error {
		response, err := client().DeleteTopics(c, &kafka.DeleteTopicsRequest{Topics: []string{topic}})
		c.Must(err, "delete topics")
		return response.Errors[topic]
	}
	c.Must(remove(), "delete")
	c.WantError(remove(), kafka.UnknownTopicOrPartition, "delete again")
}

func adminConfigs(c c) {
	topic := newTopic(c, 1)
	want := func(key, value string, source int8) {
		c.Eventually(func() string {
			response, err := client().DescribeConfigs(c, &kafka.DescribeConfigsRequest{IncludeSynonyms: true,
				Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{key}}}})
			c.Must(err, "describe configs")
			entries := response.Resources[0].ConfigEntries
			if len(entries) != 1 || entries[0].ConfigValue != value || entries[0].ConfigSource != source {
				return fmt.Sprintf("%s: want %s from source %d, got %+v", key, value, source, entries)
			}
			return ""
		})
	}
	alter := func(op kafka.ConfigOperation, key, value string) error {
		response, err := client().IncrementalAlterConfigs(c, &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: key, Value: value, ConfigOperation: op}}}}})
		c.Must(err, "alter configs")
		return response.Resources[0].Error
	}
	const fromTopic, fromDefault = 1, 5
	want("retention.ms", "604800000", fromDefault)
	c.Must(alter(kafka.ConfigOperationSet, "retention.ms", "3600000"), "set")
	want("retention.ms", "3600000", fromTopic)
	c.Must(alter(kafka.ConfigOperationAppend, "cleanup.policy", "compact"), "append")
	want("cleanup.policy", "delete,compact", fromTopic)
	c.Must(alter(kafka.ConfigOperationSubtract, "cleanup.policy", "compact"), "subtract")
	want("cleanup.policy", "delete", fromTopic)
	c.Must(alter(kafka.ConfigOperationDelete, "retention.ms", ""), "delete")
	want("retention.ms", "604800000", fromDefault)
	c.WantError(alter(kafka.ConfigOperationSet, "retention.ms", "soon"), kafka.InvalidConfiguration, "a value that is no number")
	c.WantError(alter(kafka.ConfigOperationSet, "no.such.config", "1"), kafka.InvalidConfiguration, "an unknown key")
	response, err := client().AlterConfigs(c, &kafka.AlterConfigsRequest{Resources: []kafka.AlterConfigRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, Configs: []kafka.AlterConfigRequestConfig{{Name: "retention.ms", Value: "7200000"}}}}})
	c.Must(err, "alter the whole state")
	for _, err := range response.Errors {
		c.Must(err, "alter the whole state")
	}
	want("retention.ms", "7200000", fromTopic)
	want("cleanup.policy", "delete", fromDefault)
}

func describeGroup(c c, group string) kafka.DescribeGroupsResponseGroup {
	response, err := client().DescribeGroups(c, &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
	c.Must(err, "describe group")
	return response.Groups[0]
}

func listed(c c, group string) string {
	response, err := client().ListGroups(c, &kafka.ListGroupsRequest{})
	c.Must(err, "list groups")
	for _, g := range response.Groups {
		if g.GroupID == group {
			return g.ProtocolType
		}
	}
	return ""
}

func adminGroups(c c) {
	topic, group := newTopic(c, 2), gocheck.Unique("g")
	m := join(c, group, topic, gocheck.NewSeen(), kafka.RangeGroupBalancer{})
	gocheck.Settle(c, map[string]gocheck.Member{"m": m}, 2)
	if kind := listed(c, group); kind != "consumer" {
		c.Fatalf("the group is listed with protocol type %q", kind)
	}
	d := describeGroup(c, group)
	if d.GroupState != "Stable" || len(d.Members) != 1 || d.Members[0].ClientHost != "/127.0.0.1" || len(d.Members[0].MemberAssignments.Topics[0].Partitions) != 2 {
		c.Fatalf("described as %+v", d)
	}
	remove := func() error {
		response, err := client().DeleteGroups(c, &kafka.DeleteGroupsRequest{GroupIDs: []string{group}})
		c.Must(err, "delete groups")
		return response.Errors[group]
	}
	c.WantError(remove(), kafka.NonEmptyGroup, "delete a group with a member")
	m.Leave()
	c.Eventually(func() string {
		if state := describeGroup(c, group).GroupState; state != "Empty" {
			return "after the last member left the group is " + state
		}
		return ""
	})
	c.Must(remove(), "delete an empty group")
	c.WantError(remove(), kafka.GroupIdNotFound, "delete it again")
	if listed(c, group) != "" {
		c.Fatalf("the deleted group is listed")
	}
}

func adminOffsets(c c) {
	topic, group := newTopic(c, 2), gocheck.Unique("g")
	c.Must(commit(c, group, topic, kafka.OffsetCommit{Partition: 0, Offset: 5}, kafka.OffsetCommit{Partition: 1, Offset: 7}), "commit for a group without members")
	if got := offsets(c, group, topic, 0, 1); got[0].CommittedOffset != 5 || got[1].CommittedOffset != 7 {
		c.Fatalf("offsets are %+v, want 5 and 7", got)
	}
	response, err := client().OffsetDelete(c, &kafka.OffsetDeleteRequest{GroupID: group, Topics: map[string][]int{topic: {1}}})
	c.Must(err, "delete an offset")
	c.Must(response.Error, "delete an offset")
	if got := offsets(c, group, topic, 0, 1); len(got) != 1 || got[0].CommittedOffset != 5 {
		c.Fatalf("offsets are %+v, want 5 and none", got)
	}
}

func adminCluster(c c) {
	response, err := client().Metadata(c, &kafka.MetadataRequest{})
	c.Must(err, "metadata")
	if len(response.Brokers) != 1 || response.ClusterID == "" || response.Controller.ID != response.Brokers[0].ID {
		c.Fatalf("the cluster is %+v", response)
	}
	if got := net.JoinHostPort(response.Brokers[0].Host, strconv.Itoa(response.Brokers[0].Port)); got != gocheck.Bootstrap() {
		c.Fatalf("the node says it is at %s, it was reached at %s", got, gocheck.Bootstrap())
	}
}
