package storage

import (
	"errors"

	"ottla.dev/ottla/internal/storage/compact"
)

// abortedForCleaning returns the aborted transactions that overlap a range of offsets.
func (l *Log) abortedForCleaning(from, upTo int64) ([]compact.AbortedTransaction, error) {
	aborted, err := l.AbortedTransactions(nil, from, upTo)
	list := make([]compact.AbortedTransaction, len(aborted))
	for i, t := range aborted {
		list[i] = compact.AbortedTransaction(t)
	}
	return list, err
}

// writeCleanedTransactions writes the transaction index of a cleaned segment, durably; none if it has no entries.
func (l *Log) writeCleanedTransactions(s *segment, aborted []compact.AbortedTransaction) error {
	if len(aborted) == 0 {
		return nil
	}
	if err := l.createTxnIndex(s); err != nil {
		return err
	}
	list := make([]AbortedTransaction, len(aborted))
	for i, t := range aborted {
		list[i] = AbortedTransaction(t)
	}
	if err := s.txn.Load().add(s.cache(), list); err != nil {
		return withoutCut(err)
	}
	return s.syncTxnIndex()
}

// withoutCut is for files that are removed after a failed write: that it could not be cut off says nothing.
func withoutCut(err error) error {
	if uncut, ok := errors.AsType[errUncut](err); ok {
		return uncut.error
	}
	return err
}

// createTxnIndex makes an empty transaction index, as createCleaned makes the other files.
func (l *Log) createTxnIndex(s *segment) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	x := newTxnIndex(s)
	file, err := s.cache().fs.Create(x.file.path())
	if err != nil {
		return err
	}
	x.file.adopt(s.cache(), file)
	x.loaded, x.lastOffset = true, s.base-1
	s.txn.Store(x)
	return nil
}
