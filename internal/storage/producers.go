package storage

import (
	"errors"
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
	begun     []openTransaction  // by the present append
	finished  []endedTransaction // by the present append
	aborted   []AbortedTransaction

	verifications map[int64]verification

	mu sync.Mutex // guards the entries against ActiveProducers
	producerSet
}

// stagedProducer is a producer's state as it will be once the present append is written.
type stagedProducer struct {
	producerEntry
	fresh    bool
	empty    bool
	verified bool // the append leaves nothing to verify
}

// stage checks the batches of an append against the producers' state, without changing it. It returns the remembered batch
// if the append is a repetition.
func (t *producerTable) stage(batches []byte, options AppendOptions) (duplicate batchMetadata, isDuplicate bool, err error) {
	t.staged, t.begun, t.finished = t.staged[:0], t.begun[:0], t.finished[:0]
	for rest := batches; len(rest) > 0; {
		b := record.Batch(rest)
		b = b[:b.Size():b.Size()]
		rest = rest[len(b):]
		if !b.HasProducerID() {
			continue
		}
		if err := t.load(t.log.endOffset()); err != nil {
			return duplicate, false, err
		}
		if current := t.entries[b.ProducerID()]; current != nil && options.Origin == OriginClient {
			if m, ok := current.duplicate(b); ok {
				return m, true, nil
			}
		}
		if err := t.checkVerified(b, options); err != nil {
			return duplicate, false, err
		}
		if err := t.stageBatch(b, options); err != nil {
			return duplicate, false, err
		}
	}
	return duplicate, false, nil
}

func (t *producerTable) stageBatch(b record.Batch, options AppendOptions) error {
	s := t.stagedFor(b.ProducerID())
	check := appendCheck{tp: t.log.tp, origin: options.Origin, transactionVersion: options.TransactionVersion, fresh: s.fresh, empty: s.empty}
	waiting, ok := t.verifications[b.ProducerID()]
	if ok && !s.verified {
		check.waiting = waiting
	}
	change, err := s.add(b, check)
	if err != nil {
		return err
	}
	if change.begun {
		t.begun = append(t.begun, openTransaction{s.id, change.first})
	}
	if change.ended {
		t.finished = append(t.finished, endedTransaction{openTransaction{s.id, change.first}, b.BaseOffset(), change.aborted})
	}
	if b.IsTransactional() && ok && waiting.endedBy(b) {
		s.verified = true
	}
	return nil
}

func (t *producerTable) stagedFor(id int64) *stagedProducer {
	for i := range t.staged {
		if t.staged[i].id == id {
			return &t.staged[i]
		}
	}
	if current := t.entries[id]; current != nil {
		t.staged = append(t.staged, stagedProducer{producerEntry: *current, fresh: current.epoch == record.NoProducerEpoch, empty: current.count == 0})
	} else {
		t.staged = append(t.staged, stagedProducer{producerEntry: newProducerEntry(id), fresh: true, empty: true})
	}
	return &t.staged[len(t.staged)-1]
}

// settle moves the transactions on as stage found, and returns those that were aborted, for the transaction index. If they cannot be written
// there, the state must be unloaded.
func (t *producerTable) settle() []AbortedTransaction {
	for _, b := range t.begun {
		t.begin(b.producerID, b.firstOffset)
	}
	t.aborted = t.aborted[:0]
	for _, e := range t.finished {
		if e.aborted {
			t.aborted = append(t.aborted, AbortedTransaction{e.producerID, e.firstOffset, e.lastOffset, t.stableAfter(e)})
		}
		t.end(e)
	}
	return t.aborted
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
		if s.verified {
			delete(t.verifications, s.id)
		}
	}
	if len(t.begun)+len(t.finished) > 0 {
		t.log.noteUnstable()
	}
}

// load brings the state up to an offset, the end of the log.
func (t *producerTable) load(upTo int64) error {
	if t.loaded {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	set, from, err := t.log.producersFrom(t.snapshots, upTo, func(offset int64) error { return t.removeSnapshots(offset, offset) })
	if err != nil {
		return err
	}
	if err := t.log.replay(&set, from, upTo, func(e endedTransaction) error { set.end(e); return nil }); err != nil {
		return err
	}
	set.acknowledge(t.log.HighWatermark())
	t.producerSet, t.loaded = set, true
	t.log.noteUnstable()
	return nil
}

// loadProducers makes sure that the producers' state is there. The caller holds mu.
func (l *Log) loadProducers() error {
	if err := l.usable(); err != nil {
		return err
	}
	if err := l.producers.load(l.endOffset()); err != nil {
		return l.dir.failUnlessRefused("reading the producers' state of", l, err)
	}
	return nil
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
	t.loaded, t.producerSet, t.staged = false, producerSet{}, nil
	t.log.firstUnstable.Store(unknownUnstable)
	t.log.markersAhead.Store(false)
}

// restart forgets everything: the log begins anew.
func (t *producerTable) restart() error {
	t.mu.Lock()
	t.loaded, t.producerSet = true, newProducerSet()
	t.log.noteUnstable()
	t.mu.Unlock()
	return t.removeSnapshots(0, math.MaxInt64)
}

// expire forgets producers of whom nothing was heard for long, and verifications that nobody has used.
func (t *producerTable) expire(nowMs, expirationMs int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, e := range t.entries {
		if e.expired(nowMs, expirationMs) {
			delete(t.entries, id)
		}
	}
	for id, v := range t.verifications {
		if nowMs-v.startedMs >= expirationMs {
			delete(t.verifications, id)
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
