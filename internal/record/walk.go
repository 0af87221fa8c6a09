package record

import (
	"fmt"
	"math"
)

// walker passes over the records of a batch, checking each, without holding more of it than one window.
type walker struct {
	batch        Batch
	rules        Rules // a copy, as a pointer would move the caller's to the heap
	index        int32 // of the present record
	base         int64 // timestamp that deltas are added to
	stamped      bool  // no deltas: the batch has one timestamp, base
	from, to     int64 // timestamps between them are beyond doubt
	maxTimestamp int64 // of the records so far
	fields       fields
	refused      *Error // the records that were refused so far
}

// begin readies a walker, which has the zero value.
func (w *walker) begin(b Batch, rules Rules) {
	w.batch, w.rules, w.base, w.maxTimestamp = b, rules, b.BaseTimestamp(), NoTimestamp
	if b.TimestampType() == LogAppendTime {
		w.base, w.stamped = b.MaxTimestamp(), true
	}
	if w.from, w.to = math.MinInt64, math.MaxInt64; !rules.LogAppendTime {
		w.from = rules.NowMs - min(rules.TimestampBeforeMaxMs, math.MaxInt64+min(rules.NowMs, 0))
		w.to = rules.NowMs + min(rules.TimestampAfterMaxMs, math.MaxInt64-max(rules.NowMs, 0))
	}
}

// walk checks all records. Its error is about the batch's structure, or lists the records that were refused.
func (w *walker) walk() error {
	if w.batch.Codec() == CodecNone {
		return w.verdict(w.walkPlain(w.batch.Payload()))
	}
	return w.verdict(w.walkCompressed())
}

// verdict is the outcome of a walk that ended with err.
func (w *walker) verdict(err error) error {
	if err != nil {
		return err
	}
	if w.refused != nil {
		return w.refused
	}
	return nil
}

// walkPlain checks uncompressed records.
func (w *walker) walkPlain(records []byte) error {
	rest := records
	var p plain
	for n := w.batch.NumRecords(); w.index < n; w.index++ {
		if p.read(rest) {
			if !w.passes(&p) {
				if err := w.check(p.offsetDelta, p.timestampDelta, p.hasKey); err != nil {
					return err
				}
			}
			rest = rest[p.sizeBytes:]
			continue
		}
		body, next, err := cutRecord(rest)
		if err != nil {
			return err
		}
		if err := w.fields.parse(body); err != nil {
			return err
		}
		if err := w.check(w.fields.offsetDelta, w.fields.timestampDelta, w.fields.key != nil); err != nil {
			return err
		}
		rest = next
	}
	if len(rest) != 0 {
		return errRecordsLeft
	}
	return nil
}

func (w *walker) walkCompressed() error {
	s, err := openStream(w.batch.Codec(), w.batch.Payload(), w.rules.maxDecompressedBytes())
	if err != nil {
		return err
	}
	defer s.close()
	for n := w.batch.NumRecords(); w.index < n; w.index++ {
		if err := w.walkUsual(s, n); err != nil {
			return err
		}
		if w.index == n {
			break
		}
		if err := w.walkStreamed(s); err != nil {
			return err
		}
	}
	end, err := s.atEnd()
	if err != nil {
		return err
	}
	if !end {
		return errRecordsLeft
	}
	return nil
}

// walkUsual checks the usual records that are whole in the stream's window, up to the first that is not, or number n.
func (w *walker) walkUsual(s *stream, n int32) error {
	var p plain
	for w.index < n && p.read(s.buf[s.at:s.end]) {
		if !w.passes(&p) {
			if err := w.check(p.offsetDelta, p.timestampDelta, p.hasKey); err != nil {
				return err
			}
		}
		s.at += p.sizeBytes
		w.index++
	}
	return nil
}

