package storage

import (
	"math"
	"slices"
	"sort"
)

// openTransaction is a transaction of which the log has batches and not yet the marker.
type openTransaction struct {
	producerID  int64
	firstOffset int64
}

// endedTransaction is a transaction whose marker is in the log, and perhaps not below the high watermark.
type endedTransaction struct {
	openTransaction
	lastOffset int64 // of the marker
	aborted    bool
}

// transactions are those of a log that are not yet stable. Both lists are ordered by first offsets.
type transactions struct {
	open  []openTransaction
	ended []endedTransaction // whose markers may not be below the high watermark
}

// begin notes a transaction. Usually it is the newest.
func (t *transactions) begin(producerID, firstOffset int64) {
	at := sort.Search(len(t.open), func(i int) bool { return t.open[i].firstOffset >= firstOffset })
	t.open = slices.Insert(t.open, at, openTransaction{producerID, firstOffset})
}

// end notes that a transaction has got its marker.
func (t *transactions) end(e endedTransaction) {
	at := sort.Search(len(t.open), func(i int) bool { return t.open[i].firstOffset >= e.firstOffset })
	if at < len(t.open) && t.open[at].firstOffset == e.firstOffset {
		t.open = slices.Delete(t.open, at, at+1)
	}
	at = sort.Search(len(t.ended), func(i int) bool { return t.ended[i].firstOffset >= e.firstOffset })
	t.ended = slices.Insert(t.ended, at, e)
}

// stableAfter returns what the transaction index says of the last stable offset when a transaction has ended: the first offset of the oldest
// transaction of another producer, or what comes after the marker.
func (t *transactions) stableAfter(e endedTransaction) int64 {
	for _, other := range t.open {
		if other.producerID != e.producerID {
			return other.firstOffset
		}
	}
	return e.lastOffset + 1
}

// acknowledge forgets the transactions whose markers are below the high watermark.
func (t *transactions) acknowledge(highWatermark int64) {
	t.ended = slices.DeleteFunc(t.ended, func(e endedTransaction) bool { return e.lastOffset < highWatermark })
}

// firstUnstable returns the first offset of the oldest transaction, noneUnstable if there is none.
func (t *transactions) firstUnstable() int64 {
	first := int64(noneUnstable)
	if len(t.open) > 0 {
		first = t.open[0].firstOffset
	}
	if len(t.ended) > 0 {
		first = min(first, t.ended[0].firstOffset)
	}
	return first
}

// What the log's firstUnstable says beside offsets.
const (
	noneUnstable    = math.MaxInt64
	unknownUnstable = -1 // the producers' state has not been read
)

// LastStableOffset returns the offset below which every transaction has ended, with its marker below the high watermark: what a read_committed
// reader may see. It is read without a lock, but for the first time after the log was opened.
func (l *Log) LastStableOffset() int64 {
	// The high watermark first: a transaction below it was noted before it rose there. The other way round one could begin in between.
	highWatermark := l.HighWatermark()
	first := l.firstUnstable.Load()
	if first == unknownUnstable {
		if first = l.loadFirstUnstable(); first == unknownUnstable {
			return l.LogStartOffset()
		}
	}
	return max(min(highWatermark, first), l.LogStartOffset())
}

// loadFirstUnstable reads the producers' state. Where that is not possible nothing is known to be stable.
func (l *Log) loadFirstUnstable() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.loadProducers(); err != nil {
		if !l.closed && !l.unstableTold.Swap(true) {
			l.logger.Warn("the last stable offset is not known; read_committed readers see nothing", "partition", l.tp.String(), "error", err)
		}
		return unknownUnstable
	}
	return l.firstUnstable.Load()
}

// noteUnstable publishes what the transactions are now. The caller holds mu, and the producers' state is loaded.
func (l *Log) noteUnstable() {
	t := &l.producers.transactions
	l.firstUnstable.Store(t.firstUnstable())
	l.markersAhead.Store(len(t.ended) > 0)
}

// acknowledgeMarkers has the high watermark make stable what has ended below it.
func (l *Log) acknowledgeMarkers() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.producers.loaded {
		l.producers.acknowledge(l.HighWatermark())
		l.noteUnstable()
	}
}
