package main

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func topics(t *testing.T, epochs ...int32) answer {
	t.Helper()
	resp := kmsg.NewPtrMetadataResponse()
	for i, epoch := range epochs {
		topic, p := kmsg.NewMetadataResponseTopic(), kmsg.NewMetadataResponseTopicPartition()
		name := string(rune('a' + i))
		topic.Topic, p.LeaderEpoch, p.Replicas = &name, epoch, []int32{1}
		topic.Partitions = append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
	}
	return flatten(resp)
}

func TestCompare(t *testing.T) {
	want := topics(t, 3, 3)
	if want["Topics[b].Partitions[0].LeaderEpoch"] != "3" {
		t.Fatalf("%v", want)
	}
	for name, test := range map[string]struct {
		got      answer
		question string
		differ   int
	}{
		"the same":                       {topics(t, 3, 3), "metadata", 0},
		"a leader epoch that rises":      {topics(t, 4, 3), "metadata", 0},
		"a leader epoch that falls":      {topics(t, 2, 3), "metadata", 1},
		"another question's allowance":   {topics(t, 4, 3), "groups", 1},
		"a topic less, and the count":    {topics(t, 3), "metadata", len(want) - len(topics(t, 3)) + 1},
		"a topic more, and the count":    {topics(t, 3, 3, 3), "metadata", len(topics(t, 3, 3, 3)) - len(want) + 1},
		"a compacted record that is new": {answer{"compacted-0 record 3": "x"}, "fetch", len(want) + 1},
	} {
		if found := compare(test.question, want, test.got); len(found) != test.differ {
			t.Errorf("%s: %v", name, found)
		}
	}
	record := answer{"compacted-0 record 3": "x", "compacted-0 key k": "y"}
	if found := compare("fetch", record, answer{"compacted-0 key k": "y"}); len(found) != 0 {
		t.Errorf("a record that the cleaner took: %v", found)
	}
	if found := compare("fetch", record, answer{"compacted-0 record 3": "z"}); len(found) != 2 {
		t.Errorf("a record that changed, and a key that went: %v", found)
	}
}

func TestListsInAnyOrder(t *testing.T) {
	one, other := kmsg.NewPtrMetadataResponse(), kmsg.NewPtrMetadataResponse()
	for i := range 2 {
		for j, resp := range []*kmsg.MetadataResponse{one, other} {
			b := kmsg.NewMetadataResponseBroker()
			b.NodeID = int32(i ^ j)
			resp.Brokers = append(resp.Brokers, b)
		}
	}
	if found := compare("metadata", flatten(one), flatten(other)); len(found) != 0 {
		t.Error(found)
	}
}
