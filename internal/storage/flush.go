package storage

import (
	"errors"
	"fmt"
)

// Flush makes everything appended so far durable and moves the recovery point there.
func (l *Log) Flush() error {
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	return l.flush()
}

func (l *Log) flush() error {
	if err := l.dir.online(); err != nil {
		return err
	}
	truncations := l.truncations.Load()
	end := l.endMark()
	around := l.newAround.Swap(false)
	if end.offset <= l.recoveryPoint.Load() && !l.newNames.Load() && !around {
		return nil
	}
	// The batches last: with them go the names of all files, in one sync of the directory.
	err := l.syncAround(end)
	if err := l.syncBatches(end); err != nil {
		return err
	}
	if err != nil {
		l.newAround.Store(true)
		if l.isClosed() {
			return fmt.Errorf("%w: %s", ErrClosed, l.tp)
		}
		return l.dir.fail("syncing "+l.tp.String(), err) // a full disk has no room for a file; that passes
	}
	l.advance(&l.recoveryPoint, end.offset, truncations)
	l.dir.recoveryPoints.changed()
	return nil
}

// syncBatches makes the batches before an end durable, and the names of their files: what an acknowledged record needs to
// survive. The caller holds flushMu.
func (l *Log) syncBatches(end endMark) error {
	truncations := l.truncations.Load()
	list := l.list()
	for i := max(0, floor(list, l.DurableOffset())); i < len(list); i++ {
		if list[i].base > end.offset {
			break
		}
		if err := list[i].syncBatches(); err != nil && !list[i].removed.Load() {
			return l.syncFailed(err)
		}
	}
	if err := l.syncNames(); err != nil {
		return l.syncFailed(err)
	}
	if err := l.dir.syncNames(); err != nil {
		return err
	}
	l.advance(&l.durable, end.offset, truncations)
	return nil
}

// syncNames makes the names of the log's files durable.
func (l *Log) syncNames() error {
	l.namesMu.Lock()
	defer l.namesMu.Unlock()
	if !l.newNames.Swap(false) {
		return nil
	}
	err := l.fs().SyncDir(l.path())
	if err != nil {
		l.newNames.Store(true)
	}
	return unsyncedError(err)
}

// syncAround makes durable what goes with the batches: indexes, snapshots, leader epochs, the topic id. Names are left to syncNames.
func (l *Log) syncAround(end endMark) error {
	list := l.list()
	for i := firstUnflushed(list, l.recoveryPoint.Load()); i < len(list) && list[i].base <= end.offset; i++ {
		if err := errors.Join(list[i].syncIndexes(), list[i].syncTxnIndex()); err != nil && !list[i].removed.Load() {
			return err
		}
	}
	if err := l.syncSnapshots(); err != nil {
		return err
	}
	written, err := l.epochs.sync(l, end.offset)
	if written {
		l.newNames.Store(true)
	}
	if err != nil || !l.newMetadata.Swap(false) {
		return err
	}
	err = writePartitionMetadata(l.fs(), l.path(), l.TopicID(), contentsSynced)
	if err != nil {
		l.newMetadata.Store(true)
	}
	l.newNames.Store(true)
	return err
}

// firstUnflushed returns the index of the first segment whose indexes may not be durable although the batches below the
// recovery point are: that of the last of those batches. Its indexes are completed when the next segment begins, and that
// may begin just at the recovery point.
func firstUnflushed(list []*segment, recoveryPoint int64) int {
	return max(0, floor(list, recoveryPoint-1))
}

// syncFailed handles an error while batches are synced.
func (l *Log) syncFailed(err error) error {
	if l.isClosed() { // deleted while it was being flushed
		return fmt.Errorf("%w: %s", ErrClosed, l.tp)
	}
	return l.dir.fail("syncing "+l.tp.String(), unsyncedError(err))
}

func (l *Log) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// advance moves a mark forward, unless the log has been truncated since the end was taken.
func (l *Log) advance(mark interface {
	Load() int64
	Store(int64)
}, offset int64, truncations uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.truncations.Load() == truncations && offset > mark.Load() {
		mark.Store(offset)
	}
}
