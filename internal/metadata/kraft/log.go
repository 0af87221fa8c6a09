package kraft

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/config/storageformat"
)

// LogDir is the directory of the metadata log, in metadata.log.dir or else the first log directory.
const LogDir = "__cluster_metadata-0"

// SnapshotID names a snapshot: it holds everything below the offset, the last of which was written in the epoch.
type SnapshotID struct {
	Offset int64
	Epoch  int32
}

const snapshotSuffix = ".checkpoint"

// FileName returns the name of the snapshot's file.
func (id SnapshotID) FileName() string {
	return fmt.Sprintf("%020d-%010d%s", id.Offset, id.Epoch, snapshotSuffix)
}

func parseSnapshotName(name string) (id SnapshotID, ok bool) {
	text, ok := strings.CutSuffix(name, snapshotSuffix)
	offset, epoch, both := strings.Cut(text, "-")
	if !ok || !both || len(offset) != 20 || len(epoch) != 10 {
		return id, false
	}
	o, err := strconv.ParseUint(offset, 10, 63)
	e, err2 := strconv.ParseUint(epoch, 10, 31)
	return SnapshotID{Offset: int64(o), Epoch: int32(e)}, err == nil && err2 == nil
}

// Log is what a metadata log comes to.
type Log struct {
	State        *State
	KRaftVersion int16
	Voters       []storageformat.Voter // those that the log tells; none with kraft.version 0
	Snapshot     *SnapshotID           // the one that the state begins with; nil: none
	End          int64                 // the offset after the last record
	Epoch        int32                 // of the last record

	// TornBytes is how much of an unfinished write lay at the end, and was passed over.
	TornBytes int
	// OpenTransaction is how many records of a metadata transaction were passed over because its end is missing.
	OpenTransaction int
}

// DamagedError tells that the log cannot be relied on, and where.
type DamagedError struct {
	File   string
	Reason error
}

// Error implements error.
func (e *DamagedError) Error() string { return fmt.Sprintf("%s is damaged: %v", e.File, e.Reason) }

// Unwrap implements errors.
func (e *DamagedError) Unwrap() error { return e.Reason }

// Read reads the directory of a metadata log: the newest snapshot, and the log after it. What a crash left half written at the end is passed
// over, as no controller has told of it; any other damage is a *DamagedError. Transactions (KIP-868) count once their end is there.
func Read(dir fs.FS) (*Log, error) {
	snapshot, segments, err := list(dir)
	if err != nil {
		return nil, err
	}
	l := &Log{State: NewState()}
	if snapshot != nil {
		file, err := dir.Open(snapshot.FileName())
		if err != nil {
			return nil, err
		}
		defer file.Close()
		if l, err = ReadSnapshot(file, *snapshot); err != nil {
			return nil, err
		}
	}
	if err := l.readSegments(dir, segments); err != nil {
		return nil, err
	}
	if err := l.State.Check(); err != nil {
		return nil, &DamagedError{File: LogDir, Reason: err}
	}
	return l, nil
}

// list returns the newest snapshot and the segments' base offsets in order.
func list(dir fs.FS) (snapshot *SnapshotID, segments []int64, err error) {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		if id, ok := parseSnapshotName(e.Name()); ok {
			if snapshot == nil || id.Offset > snapshot.Offset || id.Offset == snapshot.Offset && id.Epoch > snapshot.Epoch {
				snapshot = &id
			}
		}
		if text, ok := strings.CutSuffix(e.Name(), ".log"); ok && len(text) == 20 {
			if base, err := strconv.ParseUint(text, 10, 63); err == nil {
				segments = append(segments, int64(base))
			}
		}
	}
	slices.Sort(segments)
	return snapshot, segments, nil
}

// ReadSnapshot reads a snapshot alone.
func ReadSnapshot(file io.Reader, id SnapshotID) (*Log, error) {
	l := &Log{State: NewState(), Snapshot: &id, End: id.Offset, Epoch: id.Epoch}
	name := LogDir + "/" + id.FileName()
	whole := false
	r, p := newBatchReader(file), &replayer{log: l}
	for {
		batch, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, damaged(name, err)
		}
		if whole {
			return nil, &DamagedError{File: name, Reason: errors.New("something follows its end")}
		}
		if err := p.batch(batch, 0); err != nil {
			return nil, damaged(name, err)
		}
		whole = p.sawFooter
	}
	switch {
	case !whole:
		return nil, &DamagedError{File: name, Reason: errors.New("it was not written to its end")}
	case p.inTransaction:
		return nil, &DamagedError{File: name, Reason: errors.New("a transaction has no end")}
	}
	return l, nil
}

func (l *Log) readSegments(dir fs.FS, segments []int64) error {
	p := &replayer{log: l}
	for i, base := range segments {
		last := i == len(segments)-1
		if !last && segments[i+1] <= l.End {
			continue // all of it is in the snapshot
		}
		if base > l.End {
			return &DamagedError{File: segmentName(base), Reason: fmt.Errorf("it begins at offset %d, and what is before it ends at %d", base, l.End)}
		}
		if err := l.readSegment(dir, base, last, p); err != nil {
			return err
		}
	}
	l.OpenTransaction = len(p.pending)
	return nil
}

func segmentName(base int64) string { return fmt.Sprintf("%s/%020d.log", LogDir, base) }

func (l *Log) readSegment(dir fs.FS, base int64, last bool, p *replayer) error {
	file, err := dir.Open(fmt.Sprintf("%020d.log", base))
	if err != nil {
		return err
	}
	defer file.Close()
	r, expected := newBatchReader(file), base
	for {
		batch, err := r.next()
		var bad *badBatch
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad) && last && bad.torn(expected):
			l.TornBytes = len(bad.rest)
			return nil
		case err != nil:
			return damaged(segmentName(base), err)
		case batch.BaseOffset() != expected || batch.LastOffsetDelta() < 0:
			return &DamagedError{File: segmentName(base), Reason: fmt.Errorf("offset %d stands where %d should", batch.BaseOffset(), expected)}
		}
		expected = batch.NextOffset()
		if expected <= l.End {
			continue
		}
		if err := p.batch(batch, l.End); err != nil {
			return damaged(segmentName(base), fmt.Errorf("offset %d: %w", batch.BaseOffset(), err))
		}
		l.End, l.Epoch = expected, batch.PartitionLeaderEpoch()
	}
}

// damaged keeps apart what a newer Kafka wrote, and failures of the disk, from damage.
func damaged(file string, err error) error {
	var unknown *UnknownError
	var path *fs.PathError
	if errors.As(err, &unknown) || errors.As(err, &path) {
		return fmt.Errorf("%s: %w", file, err)
	}
	return &DamagedError{File: file, Reason: err}
}
