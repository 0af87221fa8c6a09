package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/interop/gocheck"
)

// member consumes in a goroutine and commits after every poll.
type member struct {
	cl    *kgo.Client
	topic string
	stop  context.CancelFunc
	done  chan struct{}

	mu    sync.Mutex
	owned []int32
}

func join(c c, group, topic string, seen *gocheck.Seen, opts ...kgo.Opt) *member {
	ctx, stop := context.WithCancel(context.Background())
	m := &member{topic: topic, stop: stop, done: make(chan struct{})}
	opts = append([]kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(500 * time.Millisecond), kgo.SessionTimeout(10 * time.Second),
		kgo.FetchMaxWait(200 * time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, added map[string][]int32) { m.change(added[topic], nil) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { m.change(nil, lost[topic]) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { m.change(nil, lost[topic]) }),
	}, opts...)
	m.cl = client(c, opts...)
	go m.consume(ctx, seen)
	return m
}

func (m *member) change(added, lost []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owned = slices.DeleteFunc(append(m.owned, added...), func(p int32) bool { return slices.Contains(lost, p) })
}

func (m *member) consume(ctx context.Context, seen *gocheck.Seen) {
	defer close(m.done)
	for ctx.Err() == nil {
		fetches := m.cl.PollFetches(ctx)
		fetches.EachRecord(func(r *kgo.Record) { seen.Add(string(r.Value)) })
		if fetches.NumRecords() > 0 {
			m.cl.CommitUncommittedOffsets(context.Background())
		}
		m.cl.AllowRebalance()
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
	m.cl.CloseAllowingRebalance()
}

func producer(c c, topic string) (produce func(values []string), done func()) {
	cl := client(c, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	return func(values []string) {
		var records []*kgo.Record
		for _, v := range values {
			records = append(records, kgo.StringRecord(v))
		}
		c.Must(cl.ProduceSync(c, records...).FirstErr(), "produce")
	}, cl.Close
}

func comeAndGo(c c) {
	topic, group := newTopic(c, 6), gocheck.Unique("g")
	produce, done := producer(c, topic)
	defer done()
	gocheck.ComeAndGo(c, gocheck.Group{
		Partitions: 6, Produce: produce,
		Join: func(_ string, seen *gocheck.Seen) gocheck.Member { return join(c, group, topic, seen) },
	})
}

func assignor(c c, b kgo.GroupBalancer) {
	topic, group := newTopic(c, 5), gocheck.Unique("g")
	seen := gocheck.NewSeen()
	members := map[string]gocheck.Member{}
	for _, name := range []string{"a", "b"} {
		m := join(c, group, topic, seen, kgo.Balancers(b))
		defer m.Leave()
		members[name] = m
	}
	gocheck.Settle(c, members, 5)
	adm := admin(c)
	defer adm.Close()
	described, err := adm.DescribeGroups(c, group)
	c.Must(err, "describe group")
	if d := described[group]; d.Protocol != b.ProtocolName() || d.ProtocolType != "consumer" {
		c.Fatalf("the group says protocol %q of type %q", d.Protocol, d.ProtocolType)
	}
}

func staticMember(c c) {
	topic, group := newTopic(c, 4), gocheck.Unique("g")
	seen := gocheck.NewSeen()
	a := join(c, group, topic, seen, kgo.InstanceID("a"))
	b := join(c, group, topic, seen, kgo.InstanceID("b"))
	defer b.Leave()
	gocheck.Settle(c, map[string]gocheck.Member{"a": a, "b": b}, 4)
	before, _ := generation(c, b)
	kept := a.Owned()
	a.Leave() // a static member does not send LeaveGroup
	a = join(c, group, topic, seen, kgo.InstanceID("a"))
	defer a.Leave()
	gocheck.Settle(c, map[string]gocheck.Member{"a": a, "b": b}, 4)
	slices.Sort(kept)
	now := a.Owned()
	slices.Sort(now)
	if !slices.Equal(kept, now) {
		c.Fatalf("the static member owned %v, after coming back %v", kept, now)
	}
	if after, _ := generation(c, b); after != before {
		c.Fatalf("generation went from %d to %d: the group rebalanced", before, after)
	}
}

func generation(c c, m *member) (int32, string) {
	id, generation := m.cl.GroupMetadata()
	return generation, id
}

func resume(c c) {
	topic, group := newTopic(c, 1), gocheck.Unique("g")
	produce, done := producer(c, topic)
	defer done()
	var values []string
	for i := range 20 {
		values = append(values, fmt.Sprint(i))
	}
	produce(values)
	first := client(c, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	var got []*kgo.Record
	for len(got) < 20 && c.Err() == nil {
		got = append(got, first.PollFetches(c).Records()...)
	}
	c.Must(first.CommitRecords(c, got[:12]...), "commit")
	first.Close()
	adm := admin(c)
	defer adm.Close()
	fetched, err := adm.FetchOffsets(c, group)
	c.Must(err, "fetch offsets")
	if o, ok := fetched.Lookup(topic, 0); !ok || o.At != 12 {
		c.Fatalf("committed %+v, want offset 12", o)
	}
	second := client(c, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit())
	records := second.PollFetches(c).Records()
	if len(records) == 0 || records[0].Offset != 12 {
		c.Fatalf("the successor started with %v, want offset 12", records)
	}
	second.Close()
	var with kadm.Offsets
	with.Add(kadm.Offset{Topic: topic, Partition: 0, At: 15, LeaderEpoch: -1, Metadata: "a note"})
	c.Must(adm.CommitAllOffsets(c, group, with), "commit with metadata")
	fetched, err = adm.FetchOffsets(c, group)
	c.Must(err, "fetch offsets")
	if o, _ := fetched.Lookup(topic, 0); o.At != 15 || o.Metadata != "a note" {
		c.Fatalf("fetched %+v, want offset 15 with its metadata", o)
	}
	with = nil
	with.Add(kadm.Offset{Topic: topic, Partition: 0, At: 15, LeaderEpoch: -1, Metadata: strings.Repeat("x", 5000)})
	if err := adm.CommitAllOffsets(c, group, with); !errors.Is(err, kerr.OffsetMetadataTooLarge) {
		c.Fatalf("metadata of 5000 bytes: want OFFSET_METADATA_TOO_LARGE, got %v", err)
	}
}
