package storage

import (
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

// appendCheck is the context in which batches are added to an entry.
type appendCheck struct {
	tp     TopicPartition
	origin Origin
	fresh  bool // the producer was unknown before this append
}

// add takes a batch into the entry, or says what is wrong with it.
func (e *producerEntry) add(b record.Batch, check appendCheck) error {
	if b.IsControl() {
		return e.addControl(b, check)
	}
	if err := e.checkEpoch(b, check); err != nil {
		return err
	}
	if check.origin == OriginClient {
		if err := e.checkSequence(b, check); err != nil {
			return err
		}
	}
	if e.txnFirstOffset >= 0 && !b.IsTransactional() && check.origin != OriginReplication {
		return protocol.Errorf(protocol.InvalidTxnState, "Expected transactional write from producer %d at offset %d in partition %s",
			e.id, b.BaseOffset(), check.tp)
	}
	e.addBatch(b.ProducerEpoch(), batchMetadata{b.LastSequence(), b.LastOffsetDelta(), b.LastOffset(), b.MaxTimestamp()})
	if e.txnFirstOffset < 0 && b.IsTransactional() {
		e.txnFirstOffset = b.BaseOffset()
	}
	return nil
}

// checkEpoch refuses a producer that has been fenced. A follower takes what its leader took.
func (e *producerEntry) checkEpoch(b record.Batch, check appendCheck) error {
	if b.ProducerEpoch() >= e.epoch || check.origin == OriginReplication {
		return nil
	}
	return protocol.Errorf(protocol.InvalidProducerEpoch, "Epoch of producer %d at offset %d in %s is %d, which is smaller than the last seen epoch %d",
		e.id, b.BaseOffset(), check.tp, b.ProducerEpoch(), e.epoch)
}

func (e *producerEntry) checkSequence(b record.Batch, check appendCheck) error {
	first := b.BaseSequence()
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
func (e *producerEntry) addControl(b record.Batch, check appendCheck) error {
	reader, err := record.NewReader(b, 0)
	if err != nil {
		return err
	}
	defer reader.Close()
	var r record.Record
	if b.NumRecords() == 0 {
		return nil // the cleaner emptied it
	}
	if err := reader.Next(&r); err != nil {
		return err
	}
	marker, err := record.ParseMarker(r.Key, r.Value)
	if err != nil {
		if check.origin == OriginReplication {
			return nil // a kind of control record that says nothing of producers
		}
		return err
	}
	if err := e.checkEpoch(b, check); err != nil {
		return err
	}
	if e.coordinatorEpoch > marker.CoordinatorEpoch && check.origin != OriginReplication {
		return protocol.Errorf(protocol.TransactionCoordinatorFenced, "Invalid coordinator epoch for producerId %d at offset %d in partition %s: %d (zombie), %d (current)",
			e.id, b.BaseOffset(), check.tp, marker.CoordinatorEpoch, e.coordinatorEpoch)
	}
	e.setEpoch(b.ProducerEpoch())
	e.coordinatorEpoch = marker.CoordinatorEpoch
	e.txnFirstOffset = -1
	e.lastTimestamp = r.Timestamp
	return nil
}

// expired tells whether nothing was heard of the producer for too long. One with an open transaction stays.
func (e *producerEntry) expired(nowMs, expirationMs int64) bool {
	return e.txnFirstOffset < 0 && nowMs-e.lastTimestamp >= expirationMs
}
