package service

import (
	"fmt"
	"slices"
	"testing"

	"ottla.dev/ottla/internal/coordinator/txn"
)

// TestDecisionsComeFromAllShards loads the logs after the machine went down, one by one.
func TestDecisionsComeFromAllShards(t *testing.T) {
	b := newBench(t)
	var open []txn.OpenTransaction
	shards := map[int32]bool{}
	for i := range 12 {
		id := fmt.Sprint("id-", i)
		shards[b.PartitionFor(id)] = true
		p := ask(b, b.InitProducerID, initRequest(5, id))
		ask(b, b.AddPartitionsToTxn, addRequest(5, id, p.ProducerID, p.ProducerEpoch, "t", 1))
		b.want(ask(b, b.EndTxn, endRequest(5, id, p.ProducerID, p.ProducerEpoch, i%2 == 0)).ErrorCode, 0)
		open = append(open, txn.OpenTransaction{TopicPartition: txn.TopicPartition{Topic: "t", Partition: 1}, ProducerID: p.ProducerID, ProducerEpoch: p.ProducerEpoch})
	}
	if len(shards) != partitions {
		t.Fatalf("the ids are in %d shards", len(shards))
	}
	b.Close()

	options := b.options
	options.Lost = &txn.Lost{Below: b.nextID, LeftOpen: func(id int64) (of []txn.OpenTransaction) {
		at := slices.IndexFunc(open, func(o txn.OpenTransaction) bool { return o.ProducerID == id })
		return open[at : at+1]
	}}
	s := New(options)
	for p := range b.logs {
		s.Decisions(open, func(decisions [][]txn.Decision, ok bool) {
			if ok || decisions != nil {
				t.Errorf("with %d of the shards the decisions are %v", p, decisions)
			}
		})
		s.OnPartitionLeader(int32(p), 8, b.logs[p])
	}
	answers := 0
	s.Decisions(open, func(decisions [][]txn.Decision, ok bool) {
		answers++
		if !ok {
			t.Fatal("no answer")
		}
		for i, d := range decisions {
			if len(d) != 1 || d[0].Commit != (i%2 == 0) || d[0].ProducerEpoch != open[i].ProducerEpoch+1 || d[0].TransactionVersion != 2 {
				t.Errorf("%d: %+v", i, d)
			}
		}
	})
	if answers != 1 {
		t.Errorf("%d answers", answers)
	}
}
