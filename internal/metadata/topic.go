package metadata

import "slices"

// NoLeader is the leader of a partition (and the id of a controller) while there is none.
const NoLeader int32 = -1

// Topic is one topic with its partitions, whose ids are their indexes. Topics are immutable.
type Topic struct {
	ID         UUID
	Name       string
	Partitions []*Partition
}

// Partition returns the partition of an index, nil if there is none.
func (t *Topic) Partition(index int32) *Partition {
	if index < 0 || int(index) >= len(t.Partitions) {
		return nil
	}
	return t.Partitions[index]
}

// Partition is the state of one partition. Partitions are immutable, and their slices are shared between partitions.
// What nearly all partitions do not have lies behind one pointer, so that a partition costs about 100 bytes.
type Partition struct {
	Leader           int32 // NoLeader while there is none
	LeaderEpoch      int32
	PartitionEpoch   int32
	LeaderRecovering bool // the leader was elected uncleanly and has not finished its recovery
	Replicas         []int32
	ISR              []int32
	Directories      []UUID // of each replica; nil where no broker has told yet

	rare *rarePartition
}

type rarePartition struct {
	elr, lastKnownELR, adding, removing []int32
}

// ELR returns the eligible leader replicas (KIP-966): not in sync, but known to hold all committed records.
func (p *Partition) ELR() []int32 { return p.rareFields().elr }

// LastKnownELR returns the last replicas that were eligible before all were lost.
func (p *Partition) LastKnownELR() []int32 { return p.rareFields().lastKnownELR }

// AddingReplicas returns the replicas that a reassignment is adding.
func (p *Partition) AddingReplicas() []int32 { return p.rareFields().adding }

// RemovingReplicas returns the replicas that a reassignment is removing.
func (p *Partition) RemovingReplicas() []int32 { return p.rareFields().removing }

// WithRare returns the partition with the fields that few partitions have.
func (p Partition) WithRare(elr, lastKnownELR, adding, removing []int32) Partition {
	p.rare = nil
	if len(elr)+len(lastKnownELR)+len(adding)+len(removing) > 0 {
		p.rare = &rarePartition{elr: elr, lastKnownELR: lastKnownELR, adding: adding, removing: removing}
	}
	return p
}

// HasReplica reports whether a broker holds a replica of the partition.
func (p *Partition) HasReplica(broker int32) bool { return slices.Contains(p.Replicas, broker) }

// InSync reports whether a broker's replica is in sync.
func (p *Partition) InSync(broker int32) bool { return slices.Contains(p.ISR, broker) }

func (p *Partition) rareFields() rarePartition {
	if p.rare == nil {
		return rarePartition{}
	}
	return *p.rare
}

// Equal reports whether two partitions are in the same state.
func (p *Partition) Equal(o *Partition) bool {
	a, b := p.rareFields(), o.rareFields()
	return p.Leader == o.Leader && p.LeaderEpoch == o.LeaderEpoch && p.PartitionEpoch == o.PartitionEpoch &&
		p.LeaderRecovering == o.LeaderRecovering && slices.Equal(p.Replicas, o.Replicas) && slices.Equal(p.ISR, o.ISR) &&
		slices.Equal(p.Directories, o.Directories) && slices.Equal(a.elr, b.elr) && slices.Equal(a.lastKnownELR, b.lastKnownELR) &&
		slices.Equal(a.adding, b.adding) && slices.Equal(a.removing, b.removing)
}
