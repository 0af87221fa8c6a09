package storage

// AbortedTransactions appends to a list the aborted transactions that a reader of the slice must know who starts at an offset: as Apache Kafka, those that
// overlap with what lies between that and the next index entry after the slice. It asks the very segments that the slice was read from, whatever
// the cleaner has put in their place meanwhile. It allocates nothing if there are none.
func (s *Slice) AbortedTransactions(into []AbortedTransaction, from int64) ([]AbortedTransaction, error) {
	if s.segment == nil || !anyTxnIndex(s.after) {
		return into, nil
	}
	upTo, err := s.upperBound()
	if err == nil {
		into, err = abortedIn(s.after, into, from, upTo)
	}
	if err != nil {
		return into, s.segment.log.readError(from, err)
	}
	return into, nil
}

func anyTxnIndex(list []*segment) bool {
	for _, s := range list {
		if s.txn.Load() != nil {
			return true
		}
	}
	return false
}

// upperBound returns an offset after the last batch of the slice: that of the next index entry, the next segment's first, or the log's end.
func (s *Slice) upperBound() (int64, error) {
	offset, ok, err := s.segment.entryFrom(s.position + int64(s.sizeBytes))
	if err != nil && isGone(err) && s.segment.removed.Load() {
		err = nil // a bound that is further off only makes the list longer
	}
	switch {
	case ok || err != nil:
		return offset, err
	case len(s.after) > 1:
		return s.after[1].base, nil
	}
	return s.segment.log.LogEndOffset(), nil
}

// entryFrom returns the offset of the first index entry that points to a position or after it.
func (s *segment) entryFrom(position int64) (offset int64, ok bool, err error) {
	if err := s.loadIndexes(); err != nil {
		return 0, false, err
	}
	x := &s.offsets
	x.mu.Lock()
	defer x.mu.Unlock()
	found, err := x.search(s.cache(), func(entry []byte) bool { return entryPosition(entry) < position })
	n := found.n
	if err != nil || n == x.count() {
		return 0, false, err
	}
	var entry [offsetEntryBytes]byte
	if err := x.entry(s.cache(), n, entry[:]); err != nil {
		return 0, false, err
	}
	if n == 0 && entryPosition(entry[:]) == position {
		// Apache Kafka's search passes over a first entry that fits exactly. The list gets no worse by it, and is the same.
		if n = 1; n == x.count() {
			return 0, false, nil
		}
		if err := x.entry(s.cache(), n, entry[:]); err != nil {
			return 0, false, err
		}
	}
	return s.base + relativeOffset(entry[:]), true, nil
}

// entry copies an entry that there is.
func (x *indexFile) entry(cache *fileCache, n int, into []byte) error {
	if n >= x.stored {
		copy(into, x.pending[(n-x.stored)*x.entryBytes:])
		return nil
	}
	file, err := x.file.acquire(cache)
	if err != nil {
		return err
	}
	defer x.file.release()
	buffer := probePool.Get().(*[probeBytes]byte)
	defer probePool.Put(buffer)
	if err := readFull(file, buffer[:x.entryBytes], int64(n*x.entryBytes)); err != nil {
		return err
	}
	copy(into, buffer[:x.entryBytes])
	return nil
}
