package main

import (
	"fmt"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"ottla.dev/interop/gocheck"
)

func adminTopics(c c) {
	adm := admin(c)
	defer adm.Close()
	topic := newTopic(c, 3, "retention.ms", "1234567")
	_, err := adm.CreateTopic(c, 1, 1, nil, topic)
	c.WantError(err, kerr.TopicAlreadyExists, "create it again")
	_, err = adm.CreateTopic(c, 1, 1, nil, "not/legal")
	c.WantError(err, kerr.InvalidTopicException, "create an illegal name")
	_, err = adm.CreateTopic(c, 1, 9, nil, gocheck.Unique("t"))
	c.WantError(err, kerr.InvalidReplicationFactor, "create with nine replicas")
	_, err = adm.CreateTopic(c, 0, 1, nil, gocheck.Unique("t"))
	c.WantError(err, kerr.InvalidPartitions, "create with no partition")
	wrong := "never"
	_, err = adm.CreateTopic(c, 1, 1, map[string]*string{"cleanup.policy": &wrong}, gocheck.Unique("t"))
	c.WantError(err, kerr.InvalidConfig, "create with a wrong config")
	validated := gocheck.Unique("t")
	_, err = adm.ValidateCreateTopics(c, 2, 1, nil, validated)
	c.Must(err, "validate a creation")

	byName, err := adm.ListTopics(c)
	c.Must(err, "list topics")
	if d := byName[topic]; len(d.Partitions) != 3 || d.Partitions[0].Leader < 0 || len(d.Partitions[0].ISR) != 1 || d.ID == (kadm.TopicID{}) {
		c.Fatalf("described as %+v", d)
	}
	if byName.Has(validated) {
		c.Fatalf("a creation that was only validated made the topic")
	}
	parts, err := adm.UpdatePartitions(c, 5, topic)
	c.Must(err, "add partitions")
	c.Must(parts[topic].Err, "add partitions")
	parts, err = adm.UpdatePartitions(c, 4, topic)
	c.Must(err, "remove partitions")
	c.WantError(parts[topic].Err, kerr.InvalidPartitions, "remove partitions")
	c.Eventually(func() string {
		byName, err := adm.ListTopics(c, topic)
		if err != nil || len(byName[topic].Partitions) != 5 {
			return "the topic does not get 5 partitions"
		}
		return ""
	})
	_, err = adm.DeleteTopic(c, topic)
	c.Must(err, "delete")
	_, err = adm.DeleteTopic(c, topic)
	c.WantError(err, kerr.UnknownTopicOrPartition, "delete again")
	c.Eventually(func() string {
		byName, err := adm.ListTopics(c, topic)
		if err != nil || byName[topic].Err == nil {
			return "the deleted topic is still described"
		}
		return ""
	})
}

