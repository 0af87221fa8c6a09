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
	reset  kgo.Offset
	mu     sync.Mutex
	client *kgo.Client
	at     map[string]map[int32]kgo.EpochOffset
}

func newPositions(reset kgo.Offset) *positions {
	return &positions{reset: reset, at: map[string]map[int32]kgo.EpochOffset{}}
}

// options hook the positions into a group member.
func (p *positions) options() []kgo.Opt {
	return []kgo.Opt{
		kgo.AdjustFetchOffsetsFn(p.resolve),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { p.remove(gone) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { p.remove(gone) }),
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
	defer p.mu.Unlock()
	var topics []string
	symbolic := map[int64]bool{}
	for topic, partitions := range offsets {
		for _, o := range partitions {
			if at := o.EpochOffset().Offset; at < 0 {
				symbolic[at] = true
				topics = append(topics, topic)
			}
		}
	}
	var starts, ends kadm.ListedOffsets
	if p.client != nil && len(topics) > 0 {
		limited, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		admin := kadm.NewClient(p.client)
		if symbolic[int64(startEarliest)] { // a failure leaves the offset symbolic, for the client to resolve
			starts, _ = admin.ListStartOffsets(limited, topics...)
		}
		if symbolic[int64(startLatest)] {
			ends, _ = admin.ListEndOffsets(limited, topics...)
		}
	}
	for topic, partitions := range offsets {
		for partition, o := range partitions {
			at := o.EpochOffset()
			listed := ends
			if at.Offset == int64(startEarliest) {
				listed = starts
			}
			if at.Offset < 0 {
				l, ok := listed.Lookup(topic, partition)
				if !ok || l.Err != nil {
					continue
				}
				at = kgo.EpochOffset{Epoch: l.LeaderEpoch, Offset: l.Offset}
				partitions[partition] = kgo.NewOffset().At(l.Offset)
			}
			p.set(topic, partition, at)
		}
	}
	return offsets, nil
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
	defer p.mu.Unlock()
	p.set(r.Topic, r.Partition, kgo.EpochOffset{Epoch: r.LeaderEpoch, Offset: r.Offset + 1})
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

// snapshot gives all positions.
func (p *positions) snapshot() map[string]map[int32]kgo.EpochOffset {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]map[int32]kgo.EpochOffset, len(p.at))
	for topic, partitions := range p.at {
		if len(partitions) > 0 {
			out[topic] = maps.Clone(partitions)
		}
	}
	return out
}

// commit stores all positions, as the Java consumer does when it closes with auto-commit on.
func (p *positions) commit(ctx context.Context, client *kgo.Client) {
	if at := p.snapshot(); len(at) > 0 {
		client.CommitOffsetsSync(ctx, at, nil)
	}
}
