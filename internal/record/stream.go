package record

import (
	"errors"
	"io"
	"sync"
)

// streamBufferSize is the window on decompressed bytes. Records that fit are looked at in one piece.
const streamBufferSize = 32 << 10

// maxPooledBuffer is the largest buffer that goes back to a pool, so that one huge record does not stay in memory.
const maxPooledBuffer = 1 << 20

// maxEmptyReads ends a decoder that neither gives bytes nor an end.
const maxEmptyReads = 100

// stream is a buffered reader over the decompressed records of a batch. It counts what it takes and stops at a limit, so
// that a small batch cannot keep the broker busy or fill its memory.
type stream struct {
	codec   Codec
	source  decompressor
	buf     []byte
	at, end int
	left    int64 // how many bytes may still be decompressed
}

var streamPool = sync.Pool{New: func() any { return &stream{buf: make([]byte, streamBufferSize)} }}

// openStream starts decompressing a payload.
func openStream(codec Codec, payload []byte, maxBytes int64) (*stream, error) {
	source, err := openDecompressor(codec, payload, maxBytes)
	if err != nil {
		return nil, err
	}
	s := streamPool.Get().(*stream)
	s.codec, s.source, s.at, s.end, s.left = codec, source, 0, 0, maxBytes
	return s, nil
}

func (s *stream) close() {
	s.source.close()
	s.source = nil
	if len(s.buf) > maxPooledBuffer {
		s.buf = make([]byte, streamBufferSize)
	}
	streamPool.Put(s)
}

// errDecompressedTooLarge is the end of a compression bomb.
var errDecompressedTooLarge = &Error{Kind: KindTooLarge, Message: "the records of the batch decompress to more bytes than allowed"}

// fill reads until at least n bytes are in the window, growing it if it must, or until the source ends. It returns how many
// bytes there are. The window grows with the bytes that really come, not with what a record claims to be.
func (s *stream) fill(n int) (int, error) {
	for empty := 0; s.end-s.at < n; {
		if s.end == len(s.buf) {
			s.makeRoom()
		}
		got, err := s.source.Read(s.buf[s.end:])
		if got == 0 && err == nil {
			if empty++; empty == maxEmptyReads {
				return 0, s.wrap(io.ErrNoProgress)
			}
		}
		s.end += got
		if s.left -= int64(got); s.left < 0 {
			return 0, errDecompressedTooLarge
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, s.wrap(err)
		}
	}
	return s.end - s.at, nil
}

// wrap makes a codec's error one of ours.
func (s *stream) wrap(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return decompressionError(s.codec, err)
}

// makeRoom moves what is left to the front of the window, or doubles the window if it is full.
func (s *stream) makeRoom() {
	to := s.buf
	if s.at == 0 {
		to = make([]byte, 2*len(s.buf))
	}
	s.end = copy(to, s.buf[s.at:s.end])
	s.at, s.buf = 0, to
}

// varint reads a number. At the end of the stream it is errRecordsMissing.
func (s *stream) varint() (int32, error) {
	got, err := s.fill(5)
	if err != nil {
		return 0, err
	}
	value, n := varint32(s.buf[s.at : s.at+min(got, 5)])
	if n < 0 {
		return 0, errRecordVarint
	}
	if n == 0 {
		return 0, errRecordsMissing
	}
	s.at += n
	return value, nil
}

// next returns the next n bytes in one piece, valid until the next call.
func (s *stream) next(n int) ([]byte, error) {
	got, err := s.fill(n)
	if err != nil {
		return nil, err
	}
	if got < n {
		return nil, errRecordTruncated
	}
	b := s.buf[s.at : s.at+n : s.at+n]
	s.at += n
	return b, nil
}

// skip passes over n bytes without holding them.
func (s *stream) skip(n int) error {
	for n > 0 {
		got, err := s.fill(1)
		if err != nil {
			return err
		}
		if got == 0 {
			return errRecordTruncated
		}
		step := min(got, n)
		s.at += step
		n -= step
	}
	return nil
}

// atEnd tells whether all bytes were taken.
func (s *stream) atEnd() (bool, error) {
	got, err := s.fill(1)
	return got == 0, err
}
