package group

import (
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func commits(offsets ...kadm.Offset) kadm.OffsetResponses {
	all := kadm.OffsetResponses{}
	for _, o := range offsets {
		all.Add(kadm.OffsetResponse{Offset: o})
	}
	return all
}

func TestProgress(t *testing.T) {
	s := state{Name: "g", Members: []member{{ID: "m1", Client: "c1", Partitions: map[string][]int32{"a": {0, 1}}}, {ID: "m2", Client: "c2", Partitions: map[string][]int32{"b": {0}}}}}
	ends := kadm.ListedOffsets{
		"a":    {0: {Offset: 10}, 1: {Offset: 7}, 2: {Offset: 3}, 4: {Offset: 9}, 5: {}},
		"b":    {0: {Err: kerr.LeaderNotAvailable}},
		"gone": {-1: {Partition: -1, Err: kerr.UnknownTopicOrPartition}},
	}
	g := measured(s, commits(
		kadm.Offset{Topic: "a", Partition: 0, At: 4, Metadata: "note"},
		kadm.Offset{Topic: "a", Partition: 2, At: 5}, // beyond the end, as after a deletion of the topic
		kadm.Offset{Topic: "b", Partition: 0, At: 1},
		kadm.Offset{Topic: "gone", Partition: 0, At: 1},
		kadm.Offset{Topic: "a", Partition: 3, At: -1},
	), ends)
	want := []position{
		{Topic: "a", Partition: 0, Committed: 4, End: 10, Lag: 6, Member: "m1", Client: "c1", Metadata: "note"},
		{Topic: "a", Partition: 1, Committed: -1, End: 7, Lag: -1, Member: "m1", Client: "c1"},
		{Topic: "a", Partition: 2, Committed: 5, End: 3, Lag: 0},
		{Topic: "a", Partition: 4, Committed: -1, End: 9, Lag: -1},
		{Topic: "a", Partition: 5, Committed: -1, End: 0, Lag: 0},
		{Topic: "b", Partition: 0, Committed: 1, End: -1, Lag: -1, Member: "m2", Client: "c2"},
		{Topic: "gone", Partition: 0, Committed: 1, End: -1, Lag: -1},
	}
	if !reflect.DeepEqual(g.Offsets, want) || g.Lag != 6 || g.unknown() != 4 {
		t.Errorf("lag %d\n%+v\nwant\n%+v", g.Lag, g.Offsets, want)
	}
	topics := byTopic("g", g.Offsets)
	wantTopics := []lag{{"g", "a", 5, 6, 6, 2}, {"g", "b", 1, 0, 0, 1}, {"g", "gone", 1, 0, 0, 1}}
	if !reflect.DeepEqual(topics, wantTopics) {
		t.Errorf("%+v", topics)
	}
}

func TestAGroupOfTheConsumerProtocol(t *testing.T) {
	instance := "i"
	assigned := kadm.TopicsSet{}
	assigned.Add("a", 1, 0)
	s := consumerState(kadm.DescribedConsumerGroup{Group: "g", State: "Stable", AssignorName: "uniform", Coordinator: kadm.BrokerDetail{NodeID: 3}, Members: []kadm.ConsumerGroupMember{
		{MemberID: "z", ClientID: "c", ClientHost: "/h", InstanceID: &instance, Assignment: assigned},
		{MemberID: "a"},
	}})
	want := state{Name: "g", State: "Stable", Protocol: "consumer", Assignor: "uniform", Coordinator: 3, Members: []member{
		{ID: "a", Partitions: map[string][]int32{}},
		{ID: "z", Instance: "i", Client: "c", Host: "/h", Partitions: map[string][]int32{"a": {0, 1}}},
	}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v", s)
	}
	if s.owner("a", 1).ID != "z" || s.owner("a", 2).ID != "" {
		t.Error("wrong owner")
	}
}

func TestWhatAResetIsAbout(t *testing.T) {
	committed := commits(kadm.Offset{Topic: "a", Partition: 0, At: 4}, kadm.Offset{Topic: "b", Partition: 1, At: -1})
	for _, tc := range []struct {
		topics []string
		want   map[string][]int32
	}{
		{nil, map[string][]int32{"a": {0}}},
		{[]string{"x"}, map[string][]int32{"x": nil}},
		{[]string{"x:0,2", "y"}, map[string][]int32{"x": {0, 2}, "y": nil}},
		{[]string{"x:"}, nil},
		{[]string{"x:one"}, nil},
		{[]string{"x:-1"}, nil},
	} {
		got, err := resetOptions{group: "g", topics: tc.topics}.wanted(committed)
		if (err != nil) != (tc.want == nil) || err == nil && !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%v: %v %v", tc.topics, got, err)
		}
	}
	if _, err := (resetOptions{group: "g"}).wanted(nil); err == nil {
		t.Error("a group without offsets is reset")
	}
}
