package record

import "encoding/binary"

// RawRecord is one record of a batch for those who pass it on: what they decide by is decoded, the rest stays as it is.
type RawRecord struct {
	OffsetDelta int32
	Timestamp   int64
	Key, Value  []byte // nil: none

	attributes int8
	rest       []byte // of the body, from the offset delta on
}

// Restart makes r read another batch, as NewReader does. The zero Reader may be restarted.
func (r *Reader) Restart(b Batch, maxDecompressedBytes int64) error {
	r.Close()
	fresh, err := openReader(b, maxDecompressedBytes)
	if err != nil {
		return err
	}
	*r = fresh
	return nil
}

func openReader(b Batch, maxDecompressedBytes int64) (r Reader, err error) {
	r = Reader{batch: b, left: b.NumRecords()}
	switch {
	case r.left < 0:
		return r, invalidRecord("the batch declares %d records", r.left)
	case b.Codec() == CodecNone:
		r.plain = b.Payload()
	case r.left > 0:
		r.stream, err = openStream(b.Codec(), b.Payload(), decompressLimit(maxDecompressedBytes))
	}
	return r, err
}

// NextRaw is Next for a RawRecord: headers are checked, and not decoded. Its slices are valid until the next call.
func (r *Reader) NextRaw(raw *RawRecord) error {
	body, err := r.nextBody()
	if err != nil {
		return err
	}
	if err := r.fields.parse(body); err != nil {
		return err
	}
	f := &r.fields
	_, n := varint64(body[1:])
	*raw = RawRecord{
		OffsetDelta: f.offsetDelta, Timestamp: recordTimestamp(r.batch, f.timestampDelta), Key: f.key, Value: f.value,
		attributes: f.attributes, rest: body[1+n:],
	}
	r.left--
	return nil
}

// Rewriter builds what remains of a batch from which records are taken away. Offsets, producer, sequence, leader epoch and timestamp
// type stay; so does the codec. The zero value is ready.
type Rewriter struct {
	source       Batch
	base         int64 // timestamp that deltas count from
	horizonMs    int64
	records      []byte
	numRecords   int32
	maxTimestamp int64
}

// Begin starts with a batch of which nothing remains yet. deleteHorizonMs is when its tombstones may go, NoTimestamp if that is not set.
func (w *Rewriter) Begin(source Batch, deleteHorizonMs int64) {
	w.source, w.horizonMs, w.base = source, deleteHorizonMs, deleteHorizonMs
	w.records, w.numRecords, w.maxTimestamp = w.records[:0], 0, NoTimestamp
}

// Keep adds a record of the source. Records must be added in their order.
func (w *Rewriter) Keep(r *RawRecord) {
	if w.numRecords == 0 && w.horizonMs == NoTimestamp {
		w.base = r.Timestamp
	}
	delta := r.Timestamp - w.base
	w.records = appendVarint(w.records, int64(1+sizeOfVarint(delta)+len(r.rest)))
	w.records = append(w.records, byte(r.attributes))
	w.records = appendVarint(w.records, delta)
	w.records = append(w.records, r.rest...)
	w.numRecords++
	w.maxTimestamp = max(w.maxTimestamp, r.Timestamp)
}

// NumRecords returns how many records remain.
func (w *Rewriter) NumRecords() int { return int(w.numRecords) }

// AppendTo appends the batch that remains to dst.
func (w *Rewriter) AppendTo(dst []byte) ([]byte, error) {
	start := len(dst)
	dst = append(dst, w.source[:HeaderSize]...)
	codec := w.source.Codec()
	dst, err := Compress(dst, codec, 0, w.records)
	if err != nil {
		return dst[:start], err
	}
	attributes := w.source.Attributes() & (attrKnown &^ attrDeleteHorizon)
	if w.horizonMs != NoTimestamp {
		attributes |= attrDeleteHorizon
	}
	maxTimestamp := w.maxTimestamp
	if w.source.TimestampType() == LogAppendTime {
		maxTimestamp = w.source.MaxTimestamp()
	}
	finishRewrite(Batch(dst[start:]), attributes, w.base, maxTimestamp, w.numRecords)
	return dst, nil
}

// Forget gives large buffers back.
func (w *Rewriter) Forget() {
	w.source = nil
	if cap(w.records) > maxPooledBuffer {
		w.records = nil
	}
}

// AppendEmptied appends a batch without records that keeps the offsets, the producer's sequence and the timestamp of another.
func AppendEmptied(dst []byte, source Batch) []byte {
	start := len(dst)
	dst = append(dst, source[:HeaderSize]...)
	attributes := source.Attributes() & (attrLogAppendTime | attrTransactional | attrControl)
	finishRewrite(Batch(dst[start:]), attributes, NoTimestamp, source.MaxTimestamp(), 0)
	return dst
}

// finishRewrite corrects the copied header of a batch whose payload is in place.
func finishRewrite(b Batch, attributes int16, baseTimestamp, maxTimestamp int64, numRecords int32) {
	be := binary.BigEndian
	be.PutUint32(b[posLength:], uint32(len(b)-LogOverhead))
	be.PutUint16(b[posAttributes:], uint16(attributes))
	be.PutUint64(b[posBaseTimestamp:], uint64(baseTimestamp))
	be.PutUint64(b[posMaxTimestamp:], uint64(maxTimestamp))
	be.PutUint32(b[posNumRecords:], uint32(numRecords))
	b.setCRC()
}
