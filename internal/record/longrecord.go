package record

// longRecord reads the fields of a record that does not fit the window of its stream. The first error stays, and makes the
// calls after it return nothing, so that the caller checks once.
type longRecord struct {
	stream *stream
	left   int // bytes of the record that were not read yet
	err    error
}

func (l *longRecord) varint64() int64 {
	b := l.peek(10)
	value, n := varint64(b)
	l.took(n)
	return value
}

func (l *longRecord) varint32() int32 {
	b := l.peek(5)
	value, n := varint32(b)
	l.took(n)
	return value
}

// peek shows up to n bytes of the record.
func (l *longRecord) peek(n int) []byte {
	if l.err != nil {
		return nil
	}
	n = min(n, l.left)
	got, err := l.stream.fill(n)
	if err != nil {
		l.err = err
		return nil
	}
	return l.stream.buf[l.stream.at : l.stream.at+min(n, got)]
}

// took moves past a number of n bytes.
func (l *longRecord) took(n int) {
	if l.err != nil {
		return
	}
	if n <= 0 {
		l.err = varintError(n)
		return
	}
	l.stream.at += n
	l.left -= n
}

// skip passes over n bytes.
func (l *longRecord) skip(n int) {
	if l.err != nil {
		return
	}
	if n > l.left {
		l.err = errRecordStructure
		return
	}
	l.left -= n
	l.err = l.stream.skip(n)
}

// skipField passes over a length-prefixed field, and tells whether there is one.
func (l *longRecord) skipField() bool {
	size := l.varint32()
	if l.err != nil || size < 0 {
		return false
	}
	l.skip(int(size))
	return true
}
