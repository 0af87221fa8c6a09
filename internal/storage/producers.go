package storage

import (
	"errors"
	"io/fs"
	"math"
	"slices"
	"sync"

	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// producerTable is the state of all producers of a log. It stays on disk until a producer or somebody who asks needs it:
// then it is the newest snapshot, and what the batches after it say. The log's lock guards it, except where mu does.
type producerTable struct {
	log       *Log
	loaded    bool
	snapshots []int64 // the offsets of the snapshot files, ascending
	unsynced  []int64 // those of them that are not yet on stable storage
	staged    []stagedProducer

	mu      sync.Mutex // guards entries against ActiveProducers
	entries map[int64]*producerEntry
}

// stagedProducer is a producer's state as it will be once the present append is written.
type stagedProducer struct {
	producerEntry
	fresh bool
}

// stage checks the batches of an append against the producers' state, without changing it. It returns the remembered batch
// if the append is a repetition.
func (t *producerTable) stage(batches []byte, origin Origin) (duplicate batchMetadata, isDuplicate bool, err error) {
	t.staged = t.staged[:0]
	for rest := batches; len(rest) > 0; {
		b := record.Batch(rest)
		b = b[:b.Size():b.Size()]
		rest = rest[len(b):]
		if !b.HasProducerID() {
			continue
		}
		if err := t.load(t.log.LogEndOffset()); err != nil {
			return duplicate, false, err
		}
		if current := t.entries[b.ProducerID()]; current != nil && origin == OriginClient {
			if m, ok := current.duplicate(b); ok {
				return m, true, nil
			}
		}
		s := t.stagedFor(b.ProducerID())
		if err := s.add(b, appendCheck{t.log.tp, origin, s.fresh}); err != nil {
			return duplicate, false, err
		}
	}
	return duplicate, false, nil
}

func (t *producerTable) stagedFor(id int64) *stagedProducer {
	for i := range t.staged {
		if t.staged[i].id == id {
			return &t.staged[i]
		}
	}
	if current := t.entries[id]; current != nil {
		t.staged = append(t.staged, stagedProducer{producerEntry: *current, fresh: current.epoch == record.NoProducerEpoch})
	} else {
		t.staged = append(t.staged, stagedProducer{producerEntry: newProducerEntry(id), fresh: true})
	}
	return &t.staged[len(t.staged)-1]
}

// commit takes over what stage prepared.
func (t *producerTable) commit() {
	if len(t.staged) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.staged {
		s := &t.staged[i]
		current := t.entries[s.id]
		if current == nil {
			current = new(producerEntry)
			t.entries[s.id] = current
		}
		*current = s.producerEntry
	}
}

// load brings the state up to an offset.
func (t *producerTable) load(upTo int64) error {
	if t.loaded {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	entries, from, err := t.newestSnapshot(upTo)
	if err != nil {
		return err
	}
	if err := t.replay(entries, from, upTo); err != nil {
		return err
	}
	t.entries, t.loaded = entries, true
	return nil
}

// newestSnapshot returns where replay begins: after the newest sound snapshot, or at the first batch. Batches below the log start
// offset count as long as they are there: the producers' state in memory did not forget them either.
//
// It returns the producers of the newest sound snapshot that is not past an offset. Damaged ones are removed.
func (t *producerTable) newestSnapshot(upTo int64) (entries map[int64]*producerEntry, offset int64, err error) {
	entries = map[int64]*producerEntry{}
	nowMs, expirationMs := t.log.nowMs(), t.log.dir.manager.producerExpirationMs()
	for i := len(t.snapshots) - 1; i >= 0; i-- {
		offset := t.snapshots[i]
		if offset > upTo {
			continue
		}
		list, err := ReadProducerSnapshot(t.log.fs(), t.log.file(offset, snapshotSuffix))
		if errors.Is(err, ErrCorrupt) || errors.Is(err, fs.ErrNotExist) {
			t.log.logger.Warn("a producer snapshot is damaged; an older one and the log are used instead", "error", err)
			if err := t.removeSnapshots(offset, offset); err != nil {
				return nil, 0, err
			}
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		for i := range list {
			if e := list[i].entry(); !e.expired(nowMs, expirationMs) {
				entries[e.id] = e
			}
		}
		return entries, offset, nil
	}
	return entries, t.log.list()[0].base, nil
}

// replay adds what the batches from an offset on say.
func (t *producerTable) replay(entries map[int64]*producerEntry, from, upTo int64) error {
	return t.log.scan(from, upTo, func(scan *batchScan) error {
		b := scan.header
		if !b.HasProducerID() {
			return nil
		}
		if b.IsControl() {
			whole, _, err := scan.whole(nil)
			if err != nil {
				return err
			}
			b = whole
		}
		e := entries[b.ProducerID()]
		if e == nil {
			fresh := newProducerEntry(b.ProducerID())
			e = &fresh
			entries[e.id] = e
		}
		return e.add(b, appendCheck{tp: t.log.tp, origin: OriginReplication})
	})
}

// snapshot writes the state, which must be that at an offset, unless there is a snapshot of it already.
func (t *producerTable) snapshot(offset int64, want durability) error {
	if n := len(t.snapshots); n > 0 && t.snapshots[n-1] >= offset {
		return nil
	}
	if offset == 0 {
		return nil
	}
	if err := t.load(offset); err != nil {
		return err
	}
	data := appendSnapshot(nil, t.sorted())
	if err := replaceFile(t.log.fs(), t.log.path(), fileName(offset, snapshotSuffix), data, want); err != nil {
		return err
	}
	t.snapshots = append(t.snapshots, offset)
	if want == unsynced {
		t.unsynced = append(t.unsynced, offset)
	}
	return nil
}

// syncSnapshots makes durable what snapshot has written unsynced. It is called with the log's flushMu, not with its lock.
func (l *Log) syncSnapshots() error {
	l.mu.Lock()
	offsets := l.producers.unsynced
	l.producers.unsynced = nil
	l.mu.Unlock()
	for i, offset := range offsets {
		if err := syncFile(l.fs(), l.file(offset, snapshotSuffix)); err != nil {
			l.mu.Lock()
			l.producers.unsynced = append(l.producers.unsynced, offsets[i:]...)
			l.mu.Unlock()
			return err
		}
	}
	return nil
}

// syncFile makes a file durable that may have been removed meanwhile.
func syncFile(fs vfs.FS, name string) error {
	file, err := fs.OpenReadWrite(name)
	if err != nil {
		return ignoreMissing(err)
	}
	return errors.Join(unsyncedError(file.Sync()), file.Close())
}

// removeTorn removes the snapshots that a crash has left incomplete: those from the recovery point on may be.
func (t *producerTable) removeTorn(recoveryPoint int64) error {
	for _, offset := range slices.Clone(t.snapshots) {
		if offset < recoveryPoint {
			continue
		}
		_, err := ReadProducerSnapshot(t.log.fs(), t.log.file(offset, snapshotSuffix))
		if errors.Is(err, ErrCorrupt) {
			err = t.removeSnapshots(offset, offset)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *producerTable) sorted() []*producerEntry {
	list := make([]*producerEntry, 0, len(t.entries))
	for _, e := range t.entries {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *producerEntry) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return list
}

// removeSnapshots removes the snapshots from one offset to another.
func (t *producerTable) removeSnapshots(from, to int64) error {
	var failed error
	t.snapshots = slices.DeleteFunc(t.snapshots, func(offset int64) bool {
		if offset < from || offset > to {
			return false
		}
		failed = errors.Join(failed, ignoreMissing(t.log.fs().Remove(t.log.file(offset, snapshotSuffix))))
		return true
	})
	return failed
}

// truncate forgets what came at or after an offset.
func (t *producerTable) truncate(offset int64) error {
	t.unload()
	return t.removeSnapshots(offset+1, math.MaxInt64)
}

// unload gives the memory back. The state is read again when it is needed.
func (t *producerTable) unload() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loaded, t.entries, t.staged = false, nil, nil
}

// restart forgets everything: the log begins anew.
func (t *producerTable) restart() error {
	t.mu.Lock()
	t.loaded, t.entries = true, map[int64]*producerEntry{}
	t.mu.Unlock()
	return t.removeSnapshots(0, math.MaxInt64)
}

// expire forgets producers of whom nothing was heard for long.
func (t *producerTable) expire(nowMs, expirationMs int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, e := range t.entries {
		if e.expired(nowMs, expirationMs) {
			delete(t.entries, id)
		}
	}
}

func (t *producerTable) states() []ProducerState {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]ProducerState, 0, len(t.entries))
	for _, e := range t.sorted() {
		list = append(list, ProducerState{
			ProducerID: e.id, ProducerEpoch: e.epoch, LastSequence: e.lastSequence(), LastTimestamp: e.lastTimestamp,
			CoordinatorEpoch: e.coordinatorEpoch, CurrentTxnFirstOffset: e.txnFirstOffset,
		})
	}
	return list
}

// removeStray removes the snapshots that are of no use: past the end of the log, or neither the newest nor at the start of
// a segment.
func (t *producerTable) removeStray(logEndOffset int64) error {
	if len(t.snapshots) == 0 {
		return nil
	}
	if err := t.removeAfter(logEndOffset); err != nil {
		return err
	}
	bases := map[int64]bool{}
	for _, s := range t.log.list() {
		bases[s.base] = true
	}
	for _, offset := range slices.Clone(t.snapshots) {
		if !bases[offset] && offset != t.snapshots[len(t.snapshots)-1] {
			if err := t.removeSnapshots(offset, offset); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeAfter removes the snapshots past an offset.
func (t *producerTable) removeAfter(offset int64) error {
	return t.removeSnapshots(offset+1, math.MaxInt64)
}
