package group

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"

	"ottla.dev/ottla/internal/cli/output"
)

// progress is a group with how far it is.
type progress struct {
	state
	Lag     int64      `json:"lag"` // of partitions of which it is known
	Offsets []position `json:"offsets"`
}

// position is how far a group is in one partition.
type position struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed int64  `json:"committed"`  // -1: nothing
	End       int64  `json:"end_offset"` // -1: not known
	Lag       int64  `json:"lag"`        // -1: not known; where a group without a commit starts is its consumers' choice
	Member    string `json:"member,omitempty"`
	Client    string `json:"client,omitempty"`
	Host      string `json:"host,omitempty"`
	Metadata  string `json:"metadata,omitempty"`
}

// follow asks how far groups are. Groups that cannot be told are in the error.
func follow(ctx context.Context, admin *kadm.Client, names []string) ([]progress, error) {
	found, failed, err := states(ctx, admin, names)
	if err != nil {
		return nil, err
	}
	commits := admin.FetchManyOffsets(ctx, slices.Collect(maps.Keys(found))...)
	topics := map[string]bool{}
	for name, s := range found {
		if err := commits[name].Err; err != nil {
			failed[name] = output.About("group "+name, err, "")
			continue
		}
		for _, p := range partitions(s, commits[name].Fetched) {
			topics[p.Topic] = true
		}
	}
	var ends kadm.ListedOffsets
	if len(topics) > 0 {
		if ends, err = admin.ListEndOffsets(ctx, slices.Collect(maps.Keys(topics))...); err != nil {
			return nil, err
		}
	}
	var groups []progress
	var errs []error
	for _, name := range names {
		if err, bad := failed[name]; bad {
			errs = append(errs, err)
		} else {
			groups = append(groups, measured(found[name], commits[name].Fetched, ends))
		}
	}
	return groups, output.Join(errs)
}

// partitions gives the partitions that matter to a group: those with a commit and those that members read.
func partitions(s state, commits kadm.OffsetResponses) []position {
	committed := map[string]map[int32]bool{}
	list := []position{}
	commits.Each(func(r kadm.OffsetResponse) {
		if r.Err != nil || r.At < 0 {
			return
		}
		if committed[r.Topic] == nil {
			committed[r.Topic] = map[int32]bool{}
		}
		committed[r.Topic][r.Partition] = true
		list = append(list, position{Topic: r.Topic, Partition: r.Partition, Committed: r.At, Metadata: r.Metadata})
	})
	for _, m := range s.Members {
		for topic, assigned := range m.Partitions {
			for _, partition := range assigned {
				if !committed[topic][partition] {
					list = append(list, position{Topic: topic, Partition: partition, Committed: -1})
				}
			}
		}
	}
	return list
}

// withOthers adds the partitions that nobody has committed for, of the topics that the group reads: records may wait there.
func withOthers(list []position, ends kadm.ListedOffsets) []position {
	topics := map[string]map[int32]bool{}
	for _, p := range list {
		if topics[p.Topic] == nil {
			topics[p.Topic] = map[int32]bool{}
		}
		topics[p.Topic][p.Partition] = true
	}
	for topic, there := range topics {
		for partition := range ends[topic] {
			if partition >= 0 && !there[partition] {
				list = append(list, position{Topic: topic, Partition: partition, Committed: -1})
			}
		}
	}
	slices.SortFunc(list, func(a, b position) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return list
}

// unknown counts the partitions of which the lag is not known.
func (g progress) unknown() int {
	n := 0
	for _, p := range g.Offsets {
		if p.Lag < 0 {
			n++
		}
	}
	return n
}

// measured computes the lag. A topic that is gone leaves it unknown.
func measured(s state, commits kadm.OffsetResponses, ends kadm.ListedOffsets) progress {
	g := progress{state: s, Offsets: withOthers(partitions(s, commits), ends)}
	for i := range g.Offsets {
		p := &g.Offsets[i]
		p.End, p.Lag = -1, -1
		if end, ok := ends.Lookup(p.Topic, p.Partition); ok && end.Err == nil {
			p.End = end.Offset
			if p.Committed >= 0 || p.End == 0 {
				p.Lag = max(end.Offset-max(p.Committed, 0), 0)
			}
		}
		g.Lag += max(p.Lag, 0)
		owner := s.owner(p.Topic, p.Partition)
		p.Member, p.Client, p.Host = owner.ID, owner.Client, owner.Host
	}
	return g
}
