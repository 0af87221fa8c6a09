package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// Problem is something that CheckDir found.
type Problem struct {
	Path     string
	Position int64 // byte, -1: of the whole file
	Message  string
}

// String names the place first.
func (p Problem) String() string {
	if p.Position < 0 {
		return p.Path + ": " + p.Message
	}
	return fmt.Sprintf("%s: byte %d: %s", p.Path, p.Position, p.Message)
}

// CheckDir reads a log directory that is not in use and tells what is not sound: every batch's frame, CRC and offsets, transaction indexes and producer snapshots against
// the batches, other indexes that do not point at batches, checkpoints, snapshots and properties that do not parse or do not fit. It changes nothing. The error is the disk's.
func CheckDir(fsys vfs.FS, dir string) ([]Problem, error) {
	c := checker{fs: fsys}
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if _, err := ReadMetaProperties(fsys, dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.wrong(join(dir, metaPropertiesName), -1, "%v", err)
	}
	recovery := c.offsets(dir, recoveryPointCheckpointName)
	c.offsets(dir, highWatermarkCheckpointName)
	c.offsets(dir, cleanerCheckpointName)
	starts := c.offsets(dir, startOffsetCheckpointName)
	for _, e := range entries {
		tp, err := ParseTopicPartition(e.Name)
		if err != nil || !e.IsDir || tp.Topic == clusterMetadataTopic {
			continue
		}
		end, err := c.partition(join(dir, e.Name))
		if err != nil {
			return c.problems, err
		}
		if point, ok := recovery[tp]; ok && point > end {
			c.wrong(join(dir, recoveryPointCheckpointName), -1, "%s is said to be durable up to offset %d, and ends at %d: records are missing", tp, point, end)
		}
		if start, ok := starts[tp]; ok && start > end {
			c.wrong(join(dir, startOffsetCheckpointName), -1, "%s is said to start at offset %d, and ends at %d", tp, start, end)
		}
	}
	return c.problems, nil
}

type checker struct {
	fs       vfs.FS
	problems []Problem
}

func (c *checker) wrong(path string, position int64, format string, args ...any) {
	c.problems = append(c.problems, Problem{Path: path, Position: position, Message: fmt.Sprintf(format, args...)})
}

func (c *checker) offsets(dir, name string) map[TopicPartition]int64 {
	offsets, err := ReadOffsetCheckpoint(c.fs, join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.wrong(join(dir, name), -1, "%v", err)
	}
	return offsets
}

// partition checks one partition's directory and returns its log end offset.
func (c *checker) partition(dir string) (end int64, err error) {
	entries, err := c.fs.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	var bases, snapshots []int64
	for _, e := range entries {
		offset, suffix, ok := parseFileName(e.Name)
		switch {
		case ok && suffix == logSuffix:
			bases = append(bases, offset)
		case ok && suffix == snapshotSuffix:
			snapshots = append(snapshots, offset)
			if _, err := ReadProducerSnapshot(c.fs, join(dir, e.Name)); err != nil {
				c.wrong(join(dir, e.Name), -1, "%v", err)
			}
		}
	}
	slices.Sort(bases)
	if _, _, err := readPartitionMetadata(c.fs, dir); err != nil {
		c.wrong(join(dir, partitionMetadataName), -1, "%v", err)
	}
	if len(bases) == 0 {
		c.epochs(dir, 0)
		return 0, nil
	}
	transactions := c.newTxnCheck(dir, bases[0], snapshots)
	for i, base := range bases {
		if i > 0 && end > base {
			c.wrong(join(dir, fileName(base, logSuffix)), -1, "begins at offset %d, and the segment before it ends at %d", base, end)
		}
		transactions.beginSegment()
		if end, err = c.segment(dir, base, transactions.batch); err != nil {
			return end, err
		}
		if err := transactions.endSegment(base); err != nil {
			return end, err
		}
	}
	if err := transactions.compareSnapshots(end); err != nil {
		return end, err
	}
	c.epochs(dir, end)
	return end, nil
}

func (c *checker) epochs(dir string, end int64) {
	name := join(dir, epochCheckpointName)
	entries, err := ReadEpochCheckpoint(c.fs, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.wrong(name, -1, "%v", err)
	}
	for i, e := range entries {
		if i > 0 && (e.Epoch <= entries[i-1].Epoch || e.StartOffset < entries[i-1].StartOffset) {
			c.wrong(name, -1, "epoch %d at offset %d does not follow epoch %d at offset %d", e.Epoch, e.StartOffset, entries[i-1].Epoch, entries[i-1].StartOffset)
		}
		if e.StartOffset > end {
			c.wrong(name, -1, "epoch %d begins at offset %d, past the end of the log at %d", e.Epoch, e.StartOffset, end)
		}
	}
}

