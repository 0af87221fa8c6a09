package storage

import (
	"errors"
	"io/fs"
	"maps"
	"math"
	"slices"

	"ottla.dev/ottla/internal/record"
)

// txnCheck replays a partition's batches and holds its transaction indexes and producer snapshots against what they say. Where the cleaner has
// been, or where the state before the first segment is not known, less can be proven. So it is of transactions that began before the first segment: a power
// cut may have taken what the broker knew of them, while an older snapshot still tells of it.
type txnCheck struct {
	*checker
	dir       string
	first     int64 // the first segment's base
	exact     bool  // every batch since some known state has been seen
	set       producerSet
	snapshots []int64 // those that are still to be compared
	next      int64
	written   map[int64]bool // the producers of whom a batch was seen

	aborted []AbortedTransaction // of the present segment
	aborts  map[int64]int64      // the present segment's abort markers: offset, producer
}

// newTxnCheck begins at the first segment, with the snapshot that belongs to its start.
func (c *checker) newTxnCheck(dir string, first int64, snapshots []int64) *txnCheck {
	t := &txnCheck{checker: c, dir: dir, first: first, next: first, exact: first == 0, set: newProducerSet(), written: map[int64]bool{}}
	for _, offset := range snapshots {
		switch {
		case offset > first:
			t.snapshots = append(t.snapshots, offset)
		case offset == first:
			if list, err := ReadProducerSnapshot(c.fs, join(dir, fileName(offset, snapshotSuffix))); err == nil {
				t.set.take(list, 0, math.MaxInt64)
				t.exact = true
			}
		}
	}
	slices.Sort(t.snapshots)
	return t
}

func (t *txnCheck) beginSegment() { t.aborted, t.aborts = nil, map[int64]int64{} }

// batch takes a whole batch into account.
func (t *txnCheck) batch(b record.Batch) error {
	if b.BaseOffset() != t.next || int64(b.NumRecords()) != int64(b.LastOffsetDelta())+1 {
		t.exact = false
	}
	if err := t.compareSnapshots(b.BaseOffset()); err != nil {
		return err
	}
	t.next = b.NextOffset()
	if !b.HasProducerID() {
		return nil
	}
	m, _, isMarker, err := b.Marker()
	if err != nil {
		t.wrong(t.dir, -1, "the control batch at offset %d cannot be read: %v", b.BaseOffset(), err)
		t.exact = false
		return nil
	}
	t.written[b.ProducerID()] = true
	if isMarker && m.Type == record.ControlAbort {
		t.aborts[b.BaseOffset()] = b.ProducerID()
	}
	e, isEnd, err := t.set.apply(b, TopicPartition{})
	if err != nil || !isEnd {
		return err
	}
	stable := t.set.stableAfter(e)
	t.set.end(e)
	t.set.ended = t.set.ended[:0]
	if e.aborted {
		t.aborted = append(t.aborted, AbortedTransaction{e.producerID, e.firstOffset, e.lastOffset, stable})
	}
	return nil
}

// endSegment compares the transaction index of the segment whose batches have been seen.
func (t *txnCheck) endSegment(base int64) error {
	name := join(t.dir, fileName(base, txnIndexSuffix))
	list, err := ReadTransactionIndex(t.fs, name, base)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if errors.Is(err, ErrCorrupt) {
		t.wrong(name, int64(len(list))*txnEntryBytes, "%v", err)
		return nil
	}
	if err != nil {
		return err
	}
	missing := map[int64]AbortedTransaction{} // by the offset of the marker
	for _, a := range t.aborted {
		missing[a.LastOffset] = a
	}
	for i, a := range list {
		want, ok := missing[a.LastOffset]
		delete(missing, a.LastOffset)
		position := int64(i) * txnEntryBytes
		id, isAbort := t.aborts[a.LastOffset]
		switch {
		case ok && t.exact && want.FirstOffset >= t.first && want.LastStableOffset >= t.first && a != want:
			t.wrong(name, position, "it says %+v, and the batches say %+v", a, want)
		case ok && (a.ProducerID != want.ProducerID || a.FirstOffset > want.FirstOffset):
			t.wrong(name, position, "it says %+v, and the batches say at least %+v", a, want)
		case !ok && t.exact, !ok && isAbort && id != a.ProducerID, a.LastOffset >= t.next:
			t.wrong(name, position, "it says %+v, and no transaction was aborted there", a)
		}
	}
	for _, offset := range slices.Sorted(maps.Keys(missing)) {
		if missing[offset].FirstOffset < t.first {
			continue
		}
		t.wrong(name, -1, "%+v is missing: its records are shown to those who read committed ones", missing[offset])
	}
	return nil
}

// compareSnapshots compares the snapshots up to an offset, at which a batch begins.
func (t *txnCheck) compareSnapshots(offset int64) error {
	for len(t.snapshots) > 0 && t.snapshots[0] <= offset {
		at := t.snapshots[0]
		t.snapshots = t.snapshots[1:]
		if at < t.next {
			continue // inside a batch: of before a truncation or a cleaning
		}
		name := join(t.dir, fileName(at, snapshotSuffix))
		list, err := ReadProducerSnapshot(t.fs, name)
		switch {
		case errors.Is(err, ErrCorrupt):
			continue // told of where it was listed
		case err != nil:
			return err
		case t.exact:
			t.compareSnapshot(name, list)
		}
	}
	return nil
}

func (t *txnCheck) compareSnapshot(name string, list []SnapshotEntry) {
	open := map[int64]int64{}
	for _, o := range t.set.open {
		open[o.producerID] = o.firstOffset
	}
	for i := range list {
		s := &list[i]
		e := t.set.entries[s.ProducerID]
		if first, ok := open[s.ProducerID]; ok && first >= t.first && first != s.CurrentTxnFirstOffset || !ok && s.CurrentTxnFirstOffset >= t.first && e != nil {
			t.wrong(name, -1, "the transaction of producer %d begins at offset %d, and the batches say %d (-1: none is open)", s.ProducerID, s.CurrentTxnFirstOffset, e.txnFirstOffset)
		}
		delete(open, s.ProducerID)
		written := t.written[s.ProducerID]
		switch {
		case e == nil && s.LastOffset >= t.first:
			t.wrong(name, -1, "producer %d has a batch at offset %d, and the log has none of it", s.ProducerID, s.LastOffset)
		case !written: // known from the snapshot at the start only
		case s.ProducerEpoch != e.epoch:
			t.wrong(name, -1, "producer %d has the epoch %d, and the batches say %d", s.ProducerID, s.ProducerEpoch, e.epoch)
		case s.LastOffset >= t.first:
			// A producer that had expired and came back has forgotten what was before: it may have no batch, never another.
			if last, ok := e.last(); !ok || last.lastOffset != s.LastOffset || last.lastSequence != s.LastSequence || last.offsetDelta != s.OffsetDelta {
				t.wrong(name, -1, "the last batch of producer %d ends at offset %d with sequence %d, and the batches say offset %d with sequence %d",
					s.ProducerID, s.LastOffset, s.LastSequence, last.lastOffset, last.lastSequence)
			}
		}
	}
	for id, first := range open {
		if first < t.first {
			continue
		}
		t.wrong(name, -1, "producer %d is missing, whose transaction is open from offset %d on", id, first)
	}
}
