package storage

import (
	"fmt"
	"io"
	"sync"

	"ottla.dev/ottla/internal/record"
)

// scanBytes is what a scan reads at once. Headers alone are read in the same portions, so that a run of small batches
// costs one read and a large batch costs one short one.
const scanBytes = 4096

// batchScan walks the batches of a range of a segment file by their headers. Use next until it returns false, then look
// at err: nil at the end of the range, io.ErrUnexpectedEOF where the range ends inside a batch, a *record.Error where
// there is something else than a batch.
type batchScan struct {
	file     io.ReaderAt
	end      int64
	position int64 // of the present batch
	size     int64 // of the present batch
	header   record.Batch
	err      error

	buffer      []byte // holds the file from bufferAt on
	bufferAt    int64
	bufferBytes int
	pooled      *[scanBytes]byte
}

var scanPool = sync.Pool{New: func() any { return new([scanBytes]byte) }}

// newBatchScan starts a scan of the bytes [position, end). close must follow.
func newBatchScan(file io.ReaderAt, position, end int64) batchScan {
	pooled := scanPool.Get().(*[scanBytes]byte)
	return batchScan{file: file, position: position, end: end, buffer: pooled[:], pooled: pooled}
}

func (s *batchScan) close() {
	scanPool.Put(s.pooled)
	s.buffer, s.pooled = nil, nil
}

// next moves to the next batch and makes its header available.
func (s *batchScan) next() bool {
	if s.err != nil {
		return false
	}
	s.position += s.size
	s.size = 0
	left := s.end - s.position
	if left <= 0 {
		return false
	}
	if left < record.HeaderSize {
		s.err = io.ErrUnexpectedEOF
		return false
	}
	if s.err = s.fill(); s.err != nil {
		return false
	}
	header := s.buffer[s.position-s.bufferAt:][:record.HeaderSize]
	size, err := record.PeekSize(header)
	if err != nil {
		s.err = err
		return false
	}
	if int64(size) > left {
		s.err = io.ErrUnexpectedEOF
		return false
	}
	s.header, s.size = header, int64(size)
	return true
}

// fill makes sure that the header at position is in the buffer.
func (s *batchScan) fill() error {
	if s.position >= s.bufferAt && s.position+record.HeaderSize <= s.bufferAt+int64(s.bufferBytes) {
		return nil
	}
	want := min(int64(len(s.buffer)), s.end-s.position)
	s.bufferAt, s.bufferBytes = s.position, 0
	n, err := s.file.ReadAt(s.buffer[:want], s.position)
	s.bufferBytes = n
	if n < record.HeaderSize {
		if err == nil || err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}

// whole reads the present batch into buffer, which it makes larger where needed, and returns both.
func (s *batchScan) whole(buffer []byte) (record.Batch, []byte, error) {
	if int64(cap(buffer)) < s.size {
		buffer = make([]byte, s.size)
	}
	b := record.Batch(buffer[:s.size])
	if s.position >= s.bufferAt && s.position+s.size <= s.bufferAt+int64(s.bufferBytes) {
		copy(b, s.buffer[s.position-s.bufferAt:])
		return b, buffer, nil
	}
	return b, buffer, readFull(s.file, b, s.position)
}

// damaged tells whether a scan ended at something that is not a whole batch, rather than at a failing disk.
func (s *batchScan) damaged() bool { return s.err != nil && isDamage(s.err) }

// String says where the scan stands.
func (s *batchScan) String() string { return fmt.Sprintf("byte %d", s.position) }
