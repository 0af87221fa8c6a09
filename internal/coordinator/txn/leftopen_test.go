package txn

import (
	"math"
	"testing"
)

// TestWhichDecisionsMayEndATransaction goes through the records that may be left of a decision.
func TestWhichDecisionsMayEndATransaction(t *testing.T) {
	here, there := TopicPartition{"t", 0}, TopicPartition{"t", 1}
	for _, test := range []struct {
		name   string
		state  State
		client int16
		epoch  int16
		in     TopicPartition
		open   int16
		want   bool
	}{
		{"version 2, the decision", PrepareCommit, 2, 5, here, 4, true},
		{"version 2, the decision about others", PrepareCommit, 2, 5, there, 4, false},
		{"version 2, the completion, the rest was compacted", CompleteCommit, 2, 5, here, 4, true},
		{"version 2, the transaction before", CompleteCommit, 2, 6, here, 4, false},
		{"version 2, the transaction after", PrepareAbort, 2, 4, here, 4, false},
		{"version 1, the decision", PrepareCommit, 1, 4, here, 4, true},
		{"version 1, a fence", PrepareAbort, 1, 5, here, 4, false},
		{"version 1, the decision about others", PrepareCommit, 1, 4, there, 4, false},
		{"version 1, the completion: of which one?", CompleteCommit, 1, 4, here, 4, false},
		{"version 2, the largest epoch is not raised", PrepareAbort, 2, math.MaxInt16, here, math.MaxInt16, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			md := &metadata{state: test.state, clientVersion: test.client, producerID: 1, producerEpoch: test.epoch}
			if test.state.isPrepared() {
				md.topics = []TopicPartitions{{test.in.Topic, []int32{test.in.Partition}}}
			}
			if got := md.mayEnd(OpenTransaction{here, 1, test.open}); got != test.want {
				t.Errorf("%t, want %t", got, test.want)
			}
		})
	}
}
