package compact

import (
	"io"

	"ottla.dev/ottla/internal/record"
)

// controlType reads what a control batch says. known is false for kinds that do not end a transaction.
func controlType(r *record.Reader, b record.Batch) (kind record.ControlType, known, empty bool, err error) {
	if err := r.Restart(b, 0); err != nil {
		return 0, false, false, err
	}
	defer r.Close()
	var raw record.RawRecord
	switch err := r.NextRaw(&raw); {
	case err == io.EOF:
		return 0, false, true, nil
	case err != nil:
		return 0, false, false, err
	}
	kind, err = record.ParseControlType(raw.Key)
	return kind, kind == record.ControlAbort || kind == record.ControlCommit, false, err
}
