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

// loadProducers makes sure that the producers' state is there. The caller holds mu.
func (l *Log) loadProducers() error {
	if err := l.usable(); err != nil {
		return err
	}
	return l.dir.failUnlessRefused("reading the producers' state of", l, l.producers.load(l.LogEndOffset()))
}
