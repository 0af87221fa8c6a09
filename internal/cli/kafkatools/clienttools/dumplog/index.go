package dumplog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"sort"

	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// Sizes of the entries of the three indexes.
const (
	offsetEntryBytes = 8  // relative offset int32, position int32
	timeEntryBytes   = 12 // timestamp int64, relative offset int32
	abortEntryBytes  = 34 // version int16, producer id, first offset, last offset, last stable offset int64
)

// offsetIndex is an offset index in memory. A broker reserves more space than it has entries for; the rest is zeros.
type offsetIndex struct {
	base int64
	data []byte
}

func (x offsetIndex) len() int { return len(x.data) / offsetEntryBytes }

func (x offsetIndex) entry(i int) (offset, position int64) {
	e := x.data[i*offsetEntryBytes:]
	return x.base + int64(int32(binary.BigEndian.Uint32(e))), int64(int32(binary.BigEndian.Uint32(e[4:])))
}

// used is the number of entries before the reserved zeros: the first entry only may be of the base offset.
func (x offsetIndex) used() int {
	for i := 1; i < x.len(); i++ {
		if offset, _ := x.entry(i); offset == x.base {
			return i
		}
	}
	return x.len()
}

// lookup gives the position from which a log must be read to find an offset.
func (x offsetIndex) lookup(offset int64) int64 {
	n := sort.Search(x.used(), func(i int) bool {
		o, _ := x.entry(i)
		return o > offset
	})
	if n == 0 {
		return 0
	}
	_, position := x.entry(n - 1)
	return position
}

// damage is what Apache's tool says of an index that a broker would rebuild.
type damage string

func (d damage) Error() string { return string(d) }

func damaged(format string, args ...any) error { return damage(fmt.Sprintf(format, args...)) }

// logOf opens the log beside an index.
func (d *dumper) logOf(file string) (log vfs.File, name string, sizeBytes int64, err error) {
	name = sibling(file, ".log")
	if log, err = d.fs.Open(name); err != nil {
		return nil, name, 0, err
	}
	sizeBytes, err = log.Size()
	if err != nil {
		log.Close()
	}
	return log, name, sizeBytes, err
}

// dumpOffsetIndex prints an offset index and compares it with the batches that its entries point to.
func (d *dumper) dumpOffsetIndex(file string) error {
	base, err := baseOffset(file)
	if err != nil {
		return err
	}
	log, logName, logSize, err := d.logOf(file)
	if err != nil {
		return err
	}
	defer log.Close()
	data, err := d.readAll(file)
	if err != nil {
		return err
	}
	index := offsetIndex{base, data}
	if index.len() == 0 {
		d.printf("%s is empty.\n", file)
		return nil
	}
	if d.sanityOnly {
		last, _ := index.entry(index.len() - 1)
		if last < base {
			return damaged("Corrupt index found, index file %s has non-zero size but the last offset is %d which is less than the base offset %d",
				absolute(file), last, base)
		}
		return d.passed(file, "Index file", len(data), offsetEntryBytes)
	}
	for i := range index.used() {
		offset, position := index.entry(i)
		end := min(position+d.maxMessageBytes, logSize)
		batch, _, err := scanBatches(logName, log, position, end).next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("index entry %d of %s points to position %d, where %s has no whole batch of at most %d bytes",
				i, file, position, logName, d.maxMessageBytes)
		}
		if err != nil {
			return err
		}
		if last := lastOffset(batch); last != offset {
			d.problems.mismatch(file, offset, last)
		}
		if !d.verifyOnly {
			d.printf("offset: %d position: %d\n", offset, position)
		}
	}
	return nil
}

// passed checks the length of an index, the last part of the check that a broker makes.
func (d *dumper) passed(file, kind string, size, entryBytes int) error {
	if size%entryBytes != 0 {
		return damaged("%s %s is corrupt, found %d bytes which is neither positive nor a multiple of %d", kind, absolute(file), size, entryBytes)
	}
	d.printf("%s passed sanity check.\n", file)
	return nil
}

