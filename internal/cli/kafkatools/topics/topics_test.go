package topics

import (
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
)

func TestParseAssignment(t *testing.T) {
	got, err := parseAssignment("0:1, 1:2,2 :0")
	if err != nil || !reflect.DeepEqual(got, [][]int32{{0, 1}, {1, 2}, {2, 0}}) {
		t.Errorf("%v, %v", got, err)
	}
	for in, want := range map[string]string{
		"x":       `For input string: "x"`,
		"0:":      `For input string: ""`,
		"1:1:2:2": "Partition replica lists may not contain duplicate entries: 1,2",
		"0,0:1":   "Partition 1 has different replication factor: [0, 1]",
	} {
		if _, err := parseAssignment(in); err == nil || err.Error() != want {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// TestReassignmentIsShown describes a partition that moves from broker 1 to broker 3: the added replica does not count in
// the replication factor while the move runs.
func TestReassignmentIsShown(t *testing.T) {
	p := admin.Partition{Partition: 0, Leader: 1, Replicas: []int32{3, 1, 2}, ISR: []int32{1, 2}, ELR: []int32{}, LastKnownELR: []int32{}}
	moving := kmsg.ListPartitionReassignmentsResponseTopicPartition{Partition: 0, Replicas: []int32{3, 1, 2}, AddingReplicas: []int32{3}, RemovingReplicas: []int32{1}}
	d := description{
		Topic:         admin.Topic{TopicListing: admin.TopicListing{Name: "orders"}, Partitions: []admin.Partition{p}},
		reassignments: map[int32]reassignment{0: moving},
	}
	if got := d.replicationFactor(p); got != 2 {
		t.Errorf("the replication factor is %d", got)
	}
	const want = "\tTopic: orders\tPartition: 0\tLeader: 1\tReplicas: 3,1,2\tIsr: 1,2\tAdding Replicas: 3\tRemoving Replicas: 1\tElr: \tLastKnownElr: "
	if got := d.partitionText(p); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	p.Replicas = []int32{4, 2}
	if got := d.replicationFactor(p); got != 2 {
		t.Errorf("a move that has ended no longer counts: %d", got)
	}
	p.Leader, p.ELR = -1, nil
	if got := (description{Topic: d.Topic}).partitionText(p); got != "\tTopic: orders\tPartition: 0\tLeader: none\tReplicas: 4,2\tIsr: 1,2\tElr: N/A\tLastKnownElr: " {
		t.Errorf("%q", got)
	}
}
