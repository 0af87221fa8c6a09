package storage

import "slices"

// TruncateTo removes the batches from offset on. Where offset lies inside a batch the whole batch goes.
func (l *Log) TruncateTo(offset int64) error {
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
	l.retire(list[keep:])
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
	lower(&l.recoveryPoint)
	lower(&l.durable)
	lower(&l.startOffset)
	lower(&l.highWatermark)
	if err := l.active().syncBatches(); err != nil { // what was cut must not come back with other batches before it
		return err
	}
	// Now, not with the next round: a stale recovery point would declare safe what is appended from here on.
	if err := l.dir.writeCheckpoints(); err != nil {
		return err
	}
	if err := l.epochs.truncateFromEnd(l, next); err != nil {
		return err
	}
	return l.producers.truncate(next)
}

// TruncateFullyAndStartAt removes everything; the log is empty then and begins at offset.
func (l *Log) TruncateFullyAndStartAt(offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	return l.restart(offset)
}

func (l *Log) restart(offset int64) error {
	l.truncations.Add(1)
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
	l.setSegments([]*segment{fresh})
	l.publish(offset)
	l.highWatermark.Store(offset)
	l.recoveryPoint.Store(min(l.recoveryPoint.Load(), offset))
	l.durable.Store(min(l.durable.Load(), offset))
	if err := l.dir.writeCheckpoints(); err != nil {
		return l.dir.fail("truncating "+l.tp.String(), err)
	}
	if err := l.epochs.clear(l); err != nil {
		return l.dir.fail("truncating "+l.tp.String(), err)
	}
	return l.dir.fail("truncating "+l.tp.String(), l.producers.restart())
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
