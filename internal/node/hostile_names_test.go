package node_test

import (
	"math"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

func createRequest(topic string, partitions int32, replicas int16) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 10_000
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, partitions, replicas
	req.Topics = append(req.Topics, t)
	return req
}

func TestHostileTopicNames(t *testing.T) {
	v := attacked(t, nil)
	create(t, v, "a.b", nil)
	for name, want := range map[string]protocol.Code{
		"":                         protocol.InvalidTopicException,
		".":                        protocol.InvalidTopicException,
		"..":                       protocol.InvalidTopicException,
		"../up":                    protocol.InvalidTopicException,
		"a/b":                      protocol.InvalidTopicException,
		"a\x00b":                   protocol.InvalidTopicException,
		"a b":                      protocol.InvalidTopicException,
		"a\nlevel=ERROR":           protocol.InvalidTopicException,
		"žluťoučký":                protocol.InvalidTopicException,
		"\xff\xfe":                 protocol.InvalidTopicException,
		strings.Repeat("x", 250):   protocol.InvalidTopicException,
		strings.Repeat("x", 30000): protocol.InvalidTopicException,
		"a_b":                      protocol.InvalidTopicException, // collides with a.b in metric names
		"a.b":                      protocol.TopicAlreadyExists,
	} {
		a := attack(t, v.b.Addr())
		resp := ask[*kmsg.CreateTopicsResponse](a, createRequest(name, 1, 1), 5)
		if got := protocol.Code(resp.Topics[0].ErrorCode); got != want {
			t.Errorf("creating %.40q: got %s, want %s", name, got.Name(), want.Name())
		} else if m := resp.Topics[0].ErrorMessage; m == nil || *m == "" {
			t.Errorf("creating %.40q: %s without a message", name, got.Name())
		}
		if name == "a.b" || len(name) > 20000 {
			continue
		}
		// Asking for it must not create it either.
		a.send(metadataFrame(name, true)).answer()
	}
	if a := attack(t, v.b.Addr()); true {
		for _, topic := range ask[*kmsg.MetadataResponse](a, kmsg.NewPtrMetadataRequest(), 0).Topics {
			if *topic.Topic != "a.b" && *topic.Topic != goodTopic {
				t.Errorf("the topic %q exists", *topic.Topic)
			}
		}
	}
}

func TestHostileTopicNumbers(t *testing.T) {
	v := attacked(t, nil)
	create(t, v, "three", nil)
	a := attack(t, v.b.Addr())
	for _, test := range []struct {
		name       string
		partitions int32
		replicas   int16
		want       protocol.Code
	}{
		{"no partitions", 0, 1, protocol.InvalidPartitions},
		{"negative partitions", -2, 1, protocol.InvalidPartitions},
		{"most negative partitions", math.MinInt32, 1, protocol.InvalidPartitions},
		{"no replicas", 1, 0, protocol.InvalidReplicationFactor},
		{"negative replicas", 1, -2, protocol.InvalidReplicationFactor},
		{"more replicas than brokers", 1, math.MaxInt16, protocol.InvalidReplicationFactor},
	} {
		resp := ask[*kmsg.CreateTopicsResponse](a, createRequest("n", test.partitions, test.replicas), 5)
		if got := protocol.Code(resp.Topics[0].ErrorCode); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got.Name(), test.want.Name())
		}
	}
	for _, test := range []struct {
		count int32
		want  protocol.Code
	}{{0, protocol.InvalidPartitions}, {-1, protocol.InvalidPartitions}, {1, protocol.InvalidPartitions}} {
		req := kmsg.NewPtrCreatePartitionsRequest()
		req.TimeoutMillis = 10_000
		topic := kmsg.NewCreatePartitionsRequestTopic()
		topic.Topic, topic.Count = "three", test.count
		req.Topics = append(req.Topics, topic)
		if got := protocol.Code(ask[*kmsg.CreatePartitionsResponse](a, req, 1).Topics[0].ErrorCode); got != test.want {
			t.Errorf("to %d partitions: got %s, want %s", test.count, got.Name(), test.want.Name())
		}
	}
}

// TestHostileHugeTopics asks for more partitions than a node can hold, in one request. It is refused, and nothing of it is left.
func TestHostileHugeTopics(t *testing.T) {
	v := attacked(t, nil)
	for _, partitions := range []int32{10_001, 1_000_000, math.MaxInt32} {
		a := attack(t, v.b.Addr())
		resp := ask[*kmsg.CreateTopicsResponse](a, createRequest("huge", partitions, 1), 5)
		if got := protocol.Code(resp.Topics[0].ErrorCode); got == protocol.None {
			t.Fatalf("%d partitions were created", partitions)
		} else {
			t.Logf("%d partitions: %s", partitions, got.Name())
		}
	}
}

func TestHostileUnknownTopicsAndIDs(t *testing.T) {
	v := attacked(t, nil)
	a := attack(t, v.b.Addr())
	resp := ask[*kmsg.MetadataResponse](a, func() kmsg.Request {
		req := kmsg.NewPtrMetadataRequest()
		topic := kmsg.NewMetadataRequestTopic()
		topic.TopicID = [16]byte{9}
		req.Topics = append(req.Topics, topic)
		return req
	}(), 12)
	if got := protocol.Code(resp.Topics[0].ErrorCode); got != protocol.UnknownTopicID {
		t.Errorf("metadata of an unknown id: %s", got.Name())
	}
	fetch := kmsg.NewPtrFetchRequest()
	fetch.ReplicaID, fetch.MaxBytes, fetch.SessionEpoch, fetch.MaxWaitMillis, fetch.MinBytes = -1, 1<<20, -1, 1000, 1
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = "nobody", [16]byte{9}
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.PartitionMaxBytes = 1 << 20
	topic.Partitions = append(topic.Partitions, partition)
	fetch.Topics = append(fetch.Topics, topic)
	for version, want := range map[int16]protocol.Code{12: protocol.UnknownTopicOrPartition, 13: protocol.UnknownTopicID} {
		if got := protocol.Code(ask[*kmsg.FetchResponse](a, fetch, version).Topics[0].Partitions[0].ErrorCode); got != want {
			t.Errorf("fetch version %d: %s, want %s", version, got.Name(), want.Name())
		}
	}
	fetch.Topics[0].Topic = goodTopic
	for _, offset := range []int64{-1, -2, math.MinInt64, math.MaxInt64} {
		fetch.Topics[0].Partitions[0].FetchOffset = offset
		if got := protocol.Code(ask[*kmsg.FetchResponse](a, fetch, 12).Topics[0].Partitions[0].ErrorCode); got != protocol.OffsetOutOfRange {
			t.Errorf("fetch from offset %d: %s", offset, got.Name())
		}
	}
	fetch.SessionID, fetch.SessionEpoch = 12345, 7
	if got := protocol.Code(ask[*kmsg.FetchResponse](a, fetch, 12).ErrorCode); got != protocol.FetchSessionIDNotFound {
		t.Errorf("an unknown fetch session: %s", got.Name())
	}
	deletion := kmsg.NewPtrDeleteTopicsRequest()
	deletion.TimeoutMillis = 10_000
	byID := kmsg.NewDeleteTopicsRequestTopic()
	byID.TopicID = [16]byte{9}
	deletion.Topics = append(deletion.Topics, byID)
	if got := protocol.Code(ask[*kmsg.DeleteTopicsResponse](a, deletion, 6).Topics[0].ErrorCode); got != protocol.UnknownTopicID {
		t.Errorf("deleting an unknown id: %s", got.Name())
	}
}
