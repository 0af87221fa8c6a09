package consume

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/position"
	"ottla.dev/ottla/internal/cli/profile"
)

// plan is where to read from, partition by partition, and where to stop.
type plan struct {
	from map[string]map[int32]kgo.Offset
	stop map[string]map[int32]int64 // nil: nowhere; partitions that have been read leave it
}

// partitionPlan finds the offsets at which reading starts and ends. It fixes "end" now, so that two readers of it mean the same.
func partitionPlan(ctx context.Context, s *profile.Session, o options) (plan, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	start := position.End
	if o.from.IsSet() {
		start = o.from.Position
	}
	starts, err := start.Resolve(ctx, s.Admin, o.topics...)
	if err != nil {
		return plan{}, err
	}
	if err := o.checkPartitions(starts); err != nil {
		return plan{}, err
	}
	p := plan{from: map[string]map[int32]kgo.Offset{}}
	for topic, partitions := range starts {
		p.from[topic] = map[int32]kgo.Offset{}
		for partition, at := range partitions {
			if len(o.partitions) == 0 || slices.Contains(o.partitions, partition) {
				p.from[topic][partition] = kgo.NewOffset().At(at.Offset)
			}
		}
	}
	if !o.until.IsSet() {
		return p, nil
	}
	stops, err := o.until.Resolve(ctx, s.Admin, o.topics...)
	if err != nil {
		return plan{}, err
	}
	p.stop = map[string]map[int32]int64{}
	for topic, partitions := range p.from {
		p.stop[topic] = map[int32]int64{}
		for partition := range partitions {
			if stop := stops[topic][partition].Offset; stop > starts[topic][partition].Offset {
				p.stop[topic][partition] = stop
			} else {
				delete(partitions, partition)
			}
		}
	}
	return p, nil
}

// checkPartitions refuses partitions that no topic has.
func (o options) checkPartitions(found map[string]map[int32]position.Partition) error {
	for _, partition := range o.partitions {
		there := false
		for _, partitions := range found {
			_, ok := partitions[partition]
			there = there || ok
		}
		if !there {
			return output.NotFoundf("no partition %d in %s", partition, topicNames(o.topics))
		}
	}
	return nil
}

func topicNames(topics []string) string {
	if len(topics) == 1 {
		return "topic " + topics[0]
	}
	return fmt.Sprintf("topics %v", topics)
}

// reached notes how far a partition has been read and says whether its part of the plan is done.
func (p *plan) reached(topic string, partition int32, next int64) bool {
	stop, ok := p.stop[topic][partition]
	if !ok || next < stop {
		return false
	}
	delete(p.stop[topic], partition)
	return true
}

// before says whether an offset is still to be shown.
func (p *plan) before(topic string, partition int32, offset int64) bool {
	if p.stop == nil {
		return true
	}
	stop, ok := p.stop[topic][partition]
	return ok && offset < stop
}

// done says that all has been read that was asked for.
func (p *plan) done() bool {
	if p.stop == nil {
		return false
	}
	for _, partitions := range p.stop {
		if len(partitions) > 0 {
			return false
		}
	}
	return true
}
