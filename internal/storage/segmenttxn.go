package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// txnIndex returns the segment's transaction index, read and checked; nil if no transaction was aborted there. One that is damaged is made anew
// from the batches.
func (s *segment) txnIndex() (*txnIndex, error) {
	x := s.txn.Load()
	if x == nil {
		return nil, nil
	}
	err := x.load(s.cache())
	if err == nil || !isDamage(err) {
		return x, err
	}
	return s.rebuildTxnIndex(x, s.log.LogEndOffset(), err)
}

// rebuildTxnIndex replaces an index that does not make sense, in a log that ends at an offset. Whoever wants to append to it comes through here too, so that the batches that it is made
// from do not get a further marker meanwhile.
func (s *segment) rebuildTxnIndex(old *txnIndex, logEndOffset int64, reason error) (*txnIndex, error) {
	l := s.log
	l.txnMu.Lock()
	defer l.txnMu.Unlock()
	if x := s.txn.Load(); x != old {
		return x, x.load(s.cache()) // somebody else has done it
	}
	if old != nil {
		l.logger.Warn("rebuilding the transaction index of a segment", "segment", s.path(logSuffix), "reason", reason)
	}
	upTo, list := logEndOffset, l.list()
	if i := slices.Index(list, s); i >= 0 && i+1 < len(list) {
		upTo = list[i+1].base
	}
	data := []byte{}
	err := l.abortedSince(s.base, upTo, func(t AbortedTransaction) error {
		data = AppendTransactionIndexEntry(data, t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if old == nil && len(data) == 0 {
		return nil, nil
	}
	if err := s.replaceTxnIndex(data); err != nil {
		return nil, err
	}
	x := newTxnIndex(s)
	if err := x.load(s.cache()); err != nil {
		return nil, err
	}
	s.txn.Store(x)
	if old != nil {
		old.file.close(s.cache())
	}
	return x, nil
}

// replaceTxnIndex writes the index file all at once and durably: a part of it would look sound. It does not for a segment that has been taken out
// of the log, whose name another may have by now.
func (s *segment) replaceTxnIndex(data []byte) error {
	s.file.mu.Lock() // whoever takes the segment out waits
	defer s.file.mu.Unlock()
	if s.removed.Load() || s.file.closed.Load() {
		return fmt.Errorf("%w: %s has been removed", ErrClosed, s.path(txnIndexSuffix))
	}
	return replaceFile(s.log.fs(), s.log.path(), fileName(s.base, txnIndexSuffix), data, synced)
}

// errRecovered: the segment has been recovered although it should not have needed it.
var errRecovered = errors.New("nothing about the segment is certain")

// abortedSince finds, in the batches below an offset, the aborted transactions whose markers lie at or after another. It starts at the newest
// producer snapshot that is not past that, for a transaction may have begun long before its marker. It can be called without the log's lock.
func (l *Log) abortedSince(from, upTo int64, visit func(AbortedTransaction) error) error {
	entries, err := l.fs().ReadDir(l.path())
	if err != nil {
		return err
	}
	var snapshots []int64
	for _, e := range entries {
		if offset, suffix, ok := parseFileName(e.Name); ok && suffix == snapshotSuffix {
			snapshots = append(snapshots, offset)
		}
	}
	slices.Sort(snapshots)
	set, start, err := l.producersFrom(snapshots, from, func(int64) error { return nil })
	if err != nil {
		return err
	}
	return l.replay(&set, start, upTo, func(e endedTransaction) error {
		stable := set.stableAfter(e)
		set.end(e)
		set.ended = set.ended[:0]
		if !e.aborted || e.lastOffset < from {
			return nil
		}
		return visit(AbortedTransaction{e.producerID, e.firstOffset, e.lastOffset, stable})
	})
}

// addAborted appends to the transaction index, which it makes if there is none. The caller holds the log.
func (s *segment) addAborted(list []AbortedTransaction) error {
	x, err := s.txnIndex()
	if err != nil {
		return err
	}
	if x != nil {
		return x.add(s.cache(), list)
	}
	x = newTxnIndex(s)
	file, err := s.cache().fs.Create(x.file.path())
	s.log.newNames.Store(true)
	if err != nil {
		return err
	}
	x.file.adopt(s.cache(), file)
	x.loaded, x.lastOffset = true, s.base-1
	s.txn.Store(x)
	return x.add(s.cache(), list)
}

// truncateTxnIndex removes what the index tells of markers from an offset on.
func (s *segment) truncateTxnIndex(offset int64) error {
	x, err := s.txnIndex()
	if x == nil || err != nil {
		return err
	}
	s.log.newAround.Store(true)
	return x.truncate(s.cache(), offset)
}

// syncTxnIndex makes the transaction index durable.
func (s *segment) syncTxnIndex() error {
	if x := s.txn.Load(); x != nil {
		return x.sync(s.cache())
	}
	return nil
}

// recoverTransactions brings the transaction indexes to what the batches say from an offset on. What speaks of markers before it is on stable storage, and
// stays as it is: made anew, a second power cut might take it. markers tells that there are markers from there on.
func (l *Log) recoverTransactions(from, end int64, markers bool) error {
	list := l.list()
	rebuilt := map[*segment]bool{}
	for _, s := range list[max(0, floor(list, from)):] {
		x := s.txn.Load()
		if x == nil {
			continue
		}
		err := x.load(l.dir.cache)
		if err != nil && isDamage(err) { // most likely by the crash, at its end; but what if not
			rebuilt[s] = true
			if _, err = s.rebuildTxnIndex(x, end, err); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			err = x.truncate(l.dir.cache, from)
		}
		if err != nil {
			return err
		}
		l.newAround.Store(true)
	}
	if !markers {
		return nil
	}
	return l.abortedSince(from, end, func(t AbortedTransaction) error {
		s := list[floor(list, t.LastOffset)]
		if rebuilt[s] {
			return nil
		}
		return s.addAborted([]AbortedTransaction{t})
	})
}

// AbortedTransactions appends to a list the aborted transactions that a reader of the offsets [from, upTo) must know: those with batches
// there, in the order of their markers. It allocates nothing if there are none.
func (l *Log) AbortedTransactions(into []AbortedTransaction, from, upTo int64) ([]AbortedTransaction, error) {
	before := len(into)
	for {
		seen := l.segments.Load()
		list := *seen
		into, err := abortedIn(list[max(0, floor(list, from)):], into[:before], from, upTo)
		switch {
		case err == nil:
			return into, nil
		case !l.overtaken(seen, err):
			return into, l.readError(from, err)
		}
	}
}

// abortedIn asks one segment after the other, until one knows that no later one has more.
func abortedIn(list []*segment, into []AbortedTransaction, from, upTo int64) ([]AbortedTransaction, error) {
	for _, s := range list {
		x, err := s.txnIndex()
		complete := false
		if x != nil && err == nil {
			into, complete, err = x.collect(s.cache(), into, from, upTo)
		}
		if errors.Is(err, fs.ErrNotExist) && s.removed.Load() {
			err = fmt.Errorf("%w: %s has been removed", ErrClosed, s.path(txnIndexSuffix))
		}
		if complete || err != nil {
			return into, err
		}
	}
	return into, nil
}
