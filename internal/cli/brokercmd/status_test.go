package brokercmd

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
)

func topics(partitions ...kadm.PartitionDetail) kadm.TopicDetails {
	details := kadm.TopicDetails{}
	for _, p := range partitions {
		t, ok := details[p.Topic]
		if !ok {
			t = kadm.TopicDetail{Topic: p.Topic, IsInternal: strings.HasPrefix(p.Topic, "__"), Partitions: kadm.PartitionDetails{}}
		}
		t.Partitions[p.Partition] = p
		details[p.Topic] = t
	}
	return details
}

func TestJudge(t *testing.T) {
	good := kadm.PartitionDetail{Topic: "a", Leader: 1, Replicas: []int32{1, 2}, ISR: []int32{1, 2}}
	thin := kadm.PartitionDetail{Topic: "b", Partition: 3, Leader: 1, Replicas: []int32{1, 2}, ISR: []int32{1}}
	headless := kadm.PartitionDetail{Topic: "__c", Leader: -1, Replicas: []int32{1}, ISR: []int32{1}}
	for _, tc := range []struct {
		name   string
		status status
		topics kadm.TopicDetails
		want   []string
	}{
		{"well", status{Controller: 1, LogDirs: []logDir{{Dir: "/d", TotalBytes: 100, UsableBytes: 50}, {Dir: "/e", TotalBytes: -1, UsableBytes: -1}}}, topics(good), nil},
		{"no controller", status{Controller: -1}, topics(good), []string{"no controller"}},
		{"partitions", status{Controller: 1}, topics(good, thin, headless), []string{"without a leader: __c-0", "under-replicated: b-3"}},
		{"disks", status{LogDirs: []logDir{{Broker: 2, Dir: "/d", Error: "offline"}, {Dir: "/e", TotalBytes: 1000, UsableBytes: 49}}}, nil, []string{"/d of broker 2: offline", "/e on broker 0 has only 49 B left"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			st := tc.status
			st.count(tc.topics)
			st.judge()
			if st.Healthy != (len(tc.want) == 0) || len(st.Problems) != len(tc.want) {
				t.Fatalf("%v, want %v", st.Problems, tc.want)
			}
			for i, want := range tc.want {
				if !strings.Contains(st.Problems[i], want) {
					t.Errorf("%q, want %q", st.Problems[i], want)
				}
			}
		})
	}
}

func TestCounts(t *testing.T) {
	var st status
	st.count(topics(kadm.PartitionDetail{Topic: "a", Leader: 1}, kadm.PartitionDetail{Topic: "a", Partition: 1, Leader: 1}, kadm.PartitionDetail{Topic: "__b", Leader: 1}))
	if st.Topics != 1 || st.InternalTopics != 1 || st.Partitions != 3 {
		t.Errorf("%+v", st)
	}
}

func TestSome(t *testing.T) {
	if got := some([]string{"a", "b", "c", "d", "e", "f", "g"}); got != "a, b, c, d, e and 2 others" {
		t.Error(got)
	}
}
