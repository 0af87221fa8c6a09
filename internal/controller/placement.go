package controller

import (
	"cmp"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"slices"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// placer chooses brokers for new partitions: it goes round the racks, and round the brokers of each rack, so that the
// replicas of a partition lie on as many racks as there are, and the leaders are spread evenly. Only the first replica,
// the leader, must be on a broker that is not fenced; the others prefer such ones.
type placer struct {
	racks    []*rack
	total    int
	unfenced int
	rackNext int // the rack that gets the next leader
	epoch    int // leaders placed since the last shuffle
	random   *rand.Rand
}

type rack struct {
	name             string
	unfenced, fenced []int32
	leader           int // index of the next leader; followers are looked for from there on
}

func newPlacer(img *metadata.Image, random io.Reader) (*placer, error) {
	var seed [16]byte
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		return nil, err
	}
	p := &placer{random: rand.New(rand.NewPCG(binary.LittleEndian.Uint64(seed[:]), binary.LittleEndian.Uint64(seed[8:])))}
	for _, id := range img.BrokerIDs() {
		b := img.Brokers[id]
		name := ""
		if b.Rack != nil {
			name = "=" + *b.Rack // no rack is another one than the rack with the empty name
		}
		i, found := slices.BinarySearchFunc(p.racks, name, func(r *rack, name string) int { return cmp.Compare(r.name, name) })
		if !found {
			p.racks = slices.Insert(p.racks, i, &rack{name: name})
		}
		if b.Fenced {
			p.racks[i].fenced = append(p.racks[i].fenced, id)
		} else {
			p.racks[i].unfenced = append(p.racks[i].unfenced, id)
			p.unfenced++
		}
		p.total++
	}
	p.shuffle()
	if len(p.racks) > 0 {
		p.rackNext = p.random.IntN(len(p.racks))
	}
	return p, nil
}

// check returns an error if the cluster cannot hold so many replicas of a partition.
func (p *placer) check(replicas int) error {
	switch {
	case replicas <= 0:
		return protocol.Errorf(protocol.InvalidReplicationFactor, "Invalid replication factor %d: the replication factor must be positive.", replicas)
	case p.unfenced == 0:
		return protocol.Errorf(protocol.InvalidReplicationFactor, "All brokers are currently fenced, or have all their log directories cordoned.")
	case replicas > p.total:
		return protocol.Errorf(protocol.InvalidReplicationFactor, "The target replication factor of %d cannot be reached because only %d broker(s) are registered or some brokers have all their log directories cordoned.", replicas, p.total)
	}
	return nil
}

// place returns the brokers of one more partition. The number of replicas must have been checked.
func (p *placer) place(replicas int) []int32 {
	if p.epoch == p.unfenced && p.unfenced > 1 {
		p.shuffle()
		p.epoch = 0
	}
	p.epoch++
	first := p.rackNext % len(p.racks)
	p.rackNext = first + 1
	for len(p.racks[first].unfenced) == 0 {
		first = (first + 1) % len(p.racks)
	}
	placed := make([]int32, 0, replicas)
	placed = append(placed, p.racks[first].nextLeader())
	for at := first + 1; len(placed) < replicas; at++ {
		if id, ok := p.racks[at%len(p.racks)].nextFollower(placed); ok {
			placed = append(placed, id)
		}
	}
	return placed
}

func (r *rack) nextLeader() int32 {
	id := r.unfenced[r.leader%len(r.unfenced)]
	r.leader = (r.leader + 1) % len(r.unfenced)
	return id
}

// nextFollower returns a broker of the rack that is not among the placed ones: unfenced ones first.
func (r *rack) nextFollower(placed []int32) (int32, bool) {
	for _, ids := range [][]int32{r.unfenced, r.fenced} {
		for i := range ids {
			id := ids[(r.leader+i)%len(ids)]
			if !slices.Contains(placed, id) {
				return id, true
			}
		}
	}
	return 0, false
}

func (p *placer) shuffle() {
	for _, r := range p.racks {
		p.random.Shuffle(len(r.unfenced), func(i, j int) { r.unfenced[i], r.unfenced[j] = r.unfenced[j], r.unfenced[i] })
		p.random.Shuffle(len(r.fenced), func(i, j int) { r.fenced[i], r.fenced[j] = r.fenced[j], r.fenced[i] })
	}
	p.random.Shuffle(len(p.racks), func(i, j int) { p.racks[i], p.racks[j] = p.racks[j], p.racks[i] })
}
