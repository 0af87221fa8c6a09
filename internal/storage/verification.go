package storage

import (
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// VerificationGuard stands for one verification of a producer's transaction with its coordinator. A batch that begins a transaction
// in a partition comes with the guard that was given out when the verification began. Zero stands for none.
type VerificationGuard uint64

// verification is the question to a transaction coordinator whether a partition takes part in a producer's transaction. It stands from when it
// is first asked until the transaction begins in the partition, or is ended there.
type verification struct {
	guard             VerificationGuard
	startedMs         int64
	lowestSequence    int32 // of the batches that have waited for the answer: those after it must not be appended before it
	epoch             int16
	supportsEpochBump bool
}

// note takes a further batch into account that waits for the answer.
func (v *verification) note(epoch int16, sequence int32) {
	switch {
	case epoch > v.epoch:
		v.epoch, v.lowestSequence = epoch, sequence
	case epoch == v.epoch:
		v.lowestSequence = min(v.lowestSequence, sequence)
	}
}

// endedBy tells whether a transactional batch that is appended leaves nothing to verify. Under version 2 a marker ends the transaction before the
// one whose epoch it carries, which may be waiting already.
func (v *verification) endedBy(b record.Batch) bool {
	return !(v.supportsEpochBump && b.IsControl() && b.ProducerEpoch() == v.epoch)
}

// StartVerification is asked before a batch is appended that may begin a transaction. It returns the guard that goes with the batch once the
// transaction coordinator has confirmed that the partition takes part, 0 if the transaction is open already, so that nothing needs to be
// confirmed. supportsEpochBump tells that the producer speaks transactions of version 2.
func (l *Log) StartVerification(producerID int64, epoch int16, baseSequence int32, supportsEpochBump bool) (VerificationGuard, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.loadProducers(); err != nil {
		return 0, err
	}
	t := &l.producers
	if e := t.entries[producerID]; e != nil {
		if epoch < e.epoch {
			return 0, staleEpoch(producerID, epoch, e.epoch)
		}
		if e.inTransaction(epoch) {
			return 0, nil
		}
	}
	v, ok := t.verifications[producerID]
	if !ok {
		v = verification{
			guard: VerificationGuard(l.dir.manager.guards.Add(1)), startedMs: l.nowMs(), lowestSequence: baseSequence, epoch: epoch, supportsEpochBump: supportsEpochBump,
		}
		if t.verifications == nil {
			t.verifications = map[int64]verification{}
		}
	}
	v.note(epoch, baseSequence)
	t.verifications[producerID] = v
	return v.guard, nil
}

func staleEpoch(producerID int64, epoch, last int16) error {
	return protocol.Errorf(protocol.InvalidProducerEpoch, "Epoch of producer %d is %d, which is smaller than the last seen epoch %d", producerID, epoch, last)
}

// checkVerified refuses a batch of a transaction of which nobody has asked the coordinator: one that comes after its transaction was ended.
func (t *producerTable) checkVerified(b record.Batch, options AppendOptions) error {
	if options.Origin == OriginReplication || !b.IsTransactional() {
		return nil
	}
	id, epoch := b.ProducerID(), b.ProducerEpoch()
	if e := t.entries[id]; e != nil {
		if e.inTransaction(epoch) {
			return nil
		}
		if epoch < e.epoch {
			return staleEpoch(id, epoch, e.epoch)
		}
	}
	if b.IsControl() || t.log.dir.manager.options().SkipTransactionVerification {
		return nil
	}
	if v, ok := t.verifications[id]; !ok || options.Guard == 0 || options.Guard != v.guard {
		return protocol.Errorf(protocol.InvalidTxnState, "Record was not part of an ongoing transaction")
	}
	return nil
}

// HasOpenTransaction tells whether a producer has a transaction open in the partition.
func (l *Log) HasOpenTransaction(producerID int64) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.loadProducers(); err != nil {
		return false, err
	}
	e := l.producers.entries[producerID]
	return e != nil && e.txnFirstOffset >= 0, nil
}
