package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// HeaderSize is the size of a batch without records.
const HeaderSize = 61

// LogOverhead is the size of base offset and length, the part of the header that the length does not count.
const LogOverhead = 12

// Magic is the only batch format that Ottla reads and writes.
const Magic = 2

// The values that stand for "none" in a batch.
const (
	NoTimestamp     int64 = -1
	NoProducerID    int64 = -1
	NoProducerEpoch int16 = -1
	NoSequence      int32 = -1
	NoLeaderEpoch   int32 = -1
)

const (
	posLength          = 8
	posLeaderEpoch     = 12
	posMagic           = 16
	posCRC             = 17
	posAttributes      = 21
	posLastOffsetDelta = 23
	posBaseTimestamp   = 27
	posMaxTimestamp    = 35
	posProducerID      = 43
	posProducerEpoch   = 51
	posBaseSequence    = 53
	posNumRecords      = 57

	// minLength is the smallest length that an old (magic 0) message could have. Less cannot be a batch of any format.
	minLength = 14
)

const (
	attrCodecMask     = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
	attrDeleteHorizon = 0x40
	attrKnown         = attrCodecMask | attrLogAppendTime | attrTransactional | attrControl | attrDeleteHorizon
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// TimestampType says who set the timestamps of a batch.
type TimestampType int8

// The timestamp types, with the numbers of the attribute bit.
const (
	CreateTime    TimestampType = 0 // by the producer
	LogAppendTime TimestampType = 1 // by the leader, when it appended
)

// String returns Kafka's name of the type.
func (t TimestampType) String() string {
	if t == LogAppendTime {
		return "LogAppendTime"
	}
	return "CreateTime"
}

// Batch is exactly one whole record batch: a view, never a copy. Get one from Next, a Builder, or by slicing where the size
// is known from an index. The accessors do not check anything beyond the length of the slice; what comes from outside goes
// through Next first, and through Validate or CheckCRC before its content is believed.
type Batch []byte

// Next splits the first batch off b and returns it with what follows. At the end of b (no bytes left) the error is io.EOF.
// If b ends inside a batch it is ErrTruncated, so that a reader of a byte-limited fetch can stop there as Kafka's clients do.
// A length that no batch can have is ErrLength, an unknown format ErrMagic, the formats before magic 2 ErrOldMagic.
func Next(b []byte) (batch Batch, rest []byte, err error) {
	size, err := PeekSize(b)
	if err != nil {
		return nil, b, err
	}
	if len(b) < size {
		return nil, b, ErrTruncated
	}
	return Batch(b[:size:size]), b[size:], nil
}

// PeekSize returns the size of the batch whose first bytes are in b, after checking what of its header tells a batch from
// garbage. It needs the first 17 bytes (up to the magic) and returns ErrTruncated for less. The errors are those of Next.
func PeekSize(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, io.EOF
	}
	if len(b) < LogOverhead {
		return 0, ErrTruncated
	}
	length := int32(binary.BigEndian.Uint32(b[posLength:]))
	if length < minLength {
		return 0, ErrLength
	}
	if len(b) <= posMagic {
		return 0, ErrTruncated
	}
	switch magic := int8(b[posMagic]); {
	case magic < 0 || magic > Magic:
		return 0, ErrMagic
	case magic < Magic:
		return 0, ErrOldMagic
	}
	if length < HeaderSize-LogOverhead {
		return 0, ErrLength
	}
	return int(length) + LogOverhead, nil
}

// BaseOffset is the offset of the first record that the batch had when it was written.
func (b Batch) BaseOffset() int64 { return int64(binary.BigEndian.Uint64(b)) }

// SetBaseOffset writes the base offset. It lies outside the CRC.
func (b Batch) SetBaseOffset(offset int64) { binary.BigEndian.PutUint64(b, uint64(offset)) }

// Size is the whole size of the batch in bytes, as its length field tells.
func (b Batch) Size() int { return int(int32(binary.BigEndian.Uint32(b[posLength:]))) + LogOverhead }

// PartitionLeaderEpoch is the epoch of the leader that appended the batch.
func (b Batch) PartitionLeaderEpoch() int32 {
	return int32(binary.BigEndian.Uint32(b[posLeaderEpoch:]))
}

// SetPartitionLeaderEpoch writes the leader epoch. It lies outside the CRC.
func (b Batch) SetPartitionLeaderEpoch(epoch int32) {
	binary.BigEndian.PutUint32(b[posLeaderEpoch:], uint32(epoch))
}

// Magic is the format of the batch.
func (b Batch) Magic() int8 { return int8(b[posMagic]) }

// CRC is the checksum that is written in the batch.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[posCRC:]) }

// ComputeCRC computes the checksum that the batch should have.
func (b Batch) ComputeCRC() uint32 { return crc32.Checksum(b[posAttributes:], castagnoli) }

