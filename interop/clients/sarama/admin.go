package main

import (
	"fmt"

	"github.com/IBM/sarama"

	"ottla.dev/interop/gocheck"
)

func adminTopics(c c) {
	adm := admin(c)
	defer adm.Close()
	topic := newTopic(c, 3, "retention.ms", "1234567")
	create := func(name string, partitions int32, replicas int16) error {
		return adm.CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: replicas}, false)
	}
	c.WantError(create(topic, 1, 1), sarama.ErrTopicAlreadyExists, "create it again")
	c.WantError(create("not/legal", 1, 1), sarama.ErrInvalidTopic, "create an illegal name")
	c.WantError(create(gocheck.Unique("t"), 1, 9), sarama.ErrInvalidReplicationFactor, "create with nine replicas")
	c.WantError(create(gocheck.Unique("t"), 0, 1), sarama.ErrInvalidPartitions, "create with no partition")
	wrong := "never"
	c.WantError(adm.CreateTopic(gocheck.Unique("t"), &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: map[string]*string{"cleanup.policy": &wrong}}, false),
		sarama.ErrInvalidConfig, "create with a wrong config")
	validated := gocheck.Unique("t")
	c.Must(adm.CreateTopic(validated, &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1}, true), "validate a creation")
	topics, err := adm.ListTopics()
	c.Must(err, "list topics")
	if _, made := topics[validated]; made {
		c.Fatalf("a creation that was only validated made the topic")
	}
	d := topics[topic]
	if d.NumPartitions != 3 || d.ReplicationFactor != 1 || d.ConfigEntries["retention.ms"] == nil || *d.ConfigEntries["retention.ms"] != "1234567" {
		c.Fatalf("listed as %+v", d)
	}
	c.Must(adm.CreatePartitions(topic, 5, nil, false), "add partitions")
	c.WantError(adm.CreatePartitions(topic, 4, nil, false), sarama.ErrInvalidPartitions, "remove partitions")
	described := func() *sarama.TopicMetadata {
		described, err := adm.DescribeTopics([]string{topic})
		c.Must(err, "describe topic")
		return described[0]
	}
	c.Eventually(func() string {
		if got := len(described().Partitions); got != 5 {
			return fmt.Sprintf("the topic has %d partitions, want 5", got)
		}
		return ""
	})
	c.Must(adm.DeleteTopic(topic), "delete")
	c.WantError(adm.DeleteTopic(topic), sarama.ErrUnknownTopicOrPartition, "delete again")
	c.Eventually(func() string {
		if err := described().Err; err != sarama.ErrUnknownTopicOrPartition {
			return fmt.Sprintf("the deleted topic is described with error %v", err)
		}
		return ""
	})
}

func adminConfigs(c c) {
	adm := admin(c)
	defer adm.Close()
	topic := newTopic(c, 1)
	want := func(key, value string, source sarama.ConfigSource) {
		c.Eventually(func() string {
			entries := describeConfig(c, adm, &sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{key}})
			if len(entries) != 1 || entries[0].Value != value || entries[0].Source != source {
				return fmt.Sprintf("%s: want %s from %s, got %+v", key, value, source, entries)
			}
			return ""
		})
	}
	alter := func(op sarama.IncrementalAlterConfigsOperation, key, value string) error {
		return adm.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{key: {Operation: op, Value: &value}}, false)
	}
	want("retention.ms", "604800000", sarama.SourceDefault)
	c.Must(alter(sarama.IncrementalAlterConfigsOperationSet, "retention.ms", "3600000"), "set")
	want("retention.ms", "3600000", sarama.SourceTopic)
	c.Must(alter(sarama.IncrementalAlterConfigsOperationAppend, "cleanup.policy", "compact"), "append")
	want("cleanup.policy", "delete,compact", sarama.SourceTopic)
	c.Must(alter(sarama.IncrementalAlterConfigsOperationSubtract, "cleanup.policy", "compact"), "subtract")
	want("cleanup.policy", "delete", sarama.SourceTopic)
	c.Must(alter(sarama.IncrementalAlterConfigsOperationDelete, "retention.ms", ""), "delete")
	want("retention.ms", "604800000", sarama.SourceDefault)
	c.WantError(alter(sarama.IncrementalAlterConfigsOperationSet, "retention.ms", "soon"), sarama.ErrInvalidConfig, "a value that is no number")
	c.WantError(alter(sarama.IncrementalAlterConfigsOperationSet, "no.such.config", "1"), sarama.ErrInvalidConfig, "an unknown key")
	value := "7200000"
	c.Must(adm.AlterConfig(sarama.TopicResource, topic, map[string]*string{"retention.ms": &value}, false), "alter the whole state")
	want("retention.ms", value, sarama.SourceTopic)
	want("cleanup.policy", "delete", sarama.SourceDefault)
	brokers, _, err := adm.DescribeCluster()
	c.Must(err, "describe cluster")
	entries := describeConfig(c, adm, &sarama.ConfigResource{Type: sarama.BrokerResource, Name: fmt.Sprint(brokers[0].ID())})
	if len(entries) < 100 {
		c.Fatalf("the broker has %d configs", len(entries))
	}
}

func describeConfig(c c, adm sarama.ClusterAdmin, resource *sarama.ConfigResource) []sarama.ConfigEntry {
	results, err := adm.DescribeConfigs([]*sarama.ConfigResource{resource}, sarama.DescribeConfigsOptions{})
	c.Must(err, "describe configs")
	if len(results) != 1 {
		c.Fatalf("%d resources in the answer, want 1", len(results))
	}
	if r := results[0]; r.ErrorCode != sarama.ErrNoError {
		c.Fatalf("describe the configs of %s: %v %s", resource.Name, r.ErrorCode, r.ErrorMsg)
	}
	return results[0].Configs
}

