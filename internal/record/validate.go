package record

import (
	"fmt"
	"io"
)

// Validate checks the bytes of an append and assigns what the partition assigns. What it writes, it writes in place, after
// all checks, so that an error leaves the bytes as they were.
//
// For a leader (OriginClient, OriginCoordinator) there must be exactly one batch. A cut batch at the end of the bytes is
// dropped, as Apache Kafka does.
//
// Apache is followed in what is accepted and which error a client gets, with three exceptions, all INVALID_RECORD here.
// Offset deltas must be 0, 1, 2…: Apache appends a plain batch with other deltas as it is, and its consumers then see wrong
// offsets; a compressed one gets an unknown error. A compressed record must have the size that it says it has. And a number
// of too many bytes in a plain record is an invalid record rather than an unknown error.
//
// The error is always a *Error.
func Validate(batches []byte, rules Rules) (Result, error) {
	if rules.Origin == OriginReplication {
		return validateReplicated(batches)
	}
	b, err := onlyBatch(batches)
	if err != nil {
		return Result{}, err
	}
	if err := checkFrame(b, rules.Origin, rules.MaxMessageBytes); err != nil {
		return Result{}, err
	}
	if err := checkHeader(b, &rules); err != nil {
		return Result{}, err
	}
	target := rules.Compression
	// Apache does not compress control records that were written plain.
	if target == CodecProducer || (b.IsControl() && b.Codec() == CodecNone) {
		target = b.Codec()
	}
	var w walker
	w.begin(b, rules)
	if target != b.Codec() {
		return recompress(&w, target)
	}
	if err := w.walk(); err != nil {
		return Result{}, err
	}
	return assign(b, &rules, w.maxTimestamp), nil
}

// CheckProduce checks what Apache Kafka checks of a partition's bytes before it looks for the partition: one batch, of
// magic 2, and no zstd where the version of the request (below 7) does not know it.
func CheckProduce(batches []byte, allowZstd bool) error {
	b, err := onlyBatch(batches)
	if err != nil {
		return err
	}
	if !allowZstd && b.Codec() == CodecZstd {
		return &Error{Kind: KindUnsupportedCompression, Message: "this version of the produce request does not allow zstd"}
	}
	return nil
}

var (
	errNoBatch     = &Error{Kind: KindInvalidRecord, Message: "the append contains no whole record batch"}
	errManyBatches = &Error{Kind: KindInvalidRecord, Message: "the append contains more than one record batch"}
)

// onlyBatch returns the single batch in the bytes. A cut one behind it does not count.
func onlyBatch(batches []byte) (Batch, error) {
	b, rest, err := Next(batches)
	switch {
	case err == io.EOF || err == ErrTruncated:
		return nil, errNoBatch
	case err != nil:
		return nil, err
	}
	switch _, _, err = Next(rest); {
	case err == nil || err == ErrOldMagic:
		return nil, errManyBatches
	case err == io.EOF || err == ErrTruncated:
		return b, nil
	}
	return nil, err
}

// checkFrame checks what needs no look at the records: size and CRC.
func checkFrame(b Batch, origin Origin, maxMessageBytes int) error {
	if origin == OriginClient && b.BaseOffset() != 0 {
		return invalidRecord("the base offset of a produced batch is 0, this one has %d", b.BaseOffset())
	}
	if maxMessageBytes > 0 && len(b) > maxMessageBytes {
		return tooLarge(len(b), maxMessageBytes)
	}
	if err := b.CheckCRC(); err != nil {
		return err
	}
	if codec := b.Codec(); !codec.Valid() {
		return &Error{Kind: KindUnknownCodec, Message: fmt.Sprintf("the batch has the unknown compression %d", int8(codec))}
	}
	return nil
}

func tooLarge(size, limit int) error {
	return &Error{Kind: KindTooLarge, Message: fmt.Sprintf("the record batch has %d bytes, the topic allows %d (max.message.bytes)", size, limit)}
}

// checkHeader checks that the header agrees with itself, and that the origin may write such a batch.
func checkHeader(b Batch, rules *Rules) error {
	count, span := int64(b.NumRecords()), int64(b.LastOffsetDelta())+1
	switch {
	case span <= 0:
		return invalidRecord("the batch has the impossible last offset delta %d", b.LastOffsetDelta())
	case count <= 0:
		return invalidRecord("the batch declares %d records", count)
	case count != span:
		return invalidRecord("the batch declares %d records but covers %d offsets", count, span)
	}
	if rules.Origin != OriginClient {
		return nil
	}
	if b.IsControl() {
		return invalidRecord("clients cannot write control records")
	}
	if b.HasProducerID() && b.BaseSequence() < 0 {
		return invalidRecord("the batch of producer %d has the impossible sequence number %d", b.ProducerID(), b.BaseSequence())
	}
	return nil
}

// assign writes offset, epoch and timestamp into a checked batch and reports them.
func assign(b Batch, rules *Rules, maxTimestamp int64) Result {
	b.SetBaseOffset(rules.FirstOffset)
	b.SetPartitionLeaderEpoch(rules.LeaderEpoch)
	result := Result{
		Batches:         b,
		FirstOffset:     rules.FirstOffset,
		LastOffset:      b.LastOffset(),
		MaxTimestamp:    maxTimestamp,
		LogAppendTimeMs: NoTimestamp,
	}
	typ := CreateTime
	if rules.LogAppendTime {
		typ = LogAppendTime
		result.MaxTimestamp, result.LogAppendTimeMs = rules.NowMs, rules.NowMs
	}
	b.setTimestampTypeAndMax(typ, result.MaxTimestamp)
	return result
}

// validateReplicated checks batches that a leader has already accepted.
func validateReplicated(batches []byte) (Result, error) {
	result := Result{FirstOffset: -1, LastOffset: -1, MaxTimestamp: NoTimestamp, LogAppendTimeMs: NoTimestamp}
	rest := batches
	for {
		b, next, err := Next(rest)
		if err == io.EOF || err == ErrTruncated {
			break
		}
		if err != nil {
			return Result{}, err
		}
		// A replica takes what its leader has, whatever its own configuration says by now.
		if err := checkFrame(b, OriginReplication, 0); err != nil {
			return Result{}, err
		}
		if b.LastOffsetDelta() < 0 || b.NumRecords() < 0 {
			return Result{}, invalidRecord("the batch at offset %d has an impossible number of records", b.BaseOffset())
		}
		if result.FirstOffset < 0 {
			result.FirstOffset = b.BaseOffset()
		} else if b.BaseOffset() <= result.LastOffset {
			return Result{}, &Error{Kind: KindOutOfOrder, Message: fmt.Sprintf("the batch at offset %d follows one that ends at %d", b.BaseOffset(), result.LastOffset)}
		}
		result.LastOffset = b.LastOffset()
		result.MaxTimestamp = max(result.MaxTimestamp, b.MaxTimestamp())
		rest = next
	}
	result.Batches = batches[:len(batches)-len(rest)]
	if len(result.Batches) == 0 {
		return Result{}, errNoBatch
	}
	return result, nil
}