func adminConfigs(c c) {
	adm := admin(c)
	defer adm.Close()
	topic := newTopic(c, 1)
	want := func(key, value string, source string) {
		c.Eventually(func() string {
			described, err := adm.DescribeTopicConfigs(c, topic)
			c.Must(err, "describe")
			on, err := described.On(topic, nil)
			c.Must(err, "describe")
			for _, config := range on.Configs {
				if config.Key == key {
					if config.MaybeValue() == value && config.Source.String() == source {
						return ""
					}
					return key + " is " + config.MaybeValue() + " from " + config.Source.String() + ", want " + value + " from " + source
				}
			}
			return key + " is not described"
		})
	}
	alter := func(op kadm.IncrementalOp, key, value string) error {
		responses, err := adm.AlterTopicConfigs(c, []kadm.AlterConfig{{Op: op, Name: key, Value: &value}}, topic)
		c.Must(err, "alter %s", key)
		return responses[0].Err
	}
	want("retention.ms", "604800000", "DEFAULT_CONFIG")
	c.Must(alter(kadm.SetConfig, "retention.ms", "3600000"), "set")
	want("retention.ms", "3600000", "DYNAMIC_TOPIC_CONFIG")
	c.Must(alter(kadm.AppendConfig, "cleanup.policy", "compact"), "append")
	want("cleanup.policy", "delete,compact", "DYNAMIC_TOPIC_CONFIG")
	c.Must(alter(kadm.SubtractConfig, "cleanup.policy", "compact"), "subtract")
	want("cleanup.policy", "delete", "DYNAMIC_TOPIC_CONFIG")
	c.Must(alter(kadm.DeleteConfig, "retention.ms", ""), "delete")
	want("retention.ms", "604800000", "DEFAULT_CONFIG")
	c.WantError(alter(kadm.SetConfig, "retention.ms", "soon"), kerr.InvalidConfig, "a value that is no number")
	c.WantError(alter(kadm.SetConfig, "no.such.config", "1"), kerr.InvalidConfig, "an unknown key")
	value := "7200000"
	responses, err := adm.AlterTopicConfigsState(c, []kadm.AlterConfig{{Name: "retention.ms", Value: &value}}, topic)
	c.Must(err, "alter the whole state")
	c.Must(responses[0].Err, "alter the whole state")
	want("retention.ms", value, "DYNAMIC_TOPIC_CONFIG")
	want("cleanup.policy", "delete", "DEFAULT_CONFIG")
	brokers, err := adm.ListBrokers(c)
	c.Must(err, "list brokers")
	described, err := adm.DescribeBrokerConfigs(c, brokers.NodeIDs()...)
	c.Must(err, "describe the broker")
	if len(described) != 1 || described[0].Err != nil || len(described[0].Configs) < 100 {
		c.Fatalf("the broker's configs: %d resources", len(described))
	}
}

func adminGroups(c c) {
	adm := admin(c)
	defer adm.Close()
	topic, group := newTopic(c, 2), gocheck.Unique("g")
	m := join(c, group, topic, gocheck.NewSeen())
	gocheck.Settle(c, map[string]gocheck.Member{"m": m}, 2)
	listed, err := adm.ListGroups(c)
	c.Must(err, "list groups")
	if g, ok := listed[group]; !ok || g.ProtocolType != "consumer" || g.State != "Stable" {
		c.Fatalf("listed as %+v", g)
	}
	described, err := adm.DescribeGroups(c, group)
	c.Must(err, "describe group")
	d := described[group]
	if d.State != "Stable" || len(d.Members) != 1 || d.Members[0].ClientID != "kgo" || d.Members[0].ClientHost != "/127.0.0.1" {
		c.Fatalf("described as %+v", d)
	}
	assigned, ok := d.Members[0].Assigned.AsConsumer()
	if !ok || len(assigned.Topics) != 1 || len(assigned.Topics[0].Partitions) != 2 {
		c.Fatalf("the member's assignment is described as %+v", assigned)
	}
	deleted, err := adm.DeleteGroups(c, group)
	c.Must(err, "delete groups")
	c.WantError(deleted[group].Err, kerr.NonEmptyGroup, "delete a group with a member")
	m.Leave()
	c.Eventually(func() string {
		described, err := adm.DescribeGroups(c, group)
		c.Must(err, "describe group")
		if described[group].State != "Empty" {
			return "after the last member left the group is " + described[group].State
		}
		return ""
	})
	deleted, err = adm.DeleteGroups(c, group)
	c.Must(err, "delete groups")
	c.Must(deleted[group].Err, "delete an empty group")
	deleted, err = adm.DeleteGroups(c, group)
	c.Must(err, "delete groups")
	c.WantError(deleted[group].Err, kerr.GroupIDNotFound, "delete it again")
	if listed, err = adm.ListGroups(c); err != nil || listed[group].Group != "" {
		c.Fatalf("the deleted group is listed (%v)", err)
	}
}