func describe(c c, adm sarama.ClusterAdmin, group string) *sarama.GroupDescription {
	described, err := adm.DescribeConsumerGroups([]string{group})
	c.Must(err, "describe group")
	return described[0]
}

func adminGroups(c c) {
	adm := admin(c)
	defer adm.Close()
	topic, group := newTopic(c, 2), gocheck.Unique("g")
	m := join(c, group, topic, gocheck.NewSeen(), groupConfig())
	gocheck.Settle(c, map[string]gocheck.Member{"m": m}, 2)
	listed, err := adm.ListConsumerGroups()
	c.Must(err, "list groups")
	if listed[group] != "consumer" {
		c.Fatalf("the group is listed with protocol type %q", listed[group])
	}
	d := describe(c, adm, group)
	if d.State != "Stable" || len(d.Members) != 1 {
		c.Fatalf("described as %+v", d)
	}
	for _, one := range d.Members {
		assigned, err := one.GetMemberAssignment()
		c.Must(err, "decode the assignment")
		if one.ClientId != "sarama" || one.ClientHost != "/127.0.0.1" || len(assigned.Topics[topic]) != 2 {
			c.Fatalf("the member is described as %+v with %+v", one, assigned)
		}
	}
	c.WantError(adm.DeleteConsumerGroup(group), sarama.ErrNonEmptyGroup, "delete a group with a member")
	m.Leave()
	c.Eventually(func() string {
		if state := describe(c, adm, group).State; state != "Empty" {
			return "after the last member left the group is " + state
		}
		return ""
	})
	c.Must(adm.DeleteConsumerGroup(group), "delete an empty group")
	c.WantError(adm.DeleteConsumerGroup(group), sarama.ErrGroupIDNotFound, "delete it again")
	listed, err = adm.ListConsumerGroups()
	c.Must(err, "list groups")
	if _, still := listed[group]; still {
		c.Fatalf("the deleted group is listed")
	}
}

func offsets(c c, adm sarama.ClusterAdmin, group, topic string, partitions ...int32) map[int32]*sarama.OffsetFetchResponseBlock {
	var response *sarama.OffsetFetchResponse
	c.Eventually(func() string {
		var err error
		response, err = adm.ListConsumerGroupOffsets(group, map[string][]int32{topic: partitions})
		c.Must(err, "list offsets of the group")
		if response.Err == sarama.ErrOffsetsLoadInProgress { // the first group of a new node; sarama does not ask again
			return response.Err.Error()
		}
		if response.Err != sarama.ErrNoError {
			c.Fatalf("list offsets of the group: %v", response.Err)
		}
		return ""
	})
	got := map[int32]*sarama.OffsetFetchResponseBlock{}
	for _, p := range partitions {
		if got[p] = response.GetBlock(topic, p); got[p] == nil {
			c.Fatalf("partition %d is not in the answer", p)
		}
	}
	return got
}

func adminOffsets(c c) {
	adm := admin(c)
	defer adm.Close()
	topic, group := newTopic(c, 2), gocheck.Unique("g")
	commit(c, adm, group, topic, map[int32]int64{0: 5, 1: 7})
	if got := offsets(c, adm, group, topic, 0, 1); got[0].Offset != 5 || got[1].Offset != 7 {
		c.Fatalf("offsets are %d and %d, want 5 and 7", got[0].Offset, got[1].Offset)
	}
	c.Must(adm.DeleteConsumerGroupOffset(group, topic, 1), "delete an offset")
	if got := offsets(c, adm, group, topic, 0, 1); got[0].Offset != 5 || got[1].Offset != -1 {
		c.Fatalf("offsets are %d and %d, want 5 and none", got[0].Offset, got[1].Offset)
	}
}

func adminDeleteRecords(c c) {
	adm := admin(c)
	defer adm.Close()
	topic := newTopic(c, 1)
	var records []*sarama.ProducerMessage
	for i := range 5 {
		records = append(records, record(topic, 0, fmt.Appendf(nil, "%d", i)))
	}
	c.Must(send(c, config(), records), "produce")
	c.Must(adm.DeleteRecords(topic, map[int32]int64{0: 3}), "delete records before 3")
	if err := adm.DeleteRecords(topic, map[int32]int64{0: 99}); err == nil {
		c.Fatalf("deleting beyond the end went well")
	}
	cl := connect(c, config())
	defer cl.Close()
	oldest, err := cl.GetOffset(topic, 0, sarama.OffsetOldest)
	c.Must(err, "oldest offset")
	if oldest != 3 {
		c.Fatalf("oldest offset %d, want 3", oldest)
	}
	if got := readAll(c, config(), topic, 1, 2)[0]; got[0].Offset != 3 || string(got[0].Value) != "3" {
		c.Fatalf("the first record is %d %s, want 3", got[0].Offset, got[0].Value)
	}
}

func adminCluster(c c) {
	adm := admin(c)
	defer adm.Close()
	brokers, controller, err := adm.DescribeCluster()
	c.Must(err, "describe cluster")
	if len(brokers) != 1 || brokers[0].ID() != controller || brokers[0].Addr() != gocheck.Bootstrap() {
		c.Fatalf("the cluster is %v with controller %d, reached at %s", brokers, controller, gocheck.Bootstrap())
	}
	topic := newTopic(c, 3)
	c.Eventually(func() string {
		dirs, err := adm.DescribeLogDirs([]int32{controller})
		c.Must(err, "describe log dirs")
		var found int
		for _, dir := range dirs[controller] {
			for _, t := range dir.Topics {
				if t.Topic == topic {
					found += len(t.Partitions)
				}
			}
		}
		if found != 3 {
			return fmt.Sprintf("%d of the topic's 3 partitions are in the log dirs", found)
		}
		return ""
	})
}
