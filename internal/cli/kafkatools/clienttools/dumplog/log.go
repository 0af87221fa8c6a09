package dumplog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/clienttools/recordjson"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/storage"
)

// maxDecompressedBytes bounds what one batch may grow to: a tool may look at larger batches than a broker takes, and must
// not be brought down by a bomb.
const maxDecompressedBytes = 1 << 30

// dumpLog prints a segment, or a snapshot of the metadata log.
func (d *dumper) dumpLog(ctx context.Context, file string) error {
	if err := d.printLogTitle(file); err != nil {
		return err
	}
	f, err := d.fs.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	size = min(size, math.MaxInt32) // as large as segments can be
	scan := scanBatches(file, f, 0, min(size, d.maxBytes))
	last := int64(-1)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch, position, err := scan.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := d.dumpBatch(file, batch, position, &last); err != nil {
			return fmt.Errorf("batch at position %d: %w", position, err)
		}
	}
	if trailing := size - scan.at; trailing > 0 && d.maxBytes == math.MaxInt32 {
		d.printf("Found %d invalid bytes at the end of %s\n", trailing, filepath.Base(file))
	}
	return nil
}

func (d *dumper) printLogTitle(file string) error {
	name := filepath.Base(file)
	switch {
	case strings.HasSuffix(name, ".log"):
		base, err := baseOffset(file)
		if err != nil {
			return err
		}
		d.printf("Log starting offset: %d\n", base)
	case name == "bootstrap.checkpoint":
		d.printf("KRaft bootstrap snapshot\n")
	default:
		offset, epoch, ok := strings.Cut(strings.TrimSuffix(name, ".checkpoint"), "-")
		end, err1 := strconv.ParseInt(offset, 10, 64)
		number, err2 := strconv.ParseInt(epoch, 10, 32)
		if !ok || err1 != nil || err2 != nil {
			return fmt.Errorf("%s is not named like a snapshot", file)
		}
		d.printf("Snapshot end offset: %d, epoch: %d\n", end, number)
	}
	return nil
}

