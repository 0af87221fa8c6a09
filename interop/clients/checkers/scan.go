package main

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// place is where a record stands.
type place struct {
	topic     string
	partition int32
	offset    int64
}

// scan reads a topic from its beginning to the last stable offset that it has now, or to the end with uncommitted records.
func scan(c c, topic string, partitions int32, isolation kgo.IsolationLevel) []*kgo.Record {
	records, _ := scanTo(c, topic, partitions, isolation)
	return records
}

// scanTo is scan, with the offset before which it read, by partition.
func scanTo(c c, topic string, partitions int32, isolation kgo.IsolationLevel) (all []*kgo.Record, before map[int32]int64) {
	adm := kadm.NewClient(client(c, generations[1]))
	defer adm.Close()
	list := adm.ListCommittedOffsets
	if isolation == kgo.ReadUncommitted() {
		list = adm.ListEndOffsets
	}
	var ends kadm.ListedOffsets
	c.Eventually(func() (problem string) {
		var err error
		if ends, err = list(c, topic); err == nil {
			err = ends.Error()
		}
		if err != nil {
			return fmt.Sprintf("list offsets of %s: %v", topic, err)
		}
		return ""
	})
	// A reader's position passes markers and what the cleaner removed only when something comes behind them: where the last
	// batch ends is seen from the position, not from the records.
	from := map[int32]kgo.Offset{}
	for p := range partitions {
		from[p] = kgo.NewOffset().AtStart()
	}
	cl := client(c, generations[1], kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}), kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords())
	defer cl.Close()
	starts, err := adm.ListStartOffsets(c, topic)
	c.Must(err, "list start offsets of %s", topic)
	left := map[int32]int64{}
	before = map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		before[o.Partition] = o.Offset
		if start, _ := starts.Lookup(o.Topic, o.Partition); o.Offset > start.Offset {
			left[o.Partition] = o.Offset
		}
	})
	for len(left) > 0 {
		fetches := cl.PollFetches(c)
		if c.Err() != nil {
			c.Fatalf("reading %s: the end was not reached in %v", topic, left)
		}
		for _, e := range fetches.Errors() {
			c.Fatalf("fetch %s-%d: %v", e.Topic, e.Partition, e.Err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, open := left[r.Partition]
			if !open || r.Offset >= end {
				delete(left, r.Partition)
				return
			}
			if !r.Attrs.IsControl() {
				all = append(all, r)
			}
			if r.Offset == end-1 {
				delete(left, r.Partition)
			}
		})
	}
	return all, before
}

// wantNothingOpen waits until no transaction holds any partition of the topic back: the last stable offset is the end.
func wantNothingOpen(c c, topic string) {
	adm := kadm.NewClient(client(c, generations[1]))
	defer adm.Close()
	c.Eventually(func() string {
		stable, err := adm.ListCommittedOffsets(c, topic)
		if err != nil {
			return err.Error()
		}
		ends, err := adm.ListEndOffsets(c, topic)
		if err != nil {
			return err.Error()
		}
		held := ""
		ends.Each(func(end kadm.ListedOffset) {
			if s, _ := stable.Lookup(end.Topic, end.Partition); s.Offset != end.Offset {
				held = fmt.Sprintf("a transaction hangs in %s-%d: the last stable offset stays at %d, the end is %d; %s", end.Topic, end.Partition, s.Offset, end.Offset,
					whoHolds(c, adm, end.Topic, end.Partition))
			}
		})
		return held
	})
}

// whoHolds describes the producers with open transactions in a partition, and what the coordinator knows of them.
func whoHolds(c c, adm *kadm.Client, topic string, partition int32) string {
	var set kadm.TopicsSet
	set.Add(topic, partition)
	described, err := adm.DescribeProducers(c, set)
	if err != nil {
		return err.Error()
	}
	text := ""
	for _, p := range described.SortedProducers() {
		if p.CurrentTxnStartOffset < 0 {
			continue
		}
		text += fmt.Sprintf("producer %d epoch %d since offset %d", p.ProducerID, p.ProducerEpoch, p.CurrentTxnStartOffset)
		listed, err := adm.ListTransactions(c, []int64{p.ProducerID}, nil)
		if err != nil {
			text += ": " + err.Error()
		}
		for _, t := range listed.Sorted() {
			now, _ := adm.DescribeTransactions(c, t.TxnID)
			text += fmt.Sprintf(": %s %s epoch %d", t.TxnID, t.State, now[t.TxnID].ProducerEpoch)
		}
	}
	return text
}