// CheckCRC compares both checksums; a difference is a *Error of KindCorrupt.
func (b Batch) CheckCRC() error {
	if stored, computed := b.CRC(), b.ComputeCRC(); stored != computed {
		return &Error{Kind: KindCorrupt, Message: fmt.Sprintf("the batch is corrupt: its CRC is %d, computed is %d", stored, computed)}
	}
	return nil
}

// setCRC writes the checksum that belongs to the present content.
func (b Batch) setCRC() { binary.BigEndian.PutUint32(b[posCRC:], b.ComputeCRC()) }

// Attributes is the raw field.
func (b Batch) Attributes() int16 { return int16(binary.BigEndian.Uint16(b[posAttributes:])) }

// Codec is the compression of the records. Numbers 5 to 7 have no meaning; see Codec.Valid.
func (b Batch) Codec() Codec { return Codec(b.Attributes() & attrCodecMask) }

// IsControl tells whether the batch holds control records (transaction markers) instead of data.
func (b Batch) IsControl() bool { return b.Attributes()&attrControl != 0 }

// IsTransactional tells whether the batch belongs to a transaction.
func (b Batch) IsTransactional() bool { return b.Attributes()&attrTransactional != 0 }

// TimestampType says who set the timestamps.
func (b Batch) TimestampType() TimestampType {
	if b.Attributes()&attrLogAppendTime != 0 {
		return LogAppendTime
	}
	return CreateTime
}

// DeleteHorizon is the time in ms from which the tombstones in the batch may be removed, if the cleaner has set one.
func (b Batch) DeleteHorizon() (ms int64, ok bool) {
	if b.Attributes()&attrDeleteHorizon == 0 {
		return 0, false
	}
	return b.BaseTimestamp(), true
}

// LastOffsetDelta is the distance of the last offset from the base offset. It does not change when the batch is compacted.
func (b Batch) LastOffsetDelta() int32 {
	return int32(binary.BigEndian.Uint32(b[posLastOffsetDelta:]))
}

// LastOffset is the last offset that the batch covers.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// NextOffset is the offset that follows the batch.
func (b Batch) NextOffset() int64 { return b.LastOffset() + 1 }

// BaseTimestamp is what the timestamp deltas of the records count from.
func (b Batch) BaseTimestamp() int64 { return int64(binary.BigEndian.Uint64(b[posBaseTimestamp:])) }

// MaxTimestamp is the largest timestamp of the records, or the append time.
func (b Batch) MaxTimestamp() int64 { return int64(binary.BigEndian.Uint64(b[posMaxTimestamp:])) }

// ProducerID is the idempotent producer's id, or NoProducerID.
func (b Batch) ProducerID() int64 { return int64(binary.BigEndian.Uint64(b[posProducerID:])) }

// HasProducerID tells whether an idempotent producer wrote the batch. Kafka takes every negative id for "none".
func (b Batch) HasProducerID() bool { return b.ProducerID() > NoProducerID }

// ProducerEpoch is the producer's epoch.
func (b Batch) ProducerEpoch() int16 { return int16(binary.BigEndian.Uint16(b[posProducerEpoch:])) }

// BaseSequence is the sequence number of the first record, or NoSequence.
func (b Batch) BaseSequence() int32 { return int32(binary.BigEndian.Uint32(b[posBaseSequence:])) }

// LastSequence is the sequence number of the last record, or NoSequence.
func (b Batch) LastSequence() int32 {
	base := b.BaseSequence()
	if base == NoSequence {
		return NoSequence
	}
	return IncrementSequence(base, b.LastOffsetDelta())
}

// NumRecords is the declared number of records.
func (b Batch) NumRecords() int32 { return int32(binary.BigEndian.Uint32(b[posNumRecords:])) }

// Payload is what follows the header: the records, compressed if a codec is set.
func (b Batch) Payload() []byte { return b[HeaderSize:] }

// setTimestampTypeAndMax writes both fields, and the CRC if something changed. Like Apache Kafka it clears the attribute
// bits without meaning when it writes.
func (b Batch) setTimestampTypeAndMax(typ TimestampType, maxMs int64) {
	if b.TimestampType() == typ && b.MaxTimestamp() == maxMs {
		return
	}
	attributes := b.Attributes() & attrKnown &^ attrLogAppendTime
	if typ == LogAppendTime {
		attributes |= attrLogAppendTime
	}
	binary.BigEndian.PutUint16(b[posAttributes:], uint16(attributes))
	binary.BigEndian.PutUint64(b[posMaxTimestamp:], uint64(maxMs))
	b.setCRC()
}

// IncrementSequence adds to a sequence number. After the largest int32 comes 0.
func IncrementSequence(sequence, increment int32) int32 {
	if sequence > math.MaxInt32-increment {
		return increment - (math.MaxInt32 - sequence) - 1
	}
	return sequence + increment
}

// DecrementSequence subtracts from a sequence number, the inverse of IncrementSequence.
func DecrementSequence(sequence, decrement int32) int32 {
	if sequence < decrement {
		return math.MaxInt32 - (decrement - sequence) + 1
	}
	return sequence - decrement
}
