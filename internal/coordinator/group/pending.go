package group

import "slices"

// pendingOffsets are the offsets that were committed in transactions that are still open. Nobody is given them before
// the transaction is committed; but as long as they are there, the partition's offset is not stable, and neither it
// nor the group expires.
type pendingOffsets struct {
	byProducer map[int64]offsetStore
	// producers are those that have an offset pending, for each partition. Nearly always it is one.
	producers partitionMap[[]int64]
}

func newPendingOffsets() pendingOffsets {
	return pendingOffsets{byProducer: make(map[int64]offsetStore), producers: make(partitionMap[[]int64])}
}

// put notes what the producer's open transaction commits. A later commit in the same transaction replaces the earlier.
func (p *pendingOffsets) put(producerID int64, groupID, topic string, partition int32, o offset) {
	store := p.byProducer[producerID]
	if store == nil {
		store = make(offsetStore)
		p.byProducer[producerID] = store
	}
	store.put(groupID, topic, partition, o)
	if producers, _ := p.producers.get(groupID, topic, partition); !slices.Contains(producers, producerID) {
		p.producers.put(groupID, topic, partition, append(producers, producerID))
	}
}

// take removes what the producer's transaction would have committed, and returns it; nil when there is nothing.
func (p *pendingOffsets) take(producerID int64) offsetStore {
	store := p.byProducer[producerID]
	delete(p.byProducer, producerID)
	for groupID := range store {
		store.each(groupID, func(topic string, partition int32, _ offset) {
			p.forget(producerID, groupID, topic, partition)
		})
	}
	return store
}

// forget removes the producer from those that have an offset pending for the partition.
func (p *pendingOffsets) forget(producerID int64, groupID, topic string, partition int32) {
	producers, _ := p.producers.get(groupID, topic, partition)
	producers = slices.DeleteFunc(producers, func(id int64) bool { return id == producerID })
	if len(producers) == 0 {
		p.producers.remove(groupID, topic, partition)
		return
	}
	p.producers.put(groupID, topic, partition, producers)
}

// drop removes what is pending for the partition, whoever's it is: the offset was deleted, and that is newer.
func (p *pendingOffsets) drop(groupID, topic string, partition int32) {
	producers, _ := p.producers.get(groupID, topic, partition)
	for _, producerID := range producers {
		store := p.byProducer[producerID]
		if store.remove(groupID, topic, partition); len(store) == 0 {
			delete(p.byProducer, producerID)
		}
	}
	p.producers.remove(groupID, topic, partition)
}

// has reports whether anything is pending for the partition.
func (p *pendingOffsets) has(groupID, topic string, partition int32) bool {
	_, ok := p.producers.get(groupID, topic, partition)
	return ok
}

// hasGroup reports whether anything is pending for the group.
func (p *pendingOffsets) hasGroup(groupID string) bool { return len(p.producers[groupID]) > 0 }