// dumpTimeIndex prints a time index and compares it with the largest timestamps of the batches that it names.
func (d *dumper) dumpTimeIndex(file string) error {
	base, err := baseOffset(file)
	if err != nil {
		return err
	}
	log, logName, logSize, err := d.logOf(file)
	if err != nil {
		return err
	}
	defer log.Close()
	offsets, err := d.readAll(sibling(file, ".index"))
	if err != nil {
		return err
	}
	data, err := d.readAll(file)
	if err != nil {
		return err
	}
	entry := func(i int) (timestamp, offset int64) {
		e := data[i*timeEntryBytes:]
		return int64(binary.BigEndian.Uint64(e)), base + int64(int32(binary.BigEndian.Uint32(e[8:])))
	}
	count := len(data) / timeEntryBytes
	if d.sanityOnly {
		if err := checkTimeIndex(file, base, count, entry); err != nil {
			return err
		}
		return d.passed(file, "Time index file", len(data), timeEntryBytes)
	}
	previous := record.NoTimestamp
	for i := range count {
		timestamp, offset := entry(i)
		if offset == base && i > 0 {
			return nil // reserved space
		}
		scan := scanBatches(logName, log, offsetIndex{base, offsets}.lookup(offset), min(logSize, math.MaxInt32))
		if err := d.checkTimeEntry(file, scan, timestamp, offset, previous); err != nil {
			return err
		}
		if !d.verifyOnly {
			d.printf("timestamp: %d offset: %d\n", timestamp, offset)
		}
		previous = timestamp
	}
	return nil
}

func checkTimeIndex(file string, base int64, count int, entry func(int) (timestamp, offset int64)) error {
	if count == 0 {
		return nil
	}
	first, _ := entry(0)
	timestamp, offset := entry(count - 1)
	const found = "Corrupt time index found, time index file (%s) has non-zero size but the last %s is %d which is less than the first %s %d"
	if timestamp < first {
		return damaged(found, absolute(file), "timestamp", timestamp, "timestamp", first)
	}
	if offset < base {
		return damaged(found, absolute(file), "offset", offset, "offset", base)
	}
	return nil
}

// checkTimeEntry finds the batch that an entry names and compares its timestamps.
func (d *dumper) checkTimeEntry(file string, scan *batchScanner, timestamp, offset, previous int64) error {
	for {
		batch, _, err := scan.next()
		if errors.Is(err, io.EOF) {
			d.problems.notFound(file, offset, -1)
			return nil
		}
		if err != nil {
			return err
		}
		last := lastOffset(batch)
		if last < offset {
			continue
		}
		if last != offset {
			d.problems.notFound(file, offset, last)
			return nil
		}
		largest, err := largestTimestamp(batch)
		if err != nil {
			return err
		}
		if largest != timestamp {
			d.problems.timestampMismatch(file, timestamp, largest)
		}
		if previous >= timestamp {
			d.problems.outOfOrder(file, timestamp, previous)
		}
		return nil
	}
}

// largestTimestamp goes through the records: the batch's header may be wrong too.
func largestTimestamp(batch []byte) (int64, error) {
	if isLegacy(batch) {
		m, err := parseLegacy(batch)
		return m.timestamp, err
	}
	reader, err := record.NewReader(record.Batch(batch), maxDecompressedBytes)
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	largest := record.NoTimestamp
	var r record.Record
	for {
		err := reader.Next(&r)
		if errors.Is(err, io.EOF) {
			return largest, nil
		}
		if err != nil {
			return 0, err
		}
		largest = max(largest, r.Timestamp)
	}
}

// dumpTransactionIndex prints the aborted transactions of a segment.
func (d *dumper) dumpTransactionIndex(file string) error {
	data, err := d.readAll(file)
	if err != nil {
		return err
	}
	for ; len(data) >= abortEntryBytes; data = data[abortEntryBytes:] {
		version := int16(binary.BigEndian.Uint16(data))
		if version > 0 {
			return fmt.Errorf("unexpected aborted transaction version %d in transaction index %s", version, absolute(file))
		}
		number := func(i int) int64 { return int64(binary.BigEndian.Uint64(data[2+8*i:])) }
		d.printf("version: %d producerId: %d firstOffset: %d lastOffset: %d lastStableOffset: %d\n",
			version, number(0), number(1), number(2), number(3))
	}
	if len(data) > 0 {
		return fmt.Errorf("%s ends with %d bytes that are no whole entry", file, len(data))
	}
	return nil
}

func absolute(file string) string {
	if path, err := filepath.Abs(file); err == nil {
		return path
	}
	return file
}
