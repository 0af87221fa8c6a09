package storage

import "slices"

// TruncateTo removes the batches from offset on. Where offset lies inside a batch the whole batch goes.
func (l *Log) TruncateTo(offset int64) error {
	l.flushMu.Lock() // a flush that is under way would take the marks away that say what is to be synced
	defer l.flushMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if offset >= l.LogEndOffset() {
		return l.dir.fail("truncating "+l.tp.String(), l.epochs.truncateFromEnd(l, l.LogEndOffset()))
	}
	if offset < l.HighWatermark() {
		l.logger.Warn("truncating below the high watermark", "partition", l.tp.String(), "offset", offset, "highWatermark", l.HighWatermark())
	}
	if offset < l.list()[0].base {
		return l.restart(offset)
	}
	return l.dir.fail("truncating "+l.tp.String(), l.truncate(offset))
}

func (l *Log) truncate(offset int64) error {
	list := l.list()
	keep := floor(list, offset) + 1
	l.truncations.Add(1)
	l.producers.unload() // a transaction whose marker goes is open again: until that is known nobody is told what is stable
	if err := l.distrust(list[keep-1].base); err != nil {
		return err
	}
	gone := slices.Clone(list[keep:])
	slices.Reverse(gone) // so that a crash between leaves a log without a gap
	l.retire(gone)
	l.setSegments(slices.Clone(list[:keep]))
	next, err := l.active().truncate(offset)
	if err != nil {
		return err
	}
	l.publish(next)
	lower := func(mark interface {
		Load() int64
		Store(int64)
	}) {
		mark.Store(min(mark.Load(), next))
	}
	lower(&l.durable)
	startMoved := next < l.LogStartOffset()
	lower(&l.startOffset)
	lower(&l.highWatermark)
	l.lowerCleaned(next)
	if err := l.producers.truncate(next); err != nil {
		return err
	}
	if err := l.syncCut(); err != nil {
		return err
	}
	if err := l.dir.writeCleanerOffsets(); err != nil { // where it says too much, records would stay for ever that others have replaced
		return err
	}
	if startMoved { // a start past the end would empty the log at the next opening
		if err := l.dir.writeCheckpoints(); err != nil {
			return err
		}
	}
	return l.epochs.truncateFromEnd(l, next)
}

// syncCut makes it durable that batches, segments and snapshots are gone: they must not come back after other batches have
// taken their offsets. As with every sync, a failure ends the directory.
func (l *Log) syncCut() error {
	err := l.active().syncBatches()
	if err == nil {
		l.newNames.Store(true)
		err = l.syncNames()
	}
	return l.dir.fail("syncing "+l.tp.String(), unsyncedError(err))
}

// distrust lowers the recovery point, on disk too, before batches are cut: a stale one would declare safe what is appended
// after the cut. If it cannot be written nothing is cut.
func (l *Log) distrust(offset int64) error {
	if l.recoveryPoint.Load() <= offset {
		return nil
	}
	l.recoveryPoint.Store(offset)
	return l.dir.writeCheckpoints()
}

// TruncateFullyAndStartAt removes everything; the log is empty then and begins at offset.
func (l *Log) TruncateFullyAndStartAt(offset int64) error {
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	return l.restart(offset)
}

func (l *Log) restart(offset int64) error {
	l.truncations.Add(1)
	if err := l.distrust(0); err != nil {
		return l.dir.fail("truncating "+l.tp.String(), err)
	}
	// In this order and at once, so that a crash between leaves a log without a gap; the names may be wanted again.
	old := l.list()
	for i := len(old) - 1; i >= 0; i-- {
		if err := l.removeFiles(old[i]); err != nil {
			return l.dir.fail("truncating "+l.tp.String(), err)
		}
	}
	fresh, err := l.createSegment(offset)
	if err != nil {
		return l.dir.fail("truncating "+l.tp.String(), err)
	}
	l.startOffset.Store(offset)
	l.lowerCleaned(neverCleaned)
	l.setSegments([]*segment{fresh})
	l.publish(offset)
	l.highWatermark.Store(offset)
	l.durable.Store(min(l.durable.Load(), offset))
	if err := l.producers.restart(); err != nil {
		return l.dir.fail("truncating "+l.tp.String(), err)
	}
	if err := l.syncCut(); err != nil {
		return err
	}
	if err := l.dir.writeCheckpoints(); err != nil {
		return l.dir.fail("truncating "+l.tp.String(), err)
	}
	return l.dir.fail("truncating "+l.tp.String(), l.epochs.clear(l))
}

// removeFiles removes a segment's files now.
func (l *Log) removeFiles(s *segment) error {
	s.close()
	for _, suffix := range []string{logSuffix, indexSuffix, timeIndexSuffix, txnIndexSuffix} {
		if err := ignoreMissing(l.fs().Remove(s.path(suffix))); err != nil {
			return err
		}
	}
	return nil
}
