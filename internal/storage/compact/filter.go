package compact

import (
	"io"

	"ottla.dev/ottla/internal/record"
)

// LastRecord is where an active producer stands.
type LastRecord struct {
	LastOffset int64 // of its last batch of data; -1: none is known, only its epoch
	Epoch      int16
}

// Filter says what remains of each batch. It is given the batches of a log in order, from the first on.
type Filter struct {
	Map               *OffsetMap
	NowMs             int64
	DeleteRetentionMs int64
	Producers         map[int64]LastRecord // the active ones
	// KeepBefore is the offset at which the segment ends that is being made: the last batch before it stays, even if nothing is left in it.
	// So every segment ends where the next begins, and recovery need not guess whether something is missing between them.
	KeepBefore   int64
	Transactions Transactions

	Counts Counts

	reader  record.Reader
	rewrite record.Rewriter
}

// Counts is what a Filter has seen and kept.
type Counts struct {
	RecordsRead    int64
	RecordsKept    int64
	BytesKept      int64
	InvalidRecords int64 // without a key, which a compacted log should not have
}

// Append appends to dst what remains of a batch.
func (f *Filter) Append(dst []byte, b record.Batch) ([]byte, error) {
	start := len(dst)
	dst, err := f.append(dst, b)
	if err != nil {
		return dst[:start], err
	}
	f.Counts.RecordsRead += int64(b.NumRecords())
	if len(dst) > start {
		f.Counts.RecordsKept += int64(record.Batch(dst[start:]).NumRecords())
		f.Counts.BytesKept += int64(len(dst) - start)
	}
	return dst, nil
}

func (f *Filter) append(dst []byte, b record.Batch) ([]byte, error) {
	pointless, err := f.pointless(b)
	if err != nil {
		return dst, err
	}
	horizonMs, hasHorizon := b.DeleteHorizon()
	drop := pointless
	if b.IsControl() {
		drop = pointless && hasHorizon && horizonMs <= f.NowMs
	}
	if !hasHorizon {
		horizonMs = record.NoTimestamp
	}
	kept := result{}
	if !drop {
		if kept, err = f.filter(b, horizonMs); err != nil {
			return dst, err
		}
	}
	if kept.records == 0 {
		if f.stays(b) {
			dst = record.AppendEmptied(dst, b)
		}
		return dst, nil
	}
	switch setHorizon := !hasHorizon && (kept.tombstones || pointless && b.IsControl()); {
	case setHorizon:
		// All timestamps now count from the horizon.
		invalid := f.Counts.InvalidRecords
		if _, err := f.filter(b, f.NowMs+f.DeleteRetentionMs); err != nil {
			return dst, err
		}
		f.Counts.InvalidRecords = invalid
	case kept.all:
		return append(dst, b...), nil
	}
	dst, err = f.rewrite.AppendTo(dst)
	f.rewrite.Forget()
	return dst, err
}

// pointless tells whether a batch is of no use to anybody: data that were aborted, a marker without data.
func (f *Filter) pointless(b record.Batch) (bool, error) {
	if !b.IsControl() {
		return f.Transactions.Data(b), nil
	}
	kind, known, empty, err := controlType(&f.reader, b)
	return f.Transactions.Control(b, kind, known, empty), err
}

// stays tells whether a batch must stay although no record of it does: it is the last that tells of its producer's sequence or epoch, or
// it is the end of a segment.
func (f *Filter) stays(b record.Batch) bool {
	if b.NextOffset() == f.KeepBefore {
		return true
	}
	last, active := f.Producers[b.ProducerID()]
	if !active || !b.HasProducerID() {
		return false
	}
	if last.LastOffset >= 0 {
		return b.LastOffset() == last.LastOffset
	}
	return b.IsControl() && b.ProducerEpoch() == last.Epoch
}

// result is what filtering one batch gave.
type result struct {
	records    int
	all        bool // nothing was taken away
	tombstones bool // there are some among the records
}

// filter collects in f.rewrite what remains of a batch, with timestamps that count from the given horizon if there is one.
func (f *Filter) filter(b record.Batch, horizonMs int64) (kept result, err error) {
	if err := f.reader.Restart(b, 0); err != nil {
		return kept, err
	}
	defer f.reader.Close()
	f.rewrite.Begin(b, horizonMs)
	kept.all = true
	old, tombstonesStay := b.DeleteHorizon()
	tombstonesStay = !tombstonesStay || f.NowMs < old
	control := b.IsControl()
	var raw record.RawRecord
	for {
		if err := f.reader.NextRaw(&raw); err == io.EOF {
			kept.records = f.rewrite.NumRecords()
			return kept, nil
		} else if err != nil {
			return kept, err
		}
		if !control && !f.keeps(b.BaseOffset()+int64(raw.OffsetDelta), &raw, tombstonesStay) {
			kept.all = false
			continue
		}
		f.rewrite.Keep(&raw)
		kept.tombstones = kept.tombstones || raw.Value == nil
	}
}

// keeps tells whether a record stays: no later one has its key, and it is not a tombstone whose time is over.
func (f *Filter) keeps(offset int64, raw *record.RawRecord, tombstonesStay bool) bool {
	if offset > f.Map.Latest() {
		return true
	}
	if raw.Key == nil {
		f.Counts.InvalidRecords++
		return false
	}
	if raw.Value == nil && !tombstonesStay {
		return false
	}
	last, ok := f.Map.Get(raw.Key)
	return !ok || offset >= last
}
