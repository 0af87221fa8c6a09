// Package analysis looks at every record of a topic and tells what is in it: sizes, keys, tombstones, transactions, what a log cleaner would
// remove, compression. Its memory is bounded whatever the topic holds.
package analysis

import (
	"errors"
	"fmt"
	"io"

	"ottla.dev/ottla/internal/record"
)

// Bounds of what is remembered per partition.
const (
	DefaultMaxKeys  = 1_000_000
	maxTransactions = 100_000 // open at a time
	maxBatchBytes   = 1 << 30 // decompressed
	recordOverhead  = 7       // bytes of lengths and such in a small record
)

// Options say what to remember.
type Options struct {
	MaxKeys int
	Top     int
}

// Moment is a record's place in time.
type Moment struct {
	TimestampMs int64 `json:"timestamp_ms"`
	Offset      int64 `json:"offset"`
}

// Analyzer looks at the batches of one partition, in order.
type Analyzer struct {
	report    Report
	from      int64
	until     int64
	keys      *keySet
	all       *keySet // of all partitions; its owner is the topic
	top       *topKeys
	open      map[int64]int64 // records of open transactions by producer id
	overflow  bool            // more were open than can be remembered
	dirtyFrom int64           // where the first superseding record stands; -1: nowhere
	logBefore int64           // bytes of the batches before
	oldest    int64           // timestamp of the oldest superseded record; -1: none
}

// newAnalyzer starts a partition; records outside of from (inclusive) and until (exclusive) are passed over.
func newAnalyzer(partition int32, from, until int64, o Options, all *keySet, top *topKeys) *Analyzer {
	return &Analyzer{
		report: Report{Partition: partition, From: from, Until: until, Compression: map[string]*Codec{}},
		from:   from, until: until, keys: newKeySet(o.MaxKeys), all: all, top: top, open: map[int64]int64{}, dirtyFrom: -1, oldest: -1,
	}
}

// Add looks at fetched bytes, which may end inside of a batch, and gives the offset to go on at.
func (a *Analyzer) Add(fetched []byte, at int64) (next int64, err error) {
	for at < a.until {
		batch, rest, err := record.Next(fetched)
		switch {
		case err == io.EOF || errors.Is(err, record.ErrTruncated):
			return at, nil
		case err != nil:
			return at, fmt.Errorf("partition %d, offset %d: %w", a.report.Partition, at, err)
		}
		if err := a.batch(batch); err != nil {
			return at, fmt.Errorf("partition %d, batch at offset %d: %w", a.report.Partition, batch.BaseOffset(), err)
		}
		at, fetched = max(at, batch.NextOffset()), rest
	}
	return at, nil
}

func (a *Analyzer) batch(b record.Batch) error {
	if b.LastOffset() < a.from {
		return nil
	}
	if err := b.CheckCRC(); err != nil {
		return err
	}
	r := &a.report
	r.Batches++
	r.LogBytes += int64(len(b))
	r.LargestBatchBytes = max(r.LargestBatchBytes, int64(len(b)))
	if b.IsControl() {
		return a.marker(b)
	}
	codec := r.codec(b.Codec().String())
	codec.Batches++
	codec.LogBytes += int64(len(b))
	if b.NumRecords() == 0 {
		r.EmptyBatches++
		return nil
	}
	reader, err := record.NewReader(b, maxBatchBytes)
	if err != nil {
		return err
	}
	defer reader.Close()
	var rec record.Record
	inside := int64(0)
	for {
		if err := reader.Next(&rec); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		offset := b.BaseOffset() + int64(rec.OffsetDelta)
		if offset < a.from || offset >= a.until {
			continue
		}
		inside++
		codec.DataBytes += a.record(&rec, offset, int64(len(b)))
	}
	codec.Records += inside
	r.LargestBatchRecords = max(r.LargestBatchRecords, inside)
	if b.IsTransactional() {
		a.transactional(b.ProducerID(), inside)
	}
	return nil
}

// record looks at one record and gives the size of what its producer wrote. batchBytes is the size of its batch.
func (a *Analyzer) record(rec *record.Record, offset, batchBytes int64) int64 {
	r := &a.report
	size := int64(len(rec.Key) + len(rec.Value))
	for _, h := range rec.Headers {
		size += int64(len(h.Key) + len(h.Value))
	}
	r.Records++
	r.DataBytes += size
	r.LargestRecordBytes = max(r.LargestRecordBytes, size)
	if rec.Timestamp >= 0 {
		if r.Oldest == nil || rec.Timestamp < r.Oldest.TimestampMs {
			r.Oldest = &Moment{rec.Timestamp, offset}
		}
		if r.Newest == nil || rec.Timestamp > r.Newest.TimestampMs {
			r.Newest = &Moment{rec.Timestamp, offset}
		}
	}
	if rec.Key == nil {
		r.WithoutKey++
		return size
	}
	if rec.Value == nil {
		r.Tombstones++
	}
	a.keyed(rec, offset, size, batchBytes)
	return size
}

func (a *Analyzer) keyed(rec *record.Record, offset, size, batchBytes int64) {
	hash := hashKey(rec.Key)
	stored := int32(min(size+recordOverhead, 1<<31-1))
	a.report.keyedBytes += int64(stored)
	a.top.add(hash, rec.Key)
	a.all.put(hash, stored, rec.Timestamp)
	before, known := a.keys.put(hash, stored, rec.Timestamp)
	if !known {
		return
	}
	if a.dirtyFrom < 0 {
		a.dirtyFrom, a.logBefore = offset, a.report.LogBytes-batchBytes
	}
	if before.atMs >= 0 && (a.oldest < 0 || before.atMs < a.oldest) {
		a.oldest = before.atMs
	}
}

// transactional counts records of a transaction until its marker comes.
func (a *Analyzer) transactional(producerID, records int64) {
	a.report.Transactional.Records += records
	if _, known := a.open[producerID]; !known && len(a.open) >= maxTransactions {
		a.overflow = true
		return
	}
	a.open[producerID] += records
}

func (a *Analyzer) marker(b record.Batch) error {
	if b.BaseOffset() < a.from || b.BaseOffset() >= a.until || b.NumRecords() == 0 {
		return nil
	}
	m, _, ok, err := b.Marker()
	if err != nil {
		return err
	}
	a.report.ControlRecords += int64(b.NumRecords())
	t := &a.report.Transactional
	switch {
	case !ok:
	case m.Type == record.ControlCommit:
		t.CommitMarkers++
		t.Committed += a.open[b.ProducerID()]
		delete(a.open, b.ProducerID())
	case m.Type == record.ControlAbort:
		t.AbortMarkers++
		t.Aborted += a.open[b.ProducerID()]
		delete(a.open, b.ProducerID())
	}
	return nil
}
