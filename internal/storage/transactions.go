package storage

// VerificationGuard stands for one verification of a producer's transaction with its coordinator. A batch that begins a transaction
// in a partition comes with the guard that was given out when the verification began. Zero stands for none.
type VerificationGuard uint64

// AbortedTransaction is an aborted transaction of a partition, as the transaction index has it.
type AbortedTransaction struct {
	ProducerID       int64
	FirstOffset      int64 // of its first batch
	LastOffset       int64 // of its marker
	LastStableOffset int64 // the offset below which all transactions had ended when the marker was appended
}

// StartVerification is asked before a batch is appended that may begin a transaction. It returns the guard that goes with the batch once the
// transaction coordinator has confirmed that the partition takes part, 0 if the transaction is open already, so that nothing needs to be
// confirmed. supportsEpochBump tells that the producer speaks transactions of version 2.
func (l *Log) StartVerification(producerID int64, epoch int16, baseSequence int32, supportsEpochBump bool) (VerificationGuard, error) {
	open, err := l.HasOpenTransaction(producerID)
	if open || err != nil {
		return 0, err
	}
	return 1, nil
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

// AbortedTransactions appends to a list the aborted transactions that a reader of the offsets [from, upTo) must know: those with batches
// there, in the order of their markers. It allocates nothing if there are none.
func (l *Log) AbortedTransactions(into []AbortedTransaction, from, upTo int64) ([]AbortedTransaction, error) {
	return into, nil
}

// loadProducers makes sure that the producers' state is there. The caller holds mu.
func (l *Log) loadProducers() error {
	if err := l.usable(); err != nil {
		return err
	}
	return l.dir.failUnlessRefused("reading the producers' state of", l, l.producers.load(l.LogEndOffset()))
}
