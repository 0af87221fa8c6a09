package compact

import (
	"io"

	"ottla.dev/ottla/internal/record"
)

// Indexer fills an OffsetMap with the keys of a log's dirty batches, which it is given in order.
type Indexer struct {
	Map          *OffsetMap
	MaxKeys      int   // at which the map counts as full
	Start        int64 // first dirty offset: records before are passed over
	Transactions Transactions

	RecordsRead int64

	reader record.Reader
}

// Add takes the next batch. It returns true if the map is full: then the records up to Map.Latest are in it.
func (x *Indexer) Add(b record.Batch) (full bool, err error) {
	if b.IsControl() {
		kind, known, empty, err := controlType(&x.reader, b)
		if err != nil {
			return false, err
		}
		x.Transactions.Control(b, kind, known, empty)
		x.RecordsRead += int64(b.NumRecords())
	} else if x.Transactions.Data(b) {
		x.RecordsRead += int64(b.NumRecords())
	} else if full, err := x.addRecords(b); full || err != nil {
		return full, err
	}
	if b.LastOffset() >= x.Start {
		x.Map.Passed(b.LastOffset())
	}
	return false, nil
}

func (x *Indexer) addRecords(b record.Batch) (full bool, err error) {
	if err := x.reader.Restart(b, 0); err != nil {
		return false, err
	}
	defer x.reader.Close()
	var raw record.RawRecord
	for {
		if err := x.reader.NextRaw(&raw); err == io.EOF {
			return false, nil
		} else if err != nil {
			return false, err
		}
		if offset := b.BaseOffset() + int64(raw.OffsetDelta); raw.Key != nil && offset >= x.Start {
			if x.Map.Len() >= x.MaxKeys {
				return true, nil
			}
			x.Map.Put(raw.Key, offset)
		}
		x.RecordsRead++
	}
}
