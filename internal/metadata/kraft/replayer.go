package kraft

import (
	"errors"
	"io"

	"ottla.dev/ottla/internal/config/storageformat"
	"ottla.dev/ottla/internal/record"
)

// replayer applies the records of batches, those of a transaction at its end.
type replayer struct {
	log           *Log
	sawFooter     bool
	inTransaction bool
	pending       []Record
}

// batch applies the records of a batch from an offset on.
func (p *replayer) batch(batch record.Batch, from int64) error {
	r, err := record.NewReader(batch, maxDecompressedBytes)
	if err != nil {
		return err
	}
	defer r.Close()
	var one record.Record
	for {
		switch err := r.Next(&one); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if batch.BaseOffset()+int64(one.OffsetDelta) < from {
			continue
		}
		if batch.IsControl() {
			err = p.control(&one)
		} else {
			err = p.record(&one)
		}
		if err != nil {
			return err
		}
	}
}

func (p *replayer) record(one *record.Record) error {
	r, err := DecodeRecord(one.Value)
	if err != nil {
		return err
	}
	switch r.(type) {
	case *BeginTransactionRecord:
		if p.inTransaction {
			return errors.New("a transaction begins within another")
		}
		p.inTransaction = true
		return nil
	case *EndTransactionRecord, *AbortTransactionRecord:
		if !p.inTransaction {
			return errors.New("a transaction ends that did not begin")
		}
		pending := p.pending
		p.inTransaction, p.pending = false, nil
		if _, aborted := r.(*AbortTransactionRecord); aborted {
			return nil
		}
		for _, r := range pending {
			if err := p.log.State.Replay(r); err != nil {
				return err
			}
		}
		return nil
	}
	if p.inTransaction {
		p.pending = append(p.pending, r)
		return nil
	}
	return p.log.State.Replay(r)
}

func (p *replayer) control(one *record.Record) error {
	typ, err := record.ParseControlType(one.Key)
	if err != nil {
		return err
	}
	switch typ {
	case storageformat.ControlSnapshotFooter:
		p.sawFooter = true
	case storageformat.ControlKRaftVersion:
		p.log.KRaftVersion, err = storageformat.ParseKRaftVersion(one.Value)
	case storageformat.ControlVoters:
		p.log.Voters, err = storageformat.ParseVoterSet(one.Value)
	}
	return err
}
