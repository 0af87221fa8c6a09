package metadata

import (
	"errors"
	"slices"
	"testing"
)

func mustApply(t testing.TB, img *Image, records ...Record) (*Image, *Delta) {
	t.Helper()
	next, delta, err := img.Apply(img.Revision+1, records...)
	if err != nil {
		t.Fatal(err)
	}
	return next, delta
}

func onePartition(leader int32) Partition {
	return Partition{Leader: leader, Replicas: []int32{leader}, ISR: []int32{leader}}
}

func TestTopicLifeTellsItsDelta(t *testing.T) {
	id := UUID{1}
	value := "1"
	img, d := mustApply(t, Empty(),
		TopicRecord{Name: "a.b", TopicID: id},
		ConfigRecord{Resource: TopicResource("a.b"), Name: "retention.ms", Value: &value},
		PartitionRecord{TopicID: id, PartitionID: 1, Partition: onePartition(1)},
		PartitionRecord{TopicID: id, PartitionID: 0, Partition: onePartition(1)})
	if len(d.Created) != 1 || d.Created[0] != img.Topic("a.b") || img.TopicByID(id) != img.Topic("a.b") || img.NumPartitions() != 2 {
		t.Fatalf("created %v, image %v", d.Created, img.Topic("a.b"))
	}
	if got := img.CollidingTopic("a_b"); got != "a.b" {
		t.Fatalf("a_b collides with %q", got)
	}
	leader := int32(2)
	changed, d := mustApply(t, img, PartitionChangeRecord{TopicID: id, PartitionID: 1, Leader: &leader, ISR: []int32{2}, ELR: []int32{1}})
	if len(d.Changed) != 1 || !slices.Equal(d.Changed[0].Partitions, []int32{1}) || d.Changed[0].Old != img.Topic("a.b") {
		t.Fatalf("changed %+v", d.Changed)
	}
	p := changed.Partition("a.b", 1)
	if p.Leader != 2 || p.LeaderEpoch != 1 || p.PartitionEpoch != 1 || !slices.Equal(p.ELR(), []int32{1}) {
		t.Fatalf("partition is %+v", p)
	}
	if old := img.Partition("a.b", 1); old.Leader != 1 || old.PartitionEpoch != 0 {
		t.Fatalf("the older image changed: %+v", old)
	}
	last, d := mustApply(t, changed, RemoveTopicRecord{TopicID: id})
	if len(d.Deleted) != 1 || last.NumTopics() != 0 || last.NumPartitions() != 0 || last.CollidingTopic("a_b") != "" ||
		last.Configs(TopicResource("a.b")) != nil || !slices.Equal(d.Configs, []Resource{TopicResource("a.b")}) {
		t.Fatalf("deleted %+v, image %+v", d, last)
	}
	if changed.Topic("a.b") == nil || changed.Configs(TopicResource("a.b")) == nil {
		t.Fatal("the older image lost the topic")
	}
}

func TestRecreateInOneStep(t *testing.T) {
	img, _ := mustApply(t, Empty(), TopicRecord{Name: "x", TopicID: UUID{1}}, PartitionRecord{TopicID: UUID{1}, Partition: onePartition(1)})
	next, d := mustApply(t, img, RemoveTopicRecord{TopicID: UUID{1}},
		TopicRecord{Name: "x", TopicID: UUID{2}}, PartitionRecord{TopicID: UUID{2}, Partition: onePartition(1)})
	if len(d.Created) != 1 || len(d.Deleted) != 1 || next.Topic("x").ID != (UUID{2}) || next.TopicByID(UUID{1}) != nil {
		t.Fatalf("delta %+v", d)
	}
}

func TestRecordsThatDoNotFit(t *testing.T) {
	img, _ := mustApply(t, Empty(),
		TopicRecord{Name: "x", TopicID: UUID{1}}, PartitionRecord{TopicID: UUID{1}, Partition: onePartition(1)},
		RegisterBrokerRecord{Broker{ID: 1, Epoch: 5}})
	for name, records := range map[string][]Record{
		"same id":           {TopicRecord{Name: "y", TopicID: UUID{1}}},
		"same name":         {TopicRecord{Name: "x", TopicID: UUID{2}}},
		"unknown topic":     {PartitionRecord{TopicID: UUID{9}}},
		"removed":           {RemoveTopicRecord{UUID{1}}, PartitionRecord{TopicID: UUID{1}}},
		"hole":              {PartitionRecord{TopicID: UUID{1}, PartitionID: 5, Partition: onePartition(1)}},
		"negative":          {PartitionRecord{TopicID: UUID{1}, PartitionID: -1, Partition: onePartition(1)}},
		"huge":              {PartitionRecord{TopicID: UUID{1}, PartitionID: 1 << 30, Partition: onePartition(1)}},
		"unknown partition": {PartitionChangeRecord{TopicID: UUID{1}, PartitionID: 1}},
		"unknown broker":    {UnregisterBrokerRecord{BrokerID: 2}},
		"broker epoch":      {BrokerRegistrationChangeRecord{BrokerID: 1, BrokerEpoch: 4}},
	} {
		if next, _, err := img.Apply(9, records...); !errors.Is(err, ErrInconsistent) || next != nil {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestBrokersFeaturesAndTheRest(t *testing.T) {
	yes := true
	img, d := mustApply(t, Empty(), ClusterRecord{"c"}, ControllerRecord{ID: 1, Epoch: 7},
		RegisterBrokerRecord{Broker{ID: 2, Epoch: 1}}, RegisterBrokerRecord{Broker{ID: 1, Epoch: 1}},
		FeatureLevelRecord{Name: "f", Level: 3}, ProducerIDsRecord{NextProducerID: 1000}, BrokerPresenceRecord{BrokerID: 1, IncarnationID: UUID{7}, Present: true})
	if !d.ClusterIDChange || !d.Controller || !d.ProducerIDs || !slices.Equal(d.Brokers, []int32{1, 2}) || !slices.Equal(img.BrokerIDs(), []int32{1, 2}) {
		t.Fatalf("delta %+v", d)
	}
	next, d := mustApply(t, img, BrokerRegistrationChangeRecord{BrokerID: 2, BrokerEpoch: 1, Fenced: &yes}, FeatureLevelRecord{Name: "f"},
		BrokerPresenceRecord{BrokerID: 1}, UnregisterBrokerRecord{BrokerID: 1, BrokerEpoch: 1})
	if !next.Brokers[2].Fenced || next.BrokerActive(2) || next.Brokers[1] != nil || len(next.Features) != 0 || len(next.Present) != 0 {
		t.Fatalf("image %+v", next)
	}
	if !img.BrokerActive(2) || img.Features["f"] != 3 || img.Present[1] != (UUID{7}) || d.ClusterIDChange || d.Controller {
		t.Fatalf("the older image changed: %+v", img)
	}
}
