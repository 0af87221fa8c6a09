package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"ottla.dev/interop/gocheck"
)

// member takes part in one generation after the other, with a reader per partition that commits after every record.
type member struct {
	group *kafka.ConsumerGroup
	topic string
	seen  *gocheck.Seen
	stop  context.CancelFunc
	done  chan struct{}

	mu    sync.Mutex
	owned []int32
}

func join(c c, group, topic string, seen *gocheck.Seen, balancers ...kafka.GroupBalancer) *member {
	cg, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: group, Brokers: []string{gocheck.Bootstrap()}, Topics: []string{topic}, GroupBalancers: balancers, StartOffset: kafka.FirstOffset,
		HeartbeatInterval: 500 * time.Millisecond, SessionTimeout: 10 * time.Second, RebalanceTimeout: 10 * time.Second, JoinGroupBackoff: time.Second,
	})
	c.Must(err, "make a group member")
	ctx, stop := context.WithCancel(context.Background())
	m := &member{group: cg, topic: topic, seen: seen, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			generation, err := cg.Next(ctx)
			if err != nil {
				continue // the group is changing, or the node is down
			}
			m.begin(generation)
		}
	}()
	return m
}

func (m *member) begin(g *kafka.Generation) {
	var owned []int32
	for _, assigned := range g.Assignments[m.topic] {
		owned = append(owned, int32(assigned.ID))
		g.Start(func(ctx context.Context) { m.consume(ctx, g, assigned) })
	}
	m.setOwned(owned)
	g.Start(func(ctx context.Context) {
		<-ctx.Done()
		m.setOwned(nil)
	})
}

func (m *member) consume(ctx context.Context, g *kafka.Generation, assigned kafka.PartitionAssignment) {
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{gocheck.Bootstrap()}, Topic: m.topic, Partition: assigned.ID, MaxWait: 200 * time.Millisecond, ReadBackoffMax: 200 * time.Millisecond,
	})
	defer r.Close()
	r.SetOffset(assigned.Offset)
	for {
		read, err := r.ReadMessage(ctx)
		if errors.Is(err, context.Canceled) || errors.Is(err, kafka.ErrGenerationEnded) {
			return
		}
		if err != nil {
			continue
		}
		m.seen.Add(string(read.Value))
		for g.CommitOffsets(map[string]map[int]int64{m.topic: {assigned.ID: read.Offset + 1}}) != nil && ctx.Err() == nil {
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func (m *member) setOwned(owned []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owned = owned
}

func (m *member) Owned() []int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]int32(nil), m.owned...)
}

func (m *member) Leave() {
	m.stop()
	m.group.Close()
	<-m.done
}

func comeAndGo(c c) {
	topic, group := newTopic(c, 6), gocheck.Unique("g")
	gocheck.ComeAndGo(c, gocheck.Group{
		Partitions: 6,
		Join: func(_ string, seen *gocheck.Seen) gocheck.Member {
			return join(c, group, topic, seen, kafka.RangeGroupBalancer{})
		},
		Produce: func(values []string) {
			var messages []kafka.Message
			for i, v := range values {
				m := message(v)
				m.Partition = i % 6
				messages = append(messages, m)
			}
			c.Must(send(c, writer(topic), messages), "produce")
		},
	})
}

func assignor(c c, b kafka.GroupBalancer) {
	topic, group := newTopic(c, 5), gocheck.Unique("g")
	members := map[string]gocheck.Member{}
	for _, name := range []string{"a", "b"} {
		m := join(c, group, topic, gocheck.NewSeen(), b)
		defer m.Leave()
		members[name] = m
	}
	gocheck.Settle(c, members, 5)
}

func commit(c c, group, topic string, commits ...kafka.OffsetCommit) error {
	response, err := client().OffsetCommit(c, &kafka.OffsetCommitRequest{GroupID: group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{topic: commits}})
	c.Must(err, "commit offsets")
	for _, p := range response.Topics[topic] {
		if p.Error != nil {
			return p.Error
		}
	}
	return nil
}

// offsets are those that the group committed; a partition without one is left out.
func offsets(c c, group, topic string, partitions ...int) map[int]kafka.OffsetFetchPartition {
	response, err := client().OffsetFetch(c, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: partitions}})
	c.Must(err, "fetch offsets")
	c.Must(response.Error, "fetch offsets")
	got := map[int]kafka.OffsetFetchPartition{}
	for _, p := range response.Topics[topic] {
		c.Must(p.Error, "fetch the offset of partition %d", p.Partition)
		if p.CommittedOffset >= 0 {
			got[p.Partition] = p
		}
	}
	return got
}

func resume(c c) {
	topic, group := newTopic(c, 1), gocheck.Unique("g")
	var messages []kafka.Message
	var earlier, later []string
	for i := range 20 {
		messages = append(messages, message(fmt.Sprint(i)))
		if i < 12 {
			earlier = append(earlier, fmt.Sprint(i))
		} else {
			later = append(later, fmt.Sprint(i))
		}
	}
	c.Must(send(c, writer(topic), messages), "produce")
	c.Must(commit(c, group, topic, kafka.OffsetCommit{Partition: 0, Offset: 12, Metadata: "a note"}), "commit")
	if got := offsets(c, group, topic, 0)[0]; got.CommittedOffset != 12 || got.Metadata != "a note" {
		c.Fatalf("fetched %+v, want offset 12 with its metadata", got)
	}
	seen := gocheck.NewSeen()
	m := join(c, group, topic, seen, kafka.RangeGroupBalancer{})
	c.Eventually(func() string { return gocheck.Listed("not seen by the successor", seen.Missing(later)) })
	m.Leave()
	if left := seen.Missing(earlier); len(left) != len(earlier) {
		c.Fatalf("the successor read records before the committed offset")
	}
	c.WantError(commit(c, group, topic, kafka.OffsetCommit{Partition: 0, Offset: 13, Metadata: strings.Repeat("x", 5000)}), kafka.OffsetMetadataTooLarge, "metadata of 5000 bytes")
}
