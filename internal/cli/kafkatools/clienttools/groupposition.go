package clienttools

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// positions knows where a group member stands in each of its partitions, also in those it has not read from yet. The Java
// consumer commits such positions too, so that a group that started at the end of an idle topic has offsets; the Go client
// knows only what it handed out.
type positions struct {
	autoCommit bool
	mu         sync.Mutex
	client     *kgo.Client
	at         map[string]map[int32]kgo.EpochOffset
}

func newPositions(autoCommit bool) *positions {
	return &positions{autoCommit: autoCommit, at: map[string]map[int32]kgo.EpochOffset{}}
}

// options hook the positions into a group member; assigned and revoked (may be nil) are told of its partitions. Partitions
// that go to another member are committed first, as the Java consumer does.
func (p *positions) options(assigned, revoked func(map[string][]int32)) []kgo.Opt {
	tell := func(f func(map[string][]int32), partitions map[string][]int32) {
		if f != nil {
			f(partitions)
		}
	}
	return []kgo.Opt{
		kgo.AdjustFetchOffsetsFn(p.resolve),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, added map[string][]int32) { tell(assigned, added) }),
		kgo.OnPartitionsRevoked(func(ctx context.Context, _ *kgo.Client, gone map[string][]int32) {
			limited, cancel := context.WithTimeout(ctx, closeTimeout)
			defer cancel()
			p.commit(limited)
			tell(revoked, gone)
			p.remove(gone)
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
			tell(revoked, gone)
			p.remove(gone)
		}),
	}
}

// use names the client, which exists only after its options.
func (p *positions) use(client *kgo.Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client = client
}

// resolve turns "start" and "end" of partitions without a committed offset into the offsets that these are now.
func (p *positions) resolve(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	p.mu.Lock()
	client := p.client
	p.mu.Unlock()
	listed := listSymbolic(ctx, client, offsets)
	p.mu.Lock()
	defer p.mu.Unlock()
	for topic, partitions := range offsets {
		for partition, o := range partitions {
			at := o.EpochOffset()
			if at.Offset < 0 {
				l, ok := listed[startAt(at.Offset)].Lookup(topic, partition)
				if !ok || l.Err != nil {
					continue // left symbolic, for the client to resolve
				}
				at = kgo.EpochOffset{Epoch: l.LeaderEpoch, Offset: l.Offset}
				partitions[partition] = kgo.NewOffset().At(l.Offset)
			}
			p.set(topic, partition, at)
		}
	}
	return offsets, nil
}

// listSymbolic asks for the starts and ends of the partitions whose offsets are symbolic.
func listSymbolic(ctx context.Context, client *kgo.Client, offsets map[string]map[int32]kgo.Offset) map[startAt]kadm.ListedOffsets {
	topics := map[startAt][]string{}
	for topic, partitions := range offsets {
		for _, o := range partitions {
			if at := startAt(o.EpochOffset().Offset); at < 0 {
				topics[at] = append(topics[at], topic)
			}
		}
	}
	listed := map[startAt]kadm.ListedOffsets{}
	if client == nil || len(topics) == 0 {
		return listed
	}
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	admin := kadm.NewClient(client)
	if names := topics[startEarliest]; len(names) > 0 { // a failure leaves the offsets symbolic
		listed[startEarliest], _ = admin.ListStartOffsets(limited, names...)
	}
	if names := topics[startLatest]; len(names) > 0 {
		listed[startLatest], _ = admin.ListEndOffsets(limited, names...)
	}
	return listed
}

func (p *positions) set(topic string, partition int32, at kgo.EpochOffset) {
	if p.at[topic] == nil {
		p.at[topic] = map[int32]kgo.EpochOffset{}
	}
	p.at[topic][partition] = at
}

// consumed moves the position behind a record.
func (p *positions) consumed(r *kgo.Record) {
	p.mu.Lock()
	p.set(r.Topic, r.Partition, kgo.EpochOffset{Epoch: r.LeaderEpoch, Offset: r.Offset + 1})
	client := p.client
	p.mu.Unlock()
	if p.autoCommit {
		client.MarkCommitRecords(r) // for the commits while consuming
	}
}

func (p *positions) remove(gone map[string][]int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for topic, partitions := range gone {
		for _, partition := range partitions {
			delete(p.at[topic], partition)
		}
	}
}

// commit stores all positions where offsets are committed automatically, as the Java consumer does when it closes.
func (p *positions) commit(ctx context.Context) {
	p.mu.Lock()
	client := p.client
	at := make(map[string]map[int32]kgo.EpochOffset, len(p.at))
	for topic, partitions := range p.at {
		if len(partitions) > 0 {
			at[topic] = maps.Clone(partitions)
		}
	}
	p.mu.Unlock()
	if p.autoCommit && client != nil && len(at) > 0 {
		client.CommitOffsetsSync(ctx, at, nil)
	}
}
