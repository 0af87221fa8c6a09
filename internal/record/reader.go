package record

import (
	"bytes"
	"io"
)

// Reader iterates over the records of a batch, decompressing as it goes. Close it, so that its decoder can be used again.
type Reader struct {
	batch  Batch
	left   int32
	plain  []byte  // what is left of uncompressed records
	stream *stream // or the source of compressed ones
	fields fields
}

// NewReader starts reading a batch. It reads no more than maxDecompressedBytes (0: DefaultMaxDecompressedBytes) from
// compressed records. The CRC is not checked.
func NewReader(b Batch, maxDecompressedBytes int64) (*Reader, error) {
	r := &Reader{batch: b, left: b.NumRecords()}
	if r.left < 0 {
		return nil, invalidRecord("the batch declares %d records", r.left)
	}
	codec := b.Codec()
	if codec == CodecNone {
		r.plain = b.Payload()
		return r, nil
	}
	if r.left == 0 {
		return r, nil
	}
	var err error
	r.stream, err = openStream(codec, b.Payload(), decompressLimit(maxDecompressedBytes))
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Next fills rec with the next record, or returns io.EOF after the last. Keys, values and header values point into the
// batch or, for compressed batches, into a buffer that the next call overwrites. rec.Headers is reused.
func (r *Reader) Next(rec *Record) error {
	body, err := r.nextBody()
	if err != nil {
		return err
	}
	if err := r.fields.parse(body); err != nil {
		return err
	}
	r.fields.decode(rec, r.batch)
	r.left--
	return nil
}

func (r *Reader) nextBody() ([]byte, error) {
	if r.left == 0 {
		return nil, r.checkEnd()
	}
	if r.stream == nil {
		body, rest, err := cutRecord(r.plain)
		r.plain = rest
		return body, err
	}
	size, err := r.stream.varint()
	if err != nil {
		return nil, err
	}
	if size < 0 {
		return nil, errRecordStructure
	}
	return r.stream.next(int(size))
}

// checkEnd returns io.EOF if the records took all bytes of the batch.
func (r *Reader) checkEnd() error {
	// A batch that the cleaner emptied keeps its header only, whatever its codec.
	end := len(r.plain) == 0
	if r.stream != nil {
		var err error
		if end, err = r.stream.atEnd(); err != nil {
			return err
		}
	}
	if !end {
		return errRecordsLeft
	}
	return io.EOF
}

// Close gives the decoder back. The Reader and the slices of its last record must not be used afterwards.
func (r *Reader) Close() {
	if r.stream != nil {
		r.stream.close()
		r.stream = nil
	}
	r.left, r.plain = 0, nil
}

// Records decodes all records of a batch into memory of their own. It is for tools and tests, and for batches that are
// known to be small; everything else reads one record at a time with a Reader.
func (b Batch) Records(maxDecompressedBytes int64) ([]Record, error) {
	r, err := NewReader(b, maxDecompressedBytes)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var records []Record
	for {
		var rec Record
		switch err := r.Next(&rec); err {
		case nil:
			records = append(records, rec.Clone())
		case io.EOF:
			return records, nil
		default:
			return records, err
		}
	}
}

// Clone returns a copy that shares no memory with r.
func (r *Record) Clone() Record {
	c := *r
	c.Key, c.Value, c.Headers = bytes.Clone(r.Key), bytes.Clone(r.Value), nil
	if len(r.Headers) > 0 {
		c.Headers = make([]Header, len(r.Headers))
		for i, h := range r.Headers {
			c.Headers[i] = Header{Key: h.Key, Value: bytes.Clone(h.Value)}
		}
	}
	return c
}

// cutRecord cuts the body of the first record off uncompressed records.
func cutRecord(b []byte) (body, rest []byte, err error) {
	if len(b) == 0 {
		return nil, b, errRecordsMissing
	}
	size, n := varint32(b)
	if n <= 0 {
		return nil, b, varintError(n)
	}
	b = b[n:]
	if size < 0 {
		return nil, b, errRecordStructure
	}
	if int(size) > len(b) {
		return nil, b, errRecordTruncated
	}
	return b[:size], b[size:], nil
}
