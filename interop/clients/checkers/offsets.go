package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	offsetWorkers    = 6
	offsetPartitions = 60 // many, so that a kill is likely to come while markers are written
)

// offsetsInTransactions commits offsets in transactions that write a record each, which says the offset, and ends the transactions in all ways
// while the node is killed: the group's offset must be that of the last transaction that was committed, and no other, at every moment at
// which it can be read; and the records that are visible must say the same.
func offsetsInTransactions(c c, w work, g generation) {
	topic := newTopic(c, "offsets", offsetPartitions)
	problems := make(chan string, 1000)
	stop, end := context.WithCancel(c)
	defer end()
	var working sync.WaitGroup
	workers := make([]*offsetWorker, offsetWorkers)
	for i := range workers {
		cl := client(c, g)
		defer cl.Close()
		id := fmt.Sprintf("%s-%d", topic, i)
		workers[i] = &offsetWorker{c: c, random: w.random(uint64(600 + i)), producer: newRawProducer(c, g, cl, topic, id), group: id, at: -1, partitions: allPartitions()}
		guarded(&working, problems, func() { workers[i].run(stop) })
	}
	killAtRandom(c, w, 3)
	end()
	working.Wait()
	close(problems)
	var told []string
	for p := range problems {
		told = append(told, p)
	}
	wantNone(c, "offsets in transactions", told)
	wantNothingOpen(c, topic)
	visible := map[string]int64{} // the newest record of each worker in each partition
	for _, r := range scan(c, topic, offsetPartitions, kgo.ReadCommitted()) {
		var id string
		var offset int64
		if _, err := fmt.Sscanf(string(r.Value), "%s %d", &id, &offset); err == nil {
			visible[fmt.Sprintf("%s %d", id, r.Partition)] = offset
		}
	}
	rounds := 0
	for _, o := range workers {
		rounds += o.rounds
		for _, p := range o.partitions {
			if said, ok := visible[fmt.Sprintf("%s %d", o.group, p)]; ok && said != o.at || !ok && o.at != -1 {
				told = append(told, fmt.Sprintf("group %s has offset %d, its newest visible record in partition %d says %d (there: %v)", o.group, o.at, p, said, ok))
			}
		}
	}
	wantNone(c, "offsets and records", told)
	fmt.Printf("%d transactions with offsets\n", rounds)
}

func allPartitions() (all []int32) {
	for p := range int32(offsetPartitions) {
		all = append(all, p)
	}
	return all
}

// offsetWorker is one producer and the group whose offset it moves.
type offsetWorker struct {
	c          c
	random     *rand.Rand
	producer   *rawProducer
	group      string
	at         int64 // what the group's offset must be; -1: none
	partitions []int32
	rounds     int
}

func (o *offsetWorker) run(stop context.Context) {
	for next := int64(1); stop.Err() == nil; next++ {
		o.round(next)
		o.rounds++
	}
}

// round runs one transaction. Any error leaves it to the next round's InitProducerId to end it.
func (o *offsetWorker) round(offset int64) {
	p := o.producer
	if err := p.init(); err != nil {
		return
	}
	o.check("after InitProducerId, which ends what was open", o.at)
	err := p.addPartitions(o.partitions...)
	if err == nil {
		err = p.writeAll(o.partitions, 0, p.epoch, fmt.Sprintf("%s %d", o.group, offset))
	}
	if err == nil {
		err = p.commitOffset(o.group, offset)
	}
	if err != nil {
		return
	}
	if told, err := o.read(); err == nil && !o.ended() {
		o.c.Fatalf("group %s: offset %d was told as stable while %d was pending", o.group, told, offset)
	}
	switch o.random.IntN(5) {
	case 0: // left open
	case 1:
		if p.end(false) == nil {
			o.check("after an abort", o.at)
		}
	default:
		before := o.at
		if p.end(true) == nil {
			o.at = offset
			o.check("after a commit", offset)
			return
		}
		// The answer is lost: the next transaction's beginning ends this one, and then it is the one or the other.
		for p.init() != nil && o.c.Err() == nil {
			continue
		}
		switch now := o.stable(); now {
		case offset, before:
			o.at = now
		default:
			o.c.Fatalf("group %s: offset %d after a commit of %d whose answer was lost; before it was %d", o.group, now, offset, before)
		}
	}
}

// check waits until the group's offset is stable and ends the check if it is not what it must be.
func (o *offsetWorker) check(when string, want int64) {
	if got := o.stable(); got != want {
		o.c.Fatalf("group %s %s: offset %d, want %d", o.group, when, got, want)
	}
}

func (o *offsetWorker) stable() (offset int64) {
	o.c.Eventually(func() string {
		var code error
		if offset, code = o.read(); code != nil {
			return fmt.Sprintf("offset of group %s: %v", o.group, code)
		}
		return ""
	})
	return offset
}

// ended tells whether the transaction is open no more, because its time was over while the node was away.
func (o *offsetWorker) ended() bool {
	described, err := kadm.NewClient(o.producer.cl).DescribeTransactions(o.c, o.producer.id)
	return err != nil || described[o.producer.id].State != "Ongoing"
}

func (o *offsetWorker) read() (int64, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.RequireStable = o.group, true
	req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: o.producer.topic, Partitions: []int32{0}}}
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group, group.MemberEpoch = o.group, -1
	group.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: o.producer.topic, TopicID: o.producer.topicID, Partitions: []int32{0}}}
	req.Groups = append(req.Groups, group)
	resp, err := req.RequestWith(o.c, o.producer.cl)
	if err != nil {
		return 0, err
	}
	if len(resp.Groups) == 0 {
		part := resp.Topics[0].Partitions[0]
		return part.Offset, kerr.ErrorForCode(part.ErrorCode)
	}
	if err := kerr.ErrorForCode(resp.Groups[0].ErrorCode); err != nil {
		return 0, err
	}
	part := resp.Groups[0].Topics[0].Partitions[0]
	return part.Offset, kerr.ErrorForCode(part.ErrorCode)
}

// commitOffset commits the offset of partition 0 in the transaction.
func (p *rawProducer) commitOffset(group string, offset int64) error {
	if !p.v2 {
		add := kmsg.NewPtrAddOffsetsToTxnRequest()
		add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = p.id, p.producer, p.epoch, group
		if _, err := ask(p, add, func(r *kmsg.AddOffsetsToTxnResponse) int16 { return r.ErrorCode }); err != nil {
			return err
		}
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch, req.Generation = p.id, group, p.producer, p.epoch, -1
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID = p.topic, p.topicID
	part := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	part.Offset = offset
	topic.Partitions = append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	_, err := ask(p, req, func(r *kmsg.TxnOffsetCommitResponse) int16 { return r.Topics[0].Partitions[0].ErrorCode })
	return err
}
