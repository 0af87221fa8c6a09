package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Builder builds one batch. Get one from NewBuilder, set the fields that differ from the defaults, Append records, and Build.
// The fields may be set until Build. A Builder is for one goroutine.
type Builder struct {
	BaseOffset    int64
	LeaderEpoch   int32
	Codec         Codec
	Level         int // of the codec; 0: its default
	ProducerID    int64
	ProducerEpoch int16
	BaseSequence  int32
	Transactional bool
	Control       bool
	// LogAppendTimeMs stamps the batch with the broker's time. NoTimestamp, the default, means CreateTime.
	LogAppendTimeMs int64

	records       []byte
	numRecords    int32
	lastDelta     int32
	baseTimestamp int64
	maxTimestamp  int64
}

// NewBuilder returns a Builder for a batch from no idempotent producer, at offset 0, with the producer's timestamps.
func NewBuilder(codec Codec) *Builder {
	b := &Builder{}
	b.Codec = codec
	b.Reset()
	return b
}

// Reset forgets the records and puts every field but Codec and Level back to its default. It keeps the buffer.
func (b *Builder) Reset() {
	*b = Builder{
		LeaderEpoch: NoLeaderEpoch, Codec: b.Codec, Level: b.Level,
		ProducerID: NoProducerID, ProducerEpoch: NoProducerEpoch, BaseSequence: NoSequence,
		LogAppendTimeMs: NoTimestamp,
		records:         b.records[:0], lastDelta: -1, baseTimestamp: NoTimestamp, maxTimestamp: NoTimestamp,
	}
}

// Append adds a record at the next offset. The record's own OffsetDelta is not looked at. Nothing of r is kept.
func (b *Builder) Append(r *Record) error {
	if b.lastDelta == math.MaxInt32 {
		return errors.New("the batch has no room for a further offset")
	}
	return b.AppendAt(b.lastDelta+1, r)
}

// AppendAt adds a record at a distance from the base offset that is larger than the last one's. Compacted batches have gaps.
func (b *Builder) AppendAt(offsetDelta int32, r *Record) error {
	if offsetDelta <= b.lastDelta {
		return fmt.Errorf("offset delta %d does not follow %d", offsetDelta, b.lastDelta)
	}
	if r.Timestamp < 0 && r.Timestamp != NoTimestamp {
		return &Error{Kind: KindInvalidTimestamp, Message: fmt.Sprintf("a record cannot have the timestamp %d", r.Timestamp)}
	}
	if b.numRecords == 0 {
		b.baseTimestamp = r.Timestamp
	}
	b.records = appendRecord(b.records, r, offsetDelta, r.Timestamp-b.baseTimestamp)
	if HeaderSize+len(b.records) > math.MaxInt32 {
		return &Error{Kind: KindTooLarge, Message: "the batch is larger than 2 GiB"}
	}
	b.numRecords++
	b.lastDelta = offsetDelta
	b.maxTimestamp = max(b.maxTimestamp, r.Timestamp)
	return nil
}

// NumRecords is how many records were appended.
func (b *Builder) NumRecords() int { return int(b.numRecords) }

// Size is the size of the batch without compression.
func (b *Builder) Size() int { return HeaderSize + len(b.records) }

// Build returns the batch in a buffer of its own.
func (b *Builder) Build() (Batch, error) {
	out, err := b.AppendTo(nil)
	return Batch(out), err
}

// AppendTo appends the batch to dst. It can be called again after further records.
func (b *Builder) AppendTo(dst []byte) ([]byte, error) {
	if b.numRecords == 0 {
		return dst, errors.New("a batch needs at least one record")
	}
	start := len(dst)
	if b.Codec == CodecNone {
		dst = append(dst, make([]byte, HeaderSize)...)
		dst = append(dst, b.records...)
	} else {
		var err error
		dst = append(dst, make([]byte, HeaderSize)...)
		if dst, err = Compress(dst, b.Codec, b.Level, b.records); err != nil {
			return dst[:start], err
		}
	}
	b.writeHeader(Batch(dst[start:]))
	return dst, nil
}

// writeHeader writes the header of a batch whose payload is in place.
func (b *Builder) writeHeader(batch Batch) {
	maxTimestamp := b.maxTimestamp
	attributes := int16(b.Codec)
	if b.LogAppendTimeMs != NoTimestamp {
		attributes |= attrLogAppendTime
		maxTimestamp = b.LogAppendTimeMs
	}
	if b.Transactional {
		attributes |= attrTransactional
	}
	if b.Control {
		attributes |= attrControl
	}
	be := binary.BigEndian
	batch.SetBaseOffset(b.BaseOffset)
	be.PutUint32(batch[posLength:], uint32(len(batch)-LogOverhead))
	batch.SetPartitionLeaderEpoch(b.LeaderEpoch)
	batch[posMagic] = Magic
	be.PutUint16(batch[posAttributes:], uint16(attributes))
	be.PutUint32(batch[posLastOffsetDelta:], uint32(b.lastDelta))
	be.PutUint64(batch[posBaseTimestamp:], uint64(b.baseTimestamp))
	be.PutUint64(batch[posMaxTimestamp:], uint64(maxTimestamp))
	be.PutUint64(batch[posProducerID:], uint64(b.ProducerID))
	be.PutUint16(batch[posProducerEpoch:], uint16(b.ProducerEpoch))
	be.PutUint32(batch[posBaseSequence:], uint32(b.BaseSequence))
	be.PutUint32(batch[posNumRecords:], uint32(b.numRecords))
	batch.setCRC()
}
