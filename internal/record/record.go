package record

// Header is a header of a record. A value can be nil, a key cannot.
type Header struct {
	Key   string
	Value []byte
}

// Record is one record, decoded. Key and Value are nil where the record has none, which differs from empty.
type Record struct {
	// Attributes is unused in magic 2, and 0.
	Attributes int8
	// OffsetDelta is the distance from the batch's base offset.
	OffsetDelta int32
	// Timestamp is in ms: the producer's, or the batch's append time under LogAppendTime.
	Timestamp int64
	Key       []byte
	Value     []byte
	Headers   []Header
}

// fields is where things are in the body of a record (what follows its length). It lets the validator pass over keys,
// values and headers without touching them.
type fields struct {
	attributes     int8
	timestampDelta int64
	offsetDelta    int32
	key, value     []byte // nil: absent
	headers        []byte // numHeaders headers, already checked
	numHeaders     int32
}

// The ways in which a record's structure can be wrong. Every one is the same to a client.
var (
	errRecordTruncated = &Error{Kind: KindInvalidRecord, Message: "a record is longer than what is left of its batch"}
	errRecordStructure = &Error{Kind: KindInvalidRecord, Message: "a record has a structure that does not fit its size"}
	errRecordVarint    = &Error{Kind: KindInvalidRecord, Message: "a record contains a number of more bytes than allowed"}
	errRecordHeaders   = &Error{Kind: KindInvalidRecord, Message: "a record has an impossible number or size of headers"}
	errRecordsLeft     = &Error{Kind: KindInvalidRecord, Message: "the batch contains more bytes than its records take"}
	errRecordsMissing  = &Error{Kind: KindInvalidRecord, Message: "the batch contains fewer records than it declares"}
)

// parseFields takes the body of a record apart. Every byte of the body must belong to a field.
func (f *fields) parse(body []byte) error {
	if len(body) < 1 {
		return errRecordStructure
	}
	f.attributes = int8(body[0])
	body = body[1:]
	var n int
	if f.timestampDelta, n = varint64(body); n <= 0 {
		return varintError(n)
	}
	body = body[n:]
	if f.offsetDelta, n = varint32(body); n <= 0 {
		return varintError(n)
	}
	body = body[n:]
	var err error
	if f.key, body, err = cutBytes(body); err != nil {
		return err
	}
	if f.value, body, err = cutBytes(body); err != nil {
		return err
	}
	if f.numHeaders, n = varint32(body); n <= 0 {
		return varintError(n)
	}
	f.headers = body[n:]
	return f.checkHeaders()
}

// checkHeaders walks the headers, so that whoever decodes them later need not check again.
func (f *fields) checkHeaders() error {
	rest := f.headers
	// A header takes two bytes at least, so this also bounds the work and the memory of decoding.
	if f.numHeaders < 0 || int(f.numHeaders) > len(rest)/2 {
		return errRecordHeaders
	}
	for range f.numHeaders {
		key, next, err := cutBytes(rest)
		if err != nil {
			return err
		}
		if key == nil {
			return errRecordHeaders
		}
		if _, rest, err = cutBytes(next); err != nil {
			return err
		}
	}
	if len(rest) != 0 {
		return errRecordStructure
	}
	return nil
}

// cutBytes cuts a length-prefixed field off b. A negative length stands for nil, as in Kafka any negative one does.
func cutBytes(b []byte) (field, rest []byte, err error) {
	size, n := varint32(b)
	if n <= 0 {
		return nil, nil, varintError(n)
	}
	b = b[n:]
	if size < 0 {
		return nil, b, nil
	}
	if int(size) > len(b) {
		return nil, nil, errRecordStructure
	}
	return b[:size:size], b[size:], nil
}

func varintError(n int) error {
	if n < 0 {
		return errRecordVarint
	}
	return errRecordStructure
}

// decode fills r from the fields, reusing r.Headers. Key, value and header values point into the body.
func (f *fields) decode(r *Record, b Batch) {
	r.Attributes = f.attributes
	r.OffsetDelta = f.offsetDelta
	r.Timestamp = recordTimestamp(b, f.timestampDelta)
	r.Key, r.Value = f.key, f.value
	r.Headers = r.Headers[:0]
	rest := f.headers
	for range f.numHeaders {
		var key, value []byte
		key, rest, _ = cutBytes(rest)
		value, rest, _ = cutBytes(rest)
		r.Headers = append(r.Headers, Header{Key: string(key), Value: value})
	}
}

// recordTimestamp is the timestamp that a reader of the batch sees.
func recordTimestamp(b Batch, delta int64) int64 {
	if b.TimestampType() == LogAppendTime {
		return b.MaxTimestamp()
	}
	return b.BaseTimestamp() + delta
}

// appendRecord appends the encoded record. Its size comes first, so the body is measured before it is written.
func appendRecord(dst []byte, r *Record, offsetDelta int32, timestampDelta int64) []byte {
	dst = appendVarint(dst, int64(bodySize(r, offsetDelta, timestampDelta)))
	dst = append(dst, byte(r.Attributes))
	dst = appendVarint(dst, timestampDelta)
	dst = appendVarint(dst, int64(offsetDelta))
	dst = appendBytes(dst, r.Key)
	dst = appendBytes(dst, r.Value)
	dst = appendVarint(dst, int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		dst = appendVarint(dst, int64(len(h.Key)))
		dst = append(dst, h.Key...)
		dst = appendBytes(dst, h.Value)
	}
	return dst
}

func appendBytes(dst, field []byte) []byte {
	if field == nil {
		return appendVarint(dst, -1)
	}
	return append(appendVarint(dst, int64(len(field))), field...)
}

func bodySize(r *Record, offsetDelta int32, timestampDelta int64) int {
	size := 1 + sizeOfVarint(timestampDelta) + sizeOfVarint(int64(offsetDelta)) +
		sizeOfBytes(r.Key) + sizeOfBytes(r.Value) + sizeOfVarint(int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		size += sizeOfVarint(int64(len(h.Key))) + len(h.Key) + sizeOfBytes(h.Value)
	}
	return size
}

func sizeOfBytes(field []byte) int {
	if field == nil {
		return 1
	}
	return sizeOfVarint(int64(len(field))) + len(field)
}