func (d *dumper) dumpBatch(file string, batch []byte, position int64, last *int64) error {
	if isLegacy(batch) {
		return d.dumpLegacy(file, batch, position, last)
	}
	b := record.Batch(batch)
	d.printBatch(b, position)
	if !d.deep {
		return nil
	}
	reader, err := record.NewReader(b, maxDecompressedBytes)
	if err != nil {
		return err
	}
	defer reader.Close()
	var r record.Record
	for {
		err := reader.Next(&r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		offset := b.BaseOffset() + int64(r.OffsetDelta)
		d.problems.follow(file, last, offset)
		if err := d.printRecord(b, &r, offset); err != nil {
			return err
		}
	}
}

func (d *dumper) printBatch(b record.Batch, position int64) {
	d.printf("baseOffset: %d lastOffset: %d count: %d baseSequence: %d lastSequence: %d producerId: %d producerEpoch: %d "+
		"partitionLeaderEpoch: %d isTransactional: %t isControl: %t deleteHorizonMs: %s",
		b.BaseOffset(), b.LastOffset(), b.NumRecords(), b.BaseSequence(), b.LastSequence(), b.ProducerID(), b.ProducerEpoch(),
		b.PartitionLeaderEpoch(), b.IsTransactional(), b.IsControl(), optionalLong(b.DeleteHorizon()))
	d.printf(" position: %d %s: %d size: %d magic: %d compresscodec: %s crc: %d isvalid: %t\n",
		position, b.TimestampType(), b.MaxTimestamp(), b.Size(), b.Magic(), b.Codec(), b.CRC(), b.CheckCRC() == nil)
}

func (d *dumper) printRecord(b record.Batch, r *record.Record, offset int64) error {
	prefix := " "
	if d.skipMetadata {
		prefix = "| "
	} else {
		sequence := record.NoSequence
		if b.BaseSequence() >= 0 {
			sequence = record.IncrementSequence(b.BaseSequence(), r.OffsetDelta)
		}
		d.printf("| offset: %d %s: %d keySize: %d valueSize: %d sequence: %d headerKeys: [", offset, b.TimestampType(), r.Timestamp,
			fieldSize(r.Key), fieldSize(r.Value), sequence)
		for i := range r.Headers {
			if i > 0 {
				d.printf(",")
			}
			d.printf("%s", r.Headers[i].Key)
		}
		d.printf("]")
		if b.IsControl() {
			if err := d.printControl(r); err != nil {
				return err
			}
		}
	}
	if d.printRecords && !b.IsControl() {
		if err := d.printContents(r.Key, r.Value, offset, prefix); err != nil {
			return err
		}
	}
	d.printf("\n")
	return nil
}

func (d *dumper) printContents(keyBytes, valueBytes []byte, offset int64, prefix string) error {
	key, value, err := d.decode(keyBytes, valueBytes, offset)
	if err != nil {
		return err
	}
	if key != nil {
		d.printf("%skey: %s", prefix, key)
		prefix = " "
	}
	if value != nil {
		d.printf("%spayload: %s", prefix, value)
	}
	return nil
}

// fieldSize is -1 for a key or value that is not there.
func fieldSize(b []byte) int {
	if b == nil {
		return -1
	}
	return len(b)
}

// controlMessages are the control records whose value is a message of its own, with the title that Apache's tool gives it.
var controlMessages = map[int16]struct{ title, schema string }{
	2: {" LeaderChange: ", "LeaderChangeMessage"},
	3: {" SnapshotHeader ", "SnapshotHeaderRecord"},
	4: {" SnapshotFooter ", "SnapshotFooterRecord"},
	5: {" KRaftVersion ", "KRaftVersionRecord"},
	6: {" KRaftVoters ", "VotersRecord"},
}

func (d *dumper) printControl(r *record.Record) error {
	control, err := record.ParseControlType(r.Key)
	if err != nil {
		return err
	}
	if m, ok := controlMessages[int16(control)]; ok {
		text, err := recordjson.Control(m.schema, r.Value)
		if err != nil {
			return err
		}
		d.printf("%s%s", m.title, text)
		return nil
	}
	marker, err := record.ParseMarker(r.Key, r.Value)
	if err != nil {
		d.printf(" controlType: UNKNOWN(%d)", int16(control))
		return nil
	}
	d.printf(" endTxnMarker: %s coordinatorEpoch: %d", marker.Type, marker.CoordinatorEpoch)
	return nil
}

// dumpLegacy prints a message of magic 0 or 1. What a compressed one wraps is not unfolded: nothing writes these any more.
func (d *dumper) dumpLegacy(file string, batch []byte, position int64, last *int64) error {
	m, err := parseLegacy(batch)
	if err != nil {
		return err
	}
	offset := lastOffset(batch)
	d.printf("offset: %d position: %d %s: %d size: %d magic: %d compresscodec: %s crc: %d isvalid: %t\n",
		offset, position, m.stampType, m.timestamp, len(batch), m.magic, m.codec, m.crc, m.valid)
	if !d.deep || m.codec != record.CodecNone {
		return nil
	}
	d.problems.follow(file, last, offset)
	prefix := "| "
	if !d.skipMetadata {
		prefix = " "
		d.printf("| offset: %d %s: %d keySize: %d valueSize: %d isValid: %t crc: %d", offset, m.stampType, m.timestamp,
			fieldSize(m.key), fieldSize(m.value), m.valid, m.crc)
	}
	if d.printRecords {
		if err := d.printContents(m.key, m.value, offset, prefix); err != nil {
			return err
		}
	}
	d.printf("\n")
	return nil
}

// firstSequence is the first sequence of the batch that a snapshot remembers of a producer.
func firstSequence(e storage.SnapshotEntry) int32 {
	return record.DecrementSequence(e.LastSequence, e.OffsetDelta)
}
