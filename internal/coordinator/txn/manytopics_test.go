package txn

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// TestManyTopicsAreFoundByName holds what is done with very many topics to what is done with few.
func TestManyTopicsAreFoundByName(t *testing.T) {
	for _, n := range []int{3, 20000} {
		began := time.Now()
		var partitions []TopicPartition
		answer := &kmsg.WriteTxnMarkersResponseMarker{}
		for i := range n {
			partitions = append(partitions, TopicPartition{fmt.Sprint("t", i), 1})
			answer.Topics = append(answer.Topics, kmsg.WriteTxnMarkersResponseMarkerTopic{
				Topic: fmt.Sprint("t", i), Partitions: []kmsg.WriteTxnMarkersResponseMarkerTopicPartition{{Partition: 1, ErrorCode: int16(i % 7)}, {Partition: 1, ErrorCode: 9}},
			})
		}
		topics := with(nil, partitions)
		topics = with(topics, slices.Clone(partitions[:n/2])) // the second of each
		if len(topics) != n || len(topics[0].Partitions) != 2 || len(topics[n-1].Partitions) != 1 || topics[n-1].Topic != partitions[n-1].Topic {
			t.Errorf("%d topics: %d", n, len(topics))
		}
		var merged []TopicPartitions
		places := newTopicPlaces(nil, 2*n)
		for range 2 {
			for _, tp := range partitions {
				merged = merge(merged, places, tp.Topic, []int32{tp.Partition})
			}
		}
		if !slices.Equal(flat(merged), partitions) {
			t.Errorf("%d topics: merged to %d", n, len(merged))
		}
		code := codesOf(answer)
		for i, tp := range partitions {
			if got := code(tp); got != protocol.Code(i%7) {
				t.Fatalf("%s: %v", tp, got)
			}
		}
		if got := code(TopicPartition{"other", 1}); got != noAnswer {
			t.Errorf("a topic that is not mentioned: %v", got)
		}
		if took := time.Since(began); took > 2*time.Second { // with comparisons one by one it is several times that, on an idle machine
			t.Errorf("%d topics took %v", n, took)
		}
	}
}