// batchPlace is where a batch stands in its segment.
type batchPlace struct {
	position, last, maxTimestamp int64
}

// segment checks a segment's batches and indexes and returns the offset after its last batch. visit gets the sound batches.
func (c *checker) segment(dir string, base int64, visit func(record.Batch) error) (end int64, err error) {
	name := join(dir, fileName(base, logSuffix))
	file, err := c.fs.Open(name)
	if err != nil {
		return base, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return base, err
	}
	scan := newBatchScan(file, 0, size)
	defer scan.close()
	end = base
	var places []batchPlace
	var buffer []byte
	for scan.next() {
		var b record.Batch
		if b, buffer, err = scan.whole(buffer); err != nil {
			return end, err
		}
		if err := b.CheckCRC(); err != nil {
			c.wrong(name, scan.position, "%v", err)
		} else if err := visit(b); err != nil {
			return end, err
		}
		if b.BaseOffset() < end {
			c.wrong(name, scan.position, "a batch at offset %d follows one that ends at %d", b.BaseOffset(), end)
		}
		end = b.NextOffset()
		places = append(places, batchPlace{scan.position, b.LastOffset(), b.MaxTimestamp()})
	}
	if scan.err != nil {
		if !scan.damaged() {
			return end, scan.err
		}
		c.wrong(name, scan.position, "the last %d bytes are not whole batches: %v", size-scan.position, scan.err)
	}
	return end, errors.Join(c.offsetIndex(dir, base, places), c.timeIndex(dir, base, end))
}

// entries returns the entries of an index file, without the zeros that an index of an open segment may end with.
func (c *checker) entries(name string, entryBytes int) ([][]byte, error) {
	data, err := readFile(c.fs, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it is rebuilt when needed
	}
	if err != nil {
		return nil, err
	}
	if len(data)%entryBytes != 0 {
		c.wrong(name, int64(len(data)-len(data)%entryBytes), "the file ends inside an entry of %d bytes", entryBytes)
	}
	var list [][]byte
	for at := 0; at+entryBytes <= len(data); at += entryBytes {
		list = append(list, data[at:at+entryBytes])
	}
	for len(list) > 0 && allZero(list[len(list)-1]) {
		list = list[:len(list)-1]
	}
	return list, nil
}

func allZero(b []byte) bool { return !slices.ContainsFunc(b, func(x byte) bool { return x != 0 }) }

func (c *checker) offsetIndex(dir string, base int64, places []batchPlace) error {
	name := join(dir, fileName(base, indexSuffix))
	list, err := c.entries(name, offsetEntryBytes)
	last := int64(-1)
	for i, e := range list {
		offset, position := base+relativeOffset(e), entryPosition(e)
		at, found := slices.BinarySearchFunc(places, position, func(p batchPlace, position int64) int { return compareInt64(p.position, position) })
		switch {
		case offset <= last:
			c.wrong(name, int64(i*offsetEntryBytes), "offset %d does not follow offset %d", offset, last)
		case !found:
			c.wrong(name, int64(i*offsetEntryBytes), "offset %d points at byte %d, where no batch begins", offset, position)
		case places[at].last != offset:
			c.wrong(name, int64(i*offsetEntryBytes), "offset %d points at a batch that ends at offset %d", offset, places[at].last)
		}
		last = offset
	}
	return err
}

func (c *checker) timeIndex(dir string, base, end int64) error {
	name := join(dir, fileName(base, timeIndexSuffix))
	list, err := c.entries(name, timeEntryBytes)
	lastTime, lastOffset := int64(-1), int64(-1)
	for i, e := range list {
		timestamp, offset := entryTime(e), base+timeOffset(e)
		switch {
		case timestamp <= lastTime && i > 0, offset <= lastOffset:
			c.wrong(name, int64(i*timeEntryBytes), "timestamp %d at offset %d does not follow timestamp %d at offset %d", timestamp, offset, lastTime, lastOffset)
		case offset >= end:
			c.wrong(name, int64(i*timeEntryBytes), "timestamp %d is of offset %d, and the segment ends at %d", timestamp, offset, end)
		}
		lastTime, lastOffset = timestamp, offset
	}
	return err
}
