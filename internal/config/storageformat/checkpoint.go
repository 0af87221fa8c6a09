package storageformat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"ottla.dev/ottla/internal/record"
)

// The control records of the metadata log and its snapshots, which begin with a header and end with a footer.
const (
	ControlSnapshotHeader record.ControlType = 3
	ControlSnapshotFooter record.ControlType = 4
	ControlKRaftVersion   record.ControlType = 5
	ControlVoters         record.ControlType = 6
)

// maxCheckpointBytes bounds what is read of one checkpoint's compressed records.
const maxCheckpointBytes = 64 << 20

// walk calls visit for every record of a checkpoint.
func walk(file []byte, visit func(control bool, r *record.Record) error) error {
	sawFooter := false
	for len(file) > 0 {
		batch, rest, err := record.Next(file)
		if err != nil {
			return err
		}
		if err := batch.CheckCRC(); err != nil {
			return err
		}
		if err := walkBatch(batch, func(r *record.Record) error {
			if batch.IsControl() {
				typ, err := record.ParseControlType(r.Key)
				if err != nil {
					return err
				}
				sawFooter = sawFooter || typ == ControlSnapshotFooter
			}
			return visit(batch.IsControl(), r)
		}); err != nil {
			return fmt.Errorf("batch at offset %d: %w", batch.BaseOffset(), err)
		}
		file = rest
	}
	if !sawFooter {
		return errors.New("the checkpoint has no end: it was not written completely")
	}
	return nil
}

func walkBatch(batch record.Batch, visit func(*record.Record) error) error {
	r, err := record.NewReader(batch, maxCheckpointBytes)
	if err != nil {
		return err
	}
	defer r.Close()
	var rec record.Record
	for {
		switch err := r.Next(&rec); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := visit(&rec); err != nil {
			return err
		}
	}
}

// checkpointWriter makes the batches of a checkpoint.
type checkpointWriter struct {
	out    []byte
	offset int64
	nowMs  int64
	err    error
}

func newCheckpointWriter(now time.Time) *checkpointWriter {
	return &checkpointWriter{nowMs: now.UnixMilli()}
}

// batch appends one batch of records.
func (w *checkpointWriter) batch(control bool, records ...record.Record) {
	if w.err != nil || len(records) == 0 {
		return
	}
	b := record.NewBuilder(record.CodecNone)
	b.BaseOffset, b.LeaderEpoch, b.Control = w.offset, 0, control
	for i := range records {
		records[i].Timestamp = w.nowMs
		if w.err = b.Append(&records[i]); w.err != nil {
			return
		}
	}
	w.out, w.err = b.AppendTo(w.out)
	w.offset += int64(len(records))
}

func (w *checkpointWriter) header() record.Record {
	value := binary.BigEndian.AppendUint16(nil, 0) // version
	value = binary.BigEndian.AppendUint64(value, 0)
	return ControlRecord(ControlSnapshotHeader, append(value, 0))
}

func (w *checkpointWriter) footer() record.Record {
	return ControlRecord(ControlSnapshotFooter, []byte{0, 0, 0})
}

// ControlRecord returns a record of a control batch.
func ControlRecord(typ record.ControlType, value []byte) record.Record {
	key := binary.BigEndian.AppendUint16(nil, 0)
	return record.Record{Key: binary.BigEndian.AppendUint16(key, uint16(typ)), Value: value}
}
