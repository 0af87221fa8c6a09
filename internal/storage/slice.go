package storage

import (
	"io"
	"sync"

	"ottla.dev/ottla/internal/vfs"
)

// Slice is a range of a segment file: whole batches at its start, perhaps a part of one at its end. It keeps the file open
// until Release, also when retention removes the segment meanwhile.
type Slice struct {
	segment    *segment   // nil: empty, nothing to release
	after      []*segment // the segment and those after it
	file       vfs.File
	position   int64
	sizeBytes  int
	incomplete bool
}

var slicePool = sync.Pool{New: func() any { return new(Slice) }}

func newSlice() *Slice { return slicePool.Get().(*Slice) }

// Len returns the number of bytes.
func (s *Slice) Len() int { return s.sizeBytes }

// FirstBatchIncomplete tells that the limit was smaller than the first batch, so that it is cut.
func (s *Slice) FirstBatchIncomplete() bool { return s.incomplete }

// ReadAt implements io.ReaderAt over the range.
func (s *Slice) ReadAt(p []byte, at int64) (int, error) {
	if at >= int64(s.sizeBytes) {
		return 0, io.EOF
	}
	left := int64(s.sizeBytes) - at
	cut := int64(len(p)) > left
	if cut {
		p = p[:left]
	}
	n, err := s.file.ReadAt(p, s.position+at)
	if err == nil && cut {
		err = io.EOF
	}
	return n, err
}

// WriteTo implements io.WriterTo. It copies through a buffer; a connection that can use sendfile takes File instead.
func (s *Slice) WriteTo(w io.Writer) (int64, error) {
	if s.sizeBytes == 0 {
		return 0, nil
	}
	return io.Copy(w, io.NewSectionReader(s.file, s.position, int64(s.sizeBytes)))
}

// File returns the range as a file descriptor and a position in it, for sendfile. ok is false where there is none: for
// an empty slice, and for files that are not the system's.
func (s *Slice) File() (fd uintptr, position int64, ok bool) {
	if s.sizeBytes == 0 {
		return 0, 0, false
	}
	fd, ok = s.file.Fd()
	return fd, s.position, ok
}

// Truncate shortens the slice to its first sizeBytes.
func (s *Slice) Truncate(sizeBytes int) { s.sizeBytes = min(s.sizeBytes, sizeBytes) }

// Release gives the file back. The slice must not be used afterwards.
func (s *Slice) Release() {
	if s.segment != nil {
		s.segment.file.release()
	}
	*s = Slice{}
	slicePool.Put(s)
}
