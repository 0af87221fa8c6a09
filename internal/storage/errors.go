package storage

import (
	"errors"
	"fmt"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// The sentinels of this package. Errors that it returns wrap one of them, a *record.Error (a batch that is not valid),
// or a protocol.Code (what an idempotent producer did wrong). ErrorCode knows them all.
var (
	// ErrNotFound: no such partition on this broker.
	ErrNotFound = errors.New("partition not found")
	// ErrOffsetOutOfRange is wrapped by *OffsetOutOfRangeError.
	ErrOffsetOutOfRange = errors.New("offset out of range")
	// ErrBatchTooLarge: the batches do not fit into one segment.
	ErrBatchTooLarge = errors.New("record list larger than the segment size")
	// ErrDirOffline: the log directory has failed; nothing of it can be used until a restart.
	ErrDirOffline = errors.New("log directory is offline")
	// ErrNoSpace: the disk is full, or fuller than the low watermark allows. What was written before can be read.
	ErrNoSpace = errors.New("not enough disk space")
	// ErrClosed: the log was closed or deleted.
	ErrClosed = errors.New("log is closed")
	// ErrUnexpectedOffset: a follower was given batches that do not continue its log.
	ErrUnexpectedOffset = errors.New("unexpected offset in append")
	// ErrIO: the disk refused an operation without the directory being given up (too many open files, say).
	ErrIO = errors.New("input/output error")
	// ErrCorrupt: a file does not hold what it should.
	ErrCorrupt = errors.New("corrupt")
	// ErrTopicIDMismatch: the partition's directory belongs to another topic of the same name.
	ErrTopicIDMismatch = errors.New("topic id differs from that of the directory")
)

// OffsetOutOfRangeError says which offsets there are.
type OffsetOutOfRangeError struct {
	Offset         int64
	LogStartOffset int64
	LogEndOffset   int64
}

func (e *OffsetOutOfRangeError) Error() string {
	return fmt.Sprintf("offset %d is out of range: the log has offsets %d to %d", e.Offset, e.LogStartOffset, e.LogEndOffset)
}

// Unwrap makes errors.Is(err, ErrOffsetOutOfRange) true.
func (e *OffsetOutOfRangeError) Unwrap() error { return ErrOffsetOutOfRange }

// ErrorCode returns the Kafka error code for an error of this package.
func ErrorCode(err error) protocol.Code {
	var code protocol.Code
	var invalid *record.Error
	switch {
	case err == nil:
		return protocol.None
	case errors.As(err, &invalid):
		return batchErrorCode(invalid.Kind)
	case errors.As(err, &code):
		return code
	case errors.Is(err, ErrOffsetOutOfRange):
		return protocol.OffsetOutOfRange
	case errors.Is(err, ErrBatchTooLarge):
		return protocol.RecordListTooLarge
	case errors.Is(err, ErrNotFound):
		return protocol.UnknownTopicOrPartition
	case errors.Is(err, ErrClosed):
		return protocol.NotLeaderOrFollower
	case errors.Is(err, ErrTopicIDMismatch):
		return protocol.InconsistentTopicID
	case errors.Is(err, ErrDirOffline), errors.Is(err, ErrNoSpace), errors.Is(err, ErrIO), errors.Is(err, ErrCorrupt):
		return protocol.KafkaStorageError
	}
	return protocol.UnknownServerError
}

// batchErrorCode returns what Apache Kafka answers to a batch that is refused for a reason.
func batchErrorCode(kind record.Kind) protocol.Code {
	switch kind {
	case record.KindCorrupt:
		return protocol.CorruptMessage
	case record.KindInvalidRecord, record.KindOldMagic:
		return protocol.InvalidRecord
	case record.KindInvalidTimestamp:
		return protocol.InvalidTimestamp
	case record.KindTooLarge:
		return protocol.MessageTooLarge
	case record.KindUnsupportedCompression:
		return protocol.UnsupportedCompressionType
	}
	return protocol.UnknownServerError
}
