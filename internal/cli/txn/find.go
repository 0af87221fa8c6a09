package txn

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/profile"
)

// batch is how many partitions one request asks about.
const batch = 500

// grace is how long a coordinator may take to abort a transaction whose time is up.
const grace = time.Minute

// finder looks for transactions that hang.
type finder struct {
	s          *profile.Session
	olderThan  time.Duration
	now        time.Time
	partitions []admin.TopicPartition
}

// hanging is an open transaction that nobody will end.
type hanging struct {
	producer
	ID      string `json:"id,omitempty"` // the transactional id, where a coordinator knows one
	Reason  string `json:"reason"`
	Command string `json:"command"` // what ends it
}

// find looks at every open transaction of the partitions twice, since one may just be ending: in the partition, at its coordinator, and in the
// partition again.
func (f *finder) find(ctx context.Context) ([]hanging, error) {
	open, err := f.open(ctx, f.partitions)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	owners, err := f.owners(ctx, open)
	if err != nil {
		return nil, err
	}
	var found []hanging
	var where []admin.TopicPartition
	for _, p := range open {
		if h, ok := f.judge(p, owners[p.ProducerID]); ok {
			found = append(found, h)
			where = append(where, p.TopicPartition)
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	still, err := f.open(ctx, slices.Compact(where))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(h hanging) bool {
		return !slices.ContainsFunc(still, func(p admin.ProducerState) bool {
			return p.ProducerID == h.ProducerID && p.TransactionStart == h.TransactionStart && p.TopicPartition.Topic == h.Topic && p.TopicPartition.Partition == h.Partition
		})
	}), nil
}

// open gives the producers that have a transaction open in one of the partitions.
func (f *finder) open(ctx context.Context, partitions []admin.TopicPartition) ([]admin.ProducerState, error) {
	var open []admin.ProducerState
	for some := range slices.Chunk(partitions, batch) {
		states, err := admin.DescribeProducers(ctx, client(f.s), some, nil)
		if err != nil {
			return nil, told("producers", err)
		}
		for _, p := range states {
			if p.InTransaction() {
				open = append(open, p)
			}
		}
	}
	return open, nil
}

// owners describes the transactional ids behind producers; producers that no coordinator knows are missing.
func (f *finder) owners(ctx context.Context, open []admin.ProducerState) (map[int64]description, error) {
	var q admin.TransactionQuery
	for _, p := range open {
		q.ProducerIDs = append(q.ProducerIDs, p.ProducerID)
	}
	slices.Sort(q.ProducerIDs)
	q.ProducerIDs = slices.Compact(q.ProducerIDs)
	listed, err := admin.ListTransactions(ctx, client(f.s), q)
	if err != nil {
		return nil, told("transactions", err)
	}
	owners := map[int64]description{}
	for _, t := range listed {
		d, err := admin.DescribeTransaction(ctx, client(f.s), t.ID)
		switch {
		case admin.IsUnknownTransaction(err):
		case err != nil:
			return nil, told("transactional id "+t.ID, err)
		default:
			owners[t.ProducerID] = description{ID: t.ID, State: d.State, StartMs: d.StartMs, TimeoutMs: d.TimeoutMs, sorted: d.Partitions}
		}
	}
	return owners, nil
}

// judge says whether a transaction hangs, and why. One that its coordinator does not expect must also have been quiet for some time.
func (f *finder) judge(p admin.ProducerState, owner description) (hanging, bool) {
	h := hanging{producer: describedProducer(p), ID: owner.ID}
	quiet := f.now.Sub(time.UnixMilli(p.LastTimestampMs)) > f.olderThan
	h.Command = fmt.Sprintf("ottla txn abort %s %d %d", p.TopicPartition.Topic, p.TopicPartition.Partition, p.TransactionStart)
	switch expected := slices.Contains(owner.sorted, p.TopicPartition); {
	case owner.ID == "":
		h.Reason = "no coordinator knows the producer"
	case !expected:
		h.Reason = fmt.Sprintf("not part of the transaction of %s (%s)", owner.ID, owner.State)
	case owner.overdue(f.now) > grace:
		h.Reason = fmt.Sprintf("%s has it open for longer than its timeout (%s)", owner.ID, owner.State)
		h.Command = "ottla txn fence " + owner.ID
		return h, true
	default:
		return h, false
	}
	return h, quiet
}
