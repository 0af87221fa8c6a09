package storage

import (
	"errors"
	"io/fs"

	"ottla.dev/ottla/internal/record"
)

// producerSet is the state of producers at some offset of a log, and their transactions.
type producerSet struct {
	entries map[int64]*producerEntry
	transactions
}

func newProducerSet() producerSet { return producerSet{entries: map[int64]*producerEntry{}} }

// apply adds what a batch of the log says. ended is the transaction that it has ended, if it has.
func (p *producerSet) apply(b record.Batch, tp TopicPartition) (ended endedTransaction, isEnd bool, err error) {
	e := p.entries[b.ProducerID()]
	if e == nil {
		fresh := newProducerEntry(b.ProducerID())
		e = &fresh
		p.entries[e.id] = e
	}
	change, err := e.add(b, appendCheck{tp: tp, origin: OriginReplication})
	switch {
	case err != nil:
	case change.begun:
		p.begin(e.id, change.first)
	case change.ended:
		return endedTransaction{openTransaction{e.id, change.first}, b.BaseOffset(), change.aborted}, true, nil
	}
	return ended, false, err
}

// take adds the producers of a snapshot, but for those of whom nothing was heard for long.
func (p *producerSet) take(list []SnapshotEntry, nowMs, expirationMs int64) {
	for i := range list {
		e := list[i].entry()
		if e.expired(nowMs, expirationMs) {
			continue
		}
		p.entries[e.id] = e
		if e.txnFirstOffset >= 0 {
			p.begin(e.id, e.txnFirstOffset)
		}
	}
}

// producersFrom returns where replay begins to know the producers at an offset: after the newest sound snapshot that is not past it, or at the
// first batch. Batches below the log start offset count as long as they are there: the producers' state in memory did not forget them either.
// It hands damaged snapshots to remove.
func (l *Log) producersFrom(snapshots []int64, upTo int64, remove func(offset int64) error) (set producerSet, offset int64, err error) {
	set = newProducerSet()
	for i := len(snapshots) - 1; i >= 0; i-- {
		offset := snapshots[i]
		if offset > upTo {
			continue
		}
		list, err := ReadProducerSnapshot(l.fs(), l.file(offset, snapshotSuffix))
		if errors.Is(err, ErrCorrupt) || errors.Is(err, fs.ErrNotExist) {
			l.logger.Warn("a producer snapshot is damaged; an older one and the log are used instead", "error", err)
			if err := remove(offset); err != nil {
				return set, 0, err
			}
			continue
		}
		if err != nil {
			return set, 0, err
		}
		set.take(list, l.nowMs(), l.dir.manager.producerExpirationMs())
		return set, offset, nil
	}
	return set, l.list()[0].base, nil
}

// replay adds to the producers' state what the batches from an offset on say. ended is told of each transaction that they end, and must hand
// it to the set.
func (l *Log) replay(set *producerSet, from, upTo int64, ended func(endedTransaction) error) error {
	return l.scan(from, upTo, func(scan *batchScan) error {
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
		e, isEnd, err := set.apply(b, l.tp)
		if err != nil || !isEnd {
			return err
		}
		return ended(e)
	})
}
