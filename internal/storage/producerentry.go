package storage

import (
	"math"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// retainedBatches is how many batches of a producer are remembered: as many as a producer may have in flight.
const retainedBatches = 5

// batchMetadata is what is remembered of a batch, to tell when it comes again.
type batchMetadata struct {
	lastSequence int32
	offsetDelta  int32
	lastOffset   int64
	timestamp    int64
}

func (m batchMetadata) firstSequence() int32 {
	return record.DecrementSequence(m.lastSequence, m.offsetDelta)
}

func (m batchMetadata) firstOffset() int64 { return m.lastOffset - int64(m.offsetDelta) }

// producerEntry is the state of one idempotent or transactional producer in a partition.
type producerEntry struct {
	id               int64
	epoch            int16
	count            int8 // of batches
	coordinatorEpoch int32
	lastTimestamp    int64
	txnFirstOffset   int64 // -1: no transaction is open
	batches          [retainedBatches]batchMetadata
}

func newProducerEntry(id int64) producerEntry {
	return producerEntry{
		id: id, epoch: record.NoProducerEpoch, coordinatorEpoch: -1, lastTimestamp: record.NoTimestamp, txnFirstOffset: -1,
	}
}

func (e *producerEntry) last() (m batchMetadata, ok bool) {
	if e.count == 0 {
		return m, false
	}
	return e.batches[e.count-1], true
}

func (e *producerEntry) lastSequence() int32 {
	if m, ok := e.last(); ok {
		return m.lastSequence
	}
	return record.NoSequence
}

// setEpoch begins an epoch; the batches of another are of no use any more.
func (e *producerEntry) setEpoch(epoch int16) {
	if e.epoch != epoch {
		e.epoch, e.count = epoch, 0
	}
}

func (e *producerEntry) addBatch(epoch int16, m batchMetadata) {
	e.setEpoch(epoch)
	if e.count == retainedBatches {
		copy(e.batches[:], e.batches[1:])
		e.count--
	}
	e.batches[e.count] = m
	e.count++
	e.lastTimestamp = m.timestamp
}

// duplicate returns the remembered batch that has the same sequence numbers.
func (e *producerEntry) duplicate(b record.Batch) (m batchMetadata, ok bool) {
	if b.ProducerEpoch() != e.epoch {
		return m, false
	}
	first, last := b.BaseSequence(), b.LastSequence()
	for _, m := range e.batches[:e.count] {
		if m.firstSequence() == first && m.lastSequence == last {
			return m, true
		}
	}
	return m, false
}

// inTransaction tells whether a batch of an epoch goes on with an open transaction. One of a newer epoch does not.
func (e *producerEntry) inTransaction(epoch int16) bool {
	return e.txnFirstOffset >= 0 && e.epoch == epoch
}

// appendCheck is the context in which batches are added to an entry.
type appendCheck struct {
	tp                 TopicPartition
	origin             Origin
	transactionVersion int16        // of markers
	fresh              bool         // the producer was unknown before this append
	empty              bool         // no batch of the producer was known before this append
	waiting            verification // without a guard: none
}

// txnChange is what a batch has done to its producer's transaction.
type txnChange struct {
	begun   bool
	ended   bool
	aborted bool
	first   int64 // of the transaction that has begun or ended
}

// add takes a batch into the entry, or says what is wrong with it.
func (e *producerEntry) add(b record.Batch, check appendCheck) (txnChange, error) {
	if b.IsControl() {
		return e.addControl(b, check)
	}
	if b.ProducerEpoch() < e.epoch && check.origin != OriginReplication { // a follower takes what its leader took
		return txnChange{}, e.refuseEpoch(b, check, "smaller than")
	}
	if check.origin == OriginClient {
		if err := e.checkSequence(b, check); err != nil {
			return txnChange{}, err
		}
	}
	if e.txnFirstOffset >= 0 && !b.IsTransactional() && check.origin != OriginReplication {
		return txnChange{}, protocol.Errorf(protocol.InvalidTxnState, "Expected transactional write from producer %d at offset %d in partition %s",
			e.id, b.BaseOffset(), check.tp)
	}
	e.addBatch(b.ProducerEpoch(), batchMetadata{b.LastSequence(), b.LastOffsetDelta(), b.LastOffset(), b.MaxTimestamp()})
	if e.txnFirstOffset < 0 && b.IsTransactional() {
		e.txnFirstOffset = b.BaseOffset()
		return txnChange{begun: true, first: b.BaseOffset()}, nil
	}
	return txnChange{}, nil
}

// refuseEpoch says that a producer has been fenced.
func (e *producerEntry) refuseEpoch(b record.Batch, check appendCheck, relation string) error {
	return protocol.Errorf(protocol.InvalidProducerEpoch, "Epoch of producer %d at offset %d in %s is %d, which is %s the last seen epoch %d",
		e.id, b.BaseOffset(), check.tp, b.ProducerEpoch(), relation, e.epoch)
}

func (e *producerEntry) checkSequence(b record.Batch, check appendCheck) error {
	first := b.BaseSequence()
	if v := check.waiting; v.guard != 0 {
		if v.supportsEpochBump && first != 0 && check.empty {
			return protocol.Errorf(protocol.OutOfOrderSequenceNumber,
				"Invalid sequence number for producer %d at offset %d in partition %s: %d (incoming seq. number). Expected sequence 0 for transactions v2 idempotent producer with no existing state.",
				e.id, b.BaseOffset(), check.tp, first)
		}
		if first > v.lowestSequence {
			return protocol.Errorf(protocol.OutOfOrderSequenceNumber,
				"Out of order sequence number for producer %d at offset %d in partition %s: %d (incoming seq. number), %d (earliest seen sequence)",
				e.id, b.BaseOffset(), check.tp, first, v.lowestSequence)
		}
	}
	if b.ProducerEpoch() != e.epoch {
		if first != 0 && e.epoch != record.NoProducerEpoch {
			return protocol.Errorf(protocol.OutOfOrderSequenceNumber,
				"Invalid sequence number for new epoch of producer %d at offset %d in partition %s: %d (request epoch), %d (seq. number), %d (current producer epoch)",
				e.id, b.BaseOffset(), check.tp, b.ProducerEpoch(), first, e.epoch)
		}
		return nil
	}
	last := e.lastSequence()
	if check.fresh || first == record.IncrementSequence(last, 1) && last != record.NoSequence || first == 0 && last == record.NoSequence {
		return nil
	}
	return protocol.Errorf(protocol.OutOfOrderSequenceNumber,
		"Out of order sequence number for producer %d at offset %d in partition %s: %d (incoming seq. number), %d (current end sequence number)",
		e.id, b.BaseOffset(), check.tp, first, last)
}

// addControl takes the end of a transaction into the entry. Its record carries the coordinator's epoch.
func (e *producerEntry) addControl(b record.Batch, check appendCheck) (txnChange, error) {
	marker, timestamp, ok, err := b.Marker()
	if err != nil {
		return txnChange{}, err
	}
	if !ok {
		if b.NumRecords() == 0 || check.origin == OriginReplication {
			return txnChange{}, nil // the cleaner has emptied it, or it says nothing of producers
		}
		return txnChange{}, &record.Error{Kind: record.KindInvalidRecord, Message: "a control record that ends no transaction comes from a producer"}
	}
	if check.origin != OriginReplication {
		if err := e.checkMarkerEpoch(b, check); err != nil {
			return txnChange{}, err
		}
		if e.coordinatorEpoch > marker.CoordinatorEpoch {
			return txnChange{}, protocol.Errorf(protocol.TransactionCoordinatorFenced,
				"Invalid coordinator epoch for producerId %d at offset %d in partition %s: %d (zombie), %d (current)",
				e.id, b.BaseOffset(), check.tp, marker.CoordinatorEpoch, e.coordinatorEpoch)
		}
	}
	change := txnChange{ended: e.txnFirstOffset >= 0, aborted: marker.Type == record.ControlAbort, first: e.txnFirstOffset}
	e.setEpoch(b.ProducerEpoch())
	e.coordinatorEpoch = marker.CoordinatorEpoch
	e.txnFirstOffset = -1
	e.lastTimestamp = timestamp
	return change, nil
}

// checkMarkerEpoch refuses a marker that is late. Under version 2 every transaction ends with an epoch of its own, so that one with the present
// epoch is late too, unless it repeats the one that has just ended the transaction: its coordinator did not learn that it was written.
// With the largest epoch there is none to follow.
func (e *producerEntry) checkMarkerEpoch(b record.Batch, check appendCheck) error {
	epoch := b.ProducerEpoch()
	switch {
	case epoch > e.epoch, epoch == e.epoch && check.transactionVersion < 2:
		return nil
	case check.transactionVersion < 2:
		return e.refuseEpoch(b, check, "smaller than")
	case epoch == e.epoch && (e.txnFirstOffset < 0 || epoch == math.MaxInt16):
		return nil
	}
	return e.refuseEpoch(b, check, "<=")
}

// expired tells whether nothing was heard of the producer for too long. One with an open transaction stays.
func (e *producerEntry) expired(nowMs, expirationMs int64) bool {
	return e.txnFirstOffset < 0 && nowMs-e.lastTimestamp >= expirationMs
}