// walkStreamed checks the next record of a stream: in one piece if it fits the window, else field by field.
func (w *walker) walkStreamed(s *stream) error {
	size, err := s.varint()
	if err != nil {
		return err
	}
	if size < 0 {
		return errRecordStructure
	}
	if size > streamBufferSize/2 {
		return w.walkLong(s, int(size))
	}
	body, err := s.next(int(size))
	if err != nil {
		return err
	}
	if err := w.fields.parse(body); err != nil {
		return err
	}
	return w.check(w.fields.offsetDelta, w.fields.timestampDelta, w.fields.key != nil)
}

// walkLong checks a record that is longer than the window is worth, skipping its key, value and headers.
func (w *walker) walkLong(s *stream, size int) error {
	l := longRecord{stream: s, left: size}
	l.skip(1) // attributes
	timestampDelta := l.varint64()
	offsetDelta := l.varint32()
	hasKey := l.skipField()
	l.skipField() // value
	numHeaders := l.varint32()
	if l.err == nil && (numHeaders < 0 || int(numHeaders) > l.left/2) {
		return errRecordHeaders
	}
	for range numHeaders {
		if l.err != nil {
			break
		}
		if !l.skipField() && l.err == nil {
			return errRecordHeaders
		}
		l.skipField()
	}
	if l.err != nil {
		return l.err
	}
	if l.left != 0 {
		return errRecordStructure
	}
	return w.check(offsetDelta, timestampDelta, hasKey)
}

// passes takes a record that is beyond doubt, as nearly all are. Of the others it says nothing: check judges them.
func (w *walker) passes(p *plain) bool {
	timestamp := w.base + p.timestampDelta
	if p.offsetDelta != w.index || timestamp < w.from || timestamp > w.to || w.stamped || w.rules.Compacted && !p.hasKey {
		return false
	}
	w.maxTimestamp = max(w.maxTimestamp, timestamp)
	return true
}

// check holds one record against the rules. An error ends the walk; a refusal is noted and the walk goes on, so that the
// client learns of all refused records at once.
func (w *walker) check(offsetDelta int32, timestampDelta int64, hasKey bool) error {
	if offsetDelta != w.index {
		return invalidRecord("record %d of the batch has the offset delta %d", w.index, offsetDelta)
	}
	timestamp := w.base + timestampDelta
	if w.stamped {
		timestamp = w.base
	}
	if timestamp > w.maxTimestamp {
		w.maxTimestamp = timestamp
	}
	if w.rules.Compacted && !hasKey {
		w.refuse(KindInvalidRecord, "a record of a compacted topic needs a key")
		return nil
	}
	w.checkTimestamp(timestamp)
	return nil
}

// checkTimestamp does as Apache Kafka, which looks at the batch's timestamp type only where it does not look at the record's
// timestamp.
func (w *walker) checkTimestamp(timestamp int64) {
	r := &w.rules
	if !r.LogAppendTime && timestamp != NoTimestamp {
		age := r.NowMs - timestamp
		if age > r.TimestampBeforeMaxMs || -age > r.TimestampAfterMaxMs {
			w.refuse(KindInvalidTimestamp, fmt.Sprintf("the timestamp %d is outside of what the topic allows: from %d to %d",
				timestamp, r.NowMs-r.TimestampBeforeMaxMs, r.NowMs+r.TimestampAfterMaxMs))
		}
	} else if w.batch.TimestampType() == LogAppendTime {
		w.refuse(KindInvalidTimestamp, "a producer cannot send a batch with the timestamp type LogAppendTime")
	}
}

// refuse notes that the present record is not acceptable. One bad timestamp makes the whole refusal one of timestamps.
func (w *walker) refuse(kind Kind, message string) {
	if w.refused == nil {
		w.refused = &Error{Kind: kind, Message: "the topic does not accept some of the records"}
	}
	if kind == KindInvalidTimestamp {
		w.refused.Kind = kind
		w.refused.Message = "the topic does not accept the timestamps of some of the records"
	}
	w.refused.NumRecords++
	if len(w.refused.Records) < MaxRecordErrors {
		w.refused.Records = append(w.refused.Records, RecordError{Index: w.index, Message: message})
	}
}
