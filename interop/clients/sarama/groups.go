package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"ottla.dev/interop/gocheck"
)

func groupConfig() *sarama.Config {
	cfg := config()
	cfg.Consumer.Group.Session.Timeout = 10 * time.Second
	cfg.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	cfg.Consumer.Group.Rebalance.Timeout = 10 * time.Second
	return cfg
}

// member is sarama's handler; it commits after every record.
type member struct {
	group sarama.ConsumerGroup
	topic string
	seen  *gocheck.Seen
	stop  context.CancelFunc
	done  chan struct{}

	mu         sync.Mutex
	owned      []int32
	generation int32
	id         string
}

func join(c c, group, topic string, seen *gocheck.Seen, cfg *sarama.Config) *member {
	cg, err := sarama.NewConsumerGroup([]string{gocheck.Bootstrap()}, group, cfg)
	c.Must(err, "connect a group member")
	ctx, stop := context.WithCancel(context.Background())
	m := &member{group: cg, topic: topic, seen: seen, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			if err := cg.Consume(ctx, []string{topic}, m); errors.Is(err, sarama.ErrClosedConsumerGroup) {
				return
			}
		}
	}()
	return m
}

// Setup is called when a generation begins.
func (m *member) Setup(s sarama.ConsumerGroupSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owned, m.generation, m.id = slices.Clone(s.Claims()[m.topic]), s.GenerationID(), s.MemberID()
	return nil
}

// Cleanup is called when a generation ends.
func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owned = nil
	return nil
}

// ConsumeClaim reads one partition of the generation.
func (m *member) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case r, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			m.seen.Add(string(r.Value))
			s.MarkMessage(r, "")
			s.Commit()
		case <-s.Context().Done():
			return nil
		}
	}
}

func (m *member) Owned() []int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.owned)
}

func (m *member) Leave() {
	m.stop()
	<-m.done
	m.group.Close()
}

func comeAndGo(c c) {
	topic, group := newTopic(c, 6), gocheck.Unique("g")
	gocheck.ComeAndGo(c, gocheck.Group{
		Partitions: 6,
		Join: func(_ string, seen *gocheck.Seen) gocheck.Member {
			return join(c, group, topic, seen, groupConfig())
		},
		Produce: func(values []string) {
			var records []*sarama.ProducerMessage
			for i, v := range values {
				records = append(records, record(topic, int32(i%6), []byte(v)))
			}
			c.Must(send(c, config(), records), "produce")
		},
	})
}

func assignor(c c, s sarama.BalanceStrategy) {
	topic, group := newTopic(c, 5), gocheck.Unique("g")
	members := map[string]gocheck.Member{}
	for _, name := range []string{"a", "b"} {
		cfg := groupConfig()
		cfg.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{s}
		m := join(c, group, topic, gocheck.NewSeen(), cfg)
		defer m.Leave()
		members[name] = m
	}
	gocheck.Settle(c, members, 5)
	adm := admin(c)
	defer adm.Close()
	if d := describe(c, adm, group); d.Protocol != s.Name() || d.ProtocolType != "consumer" {
		c.Fatalf("the group says protocol %q of type %q", d.Protocol, d.ProtocolType)
	}
}

func staticMember(c c) {
	topic, group := newTopic(c, 4), gocheck.Unique("g")
	start := func(name string) *member {
		cfg := groupConfig()
		cfg.Consumer.Group.InstanceId = name
		return join(c, group, topic, gocheck.NewSeen(), cfg)
	}
	a, b := start("a"), start("b")
	defer b.Leave()
	gocheck.Settle(c, map[string]gocheck.Member{"a": a, "b": b}, 4)
	kept, generation, id := a.Owned(), b.generation, a.id
	a.Leave() // a static member does not send LeaveGroup
	a = start("a")
	defer a.Leave()
	gocheck.Settle(c, map[string]gocheck.Member{"a": a, "b": b}, 4)
	if now := a.Owned(); !slices.Equal(kept, now) {
		c.Fatalf("the static member owned %v, after coming back %v", kept, now)
	}
	if b.generation != generation {
		c.Fatalf("generation went from %d to %d: the group rebalanced", generation, b.generation)
	}
	if a.id == id {
		c.Fatalf("the static member came back under its old member id %s", id)
	}
}

func commit(c c, adm sarama.ClusterAdmin, group, topic string, offsets map[int32]int64) {
	set := map[int32]sarama.OffsetAndMetadata{}
	for p, at := range offsets {
		set[p] = sarama.OffsetAndMetadata{Offset: at}
	}
	c.Eventually(func() string {
		response, err := adm.AlterConsumerGroupOffsets(group, map[string]map[int32]sarama.OffsetAndMetadata{topic: set}, nil)
		c.Must(err, "alter offsets")
		for p, code := range response.Errors[topic] {
			if code == sarama.ErrOffsetsLoadInProgress { // the first group of a new node; sarama does not ask again
				return code.Error()
			}
			if code != sarama.ErrNoError {
				c.Fatalf("alter the offset of partition %d: %v", p, code)
			}
		}
		return ""
	})
}

func resume(c c) {
	topic, group := newTopic(c, 1), gocheck.Unique("g")
	var records []*sarama.ProducerMessage
	for i := range 20 {
		records = append(records, record(topic, 0, fmt.Appendf(nil, "%d", i)))
	}
	c.Must(send(c, config(), records), "produce")
	cl := connect(c, groupConfig())
	defer cl.Close()
	manager, err := sarama.NewOffsetManagerFromClient(group, cl)
	c.Must(err, "make an offset manager")
	partition, err := manager.ManagePartition(topic, 0)
	c.Must(err, "manage partition 0")
	partition.MarkOffset(12, "a note")
	manager.Commit()
	partition.AsyncClose()
	c.Must(manager.Close(), "close the offset manager")
	adm := admin(c)
	defer adm.Close()
	if block := offsets(c, adm, group, topic, 0)[0]; block.Offset != 12 || block.Metadata != "a note" {
		c.Fatalf("committed %+v, want offset 12 with its metadata", block)
	}
	seen := gocheck.NewSeen()
	m := join(c, group, topic, seen, groupConfig())
	var later, earlier []string
	for i := range 20 {
		if i < 12 {
			earlier = append(earlier, fmt.Sprint(i))
		} else {
			later = append(later, fmt.Sprint(i))
		}
	}
	c.Eventually(func() string { return gocheck.Listed("not seen by the successor", seen.Missing(later)) })
	m.Leave()
	if again := seen.Missing(earlier); len(again) != len(earlier) {
		c.Fatalf("the successor read records before the committed offset: only %v were not seen again", again)
	}
	response, err := adm.AlterConsumerGroupOffsets(group, map[string]map[int32]sarama.OffsetAndMetadata{topic: {0: {Offset: 13, Metadata: strings.Repeat("x", 5000)}}}, nil)
	c.Must(err, "commit with metadata of 5000 bytes")
	c.WantError(response.Errors[topic][0], sarama.ErrOffsetMetadataTooLarge, "metadata of 5000 bytes")
}
