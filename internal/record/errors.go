package record

import (
	"fmt"
	"strings"
)

// Kind is the class of a refusal. This package knows no protocol codes; the caller maps a Kind to one. The code that Apache
// Kafka 4.3.1 answers a produce request with stands beside each.
type Kind uint8

// The kinds of errors.
const (
	// KindCorrupt is a batch whose bytes cannot be trusted: CRC, length, unknown magic. CORRUPT_MESSAGE.
	KindCorrupt Kind = iota + 1
	// KindInvalidRecord is a sound frame with content that is not allowed: wrong counts or offsets, control records from a
	// client, no key in a compacted topic, a record structure that does not fit. INVALID_RECORD.
	KindInvalidRecord
	// KindInvalidTimestamp is a record outside the topic's timestamp bounds. INVALID_TIMESTAMP.
	KindInvalidTimestamp
	// KindOldMagic is a message of magic 0 or 1, which Kafka stopped accepting with 4.0. INVALID_RECORD.
	KindOldMagic
	// KindTooLarge is a batch over the topic's max.message.bytes, or one that decompresses to more than the limit.
	// MESSAGE_TOO_LARGE. The Java producer answers that by splitting the batch, which also cures the second case.
	KindTooLarge
	// KindUnsupportedCompression is zstd in a request of a version that does not know it. UNSUPPORTED_COMPRESSION_TYPE.
	KindUnsupportedCompression
	// KindUnknownCodec is a codec number without meaning (5 to 7). UNKNOWN_SERVER_ERROR.
	KindUnknownCodec
	// KindDecompression is a payload that its codec cannot decode although the CRC is right. UNKNOWN_SERVER_ERROR.
	KindDecompression
	// KindOutOfOrder is a replicated sequence of batches whose offsets do not increase. No client sees it.
	KindOutOfOrder
)

// String returns a name for logs.
func (k Kind) String() string {
	names := [...]string{"", "corrupt", "invalid record", "invalid timestamp", "old magic", "too large",
		"unsupported compression", "unknown codec", "decompression", "out of order"}
	if int(k) < len(names) && k > 0 {
		return names[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// RecordError tells why one record was refused. A produce response carries the list from version 8 on.
type RecordError struct {
	Index   int32 // in the batch, from 0
	Message string
}

// Error is a refusal of a batch.
type Error struct {
	Kind    Kind
	Message string
	// Records lists the refused records where the refusal is about single records, at most MaxRecordErrors of them.
	Records []RecordError
	// NumRecords is how many records were refused, also beyond MaxRecordErrors.
	NumRecords int
	// Cause is the codec's error of a KindDecompression.
	Cause error
}

// MaxRecordErrors bounds Error.Records. A batch of 1 MB can hold 100,000 records, and a response that explains each would
// be larger than the request.
const MaxRecordErrors = 1000

// Error returns the message, with the first three refused records.
func (e *Error) Error() string {
	if len(e.Records) == 0 {
		return e.Message
	}
	var s strings.Builder
	s.WriteString(e.Message)
	for i, r := range e.Records[:min(len(e.Records), 3)] {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&s, "%srecord %d: %s", sep, r.Index, r.Message)
	}
	return s.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// The errors of Next and PeekSize.
var (
	// ErrTruncated: the bytes end inside a batch.
	ErrTruncated error = &Error{Kind: KindCorrupt, Message: "the bytes end inside a record batch"}
	// ErrLength: the length field is less than any batch has.
	ErrLength error = &Error{Kind: KindCorrupt, Message: "the length of the record batch is smaller than its header"}
	// ErrMagic: not a format that ever existed.
	ErrMagic error = &Error{Kind: KindCorrupt, Message: "the magic of the record batch is unknown"}
	// ErrOldMagic: a message set of before Kafka 0.11.
	ErrOldMagic error = &Error{Kind: KindOldMagic, Message: "message formats before magic 2 are not supported"}
)

func invalidRecord(format string, args ...any) error {
	return &Error{Kind: KindInvalidRecord, Message: fmt.Sprintf(format, args...)}
}

func decompressionError(codec Codec, cause error) error {
	return &Error{Kind: KindDecompression, Message: fmt.Sprintf("the records do not decompress with %s: %v", codec, cause), Cause: cause}
}