func adminOffsets(c c) {
	adm := admin(c)
	defer adm.Close()
	topic, group := newTopic(c, 2), gocheck.Unique("g")
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 5, LeaderEpoch: -1})
	offsets.Add(kadm.Offset{Topic: topic, Partition: 1, At: 7, LeaderEpoch: -1})
	c.Must(adm.CommitAllOffsets(c, group, offsets), "alter offsets of a group without members")
	fetched, err := adm.FetchOffsets(c, group)
	c.Must(err, "fetch offsets")
	if a, b := at(fetched, topic, 0), at(fetched, topic, 1); a != 5 || b != 7 {
		c.Fatalf("offsets are %d and %d, want 5 and 7", a, b)
	}
	var set kadm.TopicsSet
	set.Add(topic, 1)
	deleted, err := adm.DeleteOffsets(c, group, set)
	c.Must(err, "delete an offset")
	c.Must(deleted.Error(), "delete an offset")
	fetched, err = adm.FetchOffsets(c, group)
	c.Must(err, "fetch offsets")
	if a, b := at(fetched, topic, 0), at(fetched, topic, 1); a != 5 || b != -1 {
		c.Fatalf("offsets are %d and %d, want 5 and none", a, b)
	}
}

func at(offsets kadm.OffsetResponses, topic string, partition int32) int64 {
	o, ok := offsets.Lookup(topic, partition)
	if !ok {
		return -1
	}
	return o.At
}

func adminDeleteRecords(c c) {
	adm := admin(c)
	defer adm.Close()
	topic := newTopic(c, 1)
	produce, done := producer(c, topic)
	defer done()
	produce([]string{"0", "1", "2", "3", "4"})
	deleteBefore := func(offset int64) (int64, error) {
		var offsets kadm.Offsets
		offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: offset})
		responses, err := adm.DeleteRecords(c, offsets)
		c.Must(err, "delete records")
		r, _ := responses.Lookup(topic, 0)
		return r.LowWatermark, r.Err
	}
	low, err := deleteBefore(3)
	c.Must(err, "delete records before 3")
	if low != 3 {
		c.Fatalf("low watermark %d, want 3", low)
	}
	_, err = deleteBefore(99)
	c.WantError(err, kerr.OffsetOutOfRange, "delete beyond the end")
	starts, err := adm.ListStartOffsets(c, topic)
	c.Must(err, "list start offsets")
	if o, _ := starts.Lookup(topic, 0); o.Offset != 3 {
		c.Fatalf("start offset %d, want 3", o.Offset)
	}
	if got := readAll(c, topic, 2); got[0].Offset != 3 || string(got[0].Value) != "3" {
		c.Fatalf("the first record is %d %s, want 3", got[0].Offset, got[0].Value)
	}
	low, err = deleteBefore(-1)
	c.Must(err, "delete all records")
	if low != 5 {
		c.Fatalf("low watermark after deleting all %d, want 5", low)
	}
}

func adminCluster(c c) {
	adm := admin(c)
	defer adm.Close()
	meta, err := adm.BrokerMetadata(c)
	c.Must(err, "metadata")
	if len(meta.Brokers) != 1 || meta.Cluster == "" || meta.Controller != meta.Brokers[0].NodeID {
		c.Fatalf("the cluster is %+v", meta)
	}
	if got := net.JoinHostPort(meta.Brokers[0].Host, strconv.Itoa(int(meta.Brokers[0].Port))); got != gocheck.Bootstrap() {
		c.Fatalf("the node says it is at %s, it was reached at %s", got, gocheck.Bootstrap())
	}
	topic := newTopic(c, 3)
	c.Eventually(func() string {
		dirs, err := adm.DescribeAllLogDirs(c, nil)
		c.Must(err, "describe log dirs")
		var found int
		dirs.Each(func(d kadm.DescribedLogDir) {
			c.Must(d.Err, "describe log dir %s", d.Dir)
			found += len(d.Topics[topic])
		})
		if found != 3 {
			return fmt.Sprintf("%d of the topic's 3 partitions are in the log dirs", found)
		}
		return ""
	})
}
