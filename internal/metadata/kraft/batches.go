package kraft

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"ottla.dev/ottla/internal/record"
)

const (
	// maxBatchBytes bounds a batch; Kafka's controller writes none of more than 8 MiB.
	maxBatchBytes = 64 << 20
	// maxDecompressedBytes bounds what the records of a batch may come to.
	maxDecompressedBytes = 256 << 20
	sizeBytes            = 17 // up to the magic: what tells a batch's size
)

// badBatch tells that the bytes at a position are no sound batch. rest is what follows from there, as far as it was read.
type badBatch struct {
	position int64
	reason   error
	rest     []byte
}

func (b *badBatch) Error() string {
	return fmt.Sprintf("no sound batch at byte %d: %v", b.position, b.reason)
}

// batchReader reads the batches of one file.
type batchReader struct {
	file     *bufio.Reader
	position int64
	buf      []byte
}

func newBatchReader(file io.Reader) *batchReader {
	return &batchReader{file: bufio.NewReaderSize(file, 256<<10)}
}

// next returns the next batch, which the call after it overwrites; io.EOF at the end of the file; *badBatch where there is none.
func (r *batchReader) next() (record.Batch, error) {
	r.buf = r.buf[:0]
	if err := r.fill(sizeBytes); err != nil {
		if errors.Is(err, io.EOF) && len(r.buf) == 0 {
			return nil, io.EOF
		}
		return nil, r.bad(err)
	}
	size, err := record.PeekSize(r.buf)
	if err == nil && size > maxBatchBytes {
		err = fmt.Errorf("a batch of %d bytes", size)
	}
	if err == nil {
		err = r.fill(size)
	}
	if err != nil {
		return nil, r.bad(err)
	}
	batch, _, err := record.Next(r.buf)
	if err == nil {
		err = batch.CheckCRC()
	}
	if err != nil {
		return nil, r.bad(err)
	}
	r.position += int64(size)
	return batch, nil
}

// fill reads until the buffer holds n bytes.
func (r *batchReader) fill(n int) error {
	have := len(r.buf)
	if cap(r.buf) < n {
		// A length of a damaged file is not believed before the bytes are there.
		grown, err := io.ReadAll(io.LimitReader(r.file, int64(n-have)))
		r.buf = append(r.buf, grown...)
		if err == nil && len(r.buf) < n {
			err = io.EOF
		}
		return err
	}
	r.buf = r.buf[:n]
	got, err := io.ReadFull(r.file, r.buf[have:])
	r.buf = r.buf[:have+got]
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return err
}

func (r *batchReader) bad(reason error) error {
	if errors.Is(reason, io.EOF) {
		reason = errors.New("the file ends within a batch")
	}
	rest, err := io.ReadAll(io.LimitReader(r.file, maxBatchBytes))
	if err != nil {
		return err
	}
	return &badBatch{position: r.position, reason: reason, rest: append(r.buf, rest...)}
}

// maxAhead bounds how far the offsets of a batch that follows damage may be ahead.
const maxAhead = 1 << 32

// torn reports whether a bad batch, which should have begun with an offset, is what a crash leaves: the end of a write that was not
// finished, after which nothing sound follows.
func (b *badBatch) torn(offset int64) bool {
	if len(b.rest) >= maxBatchBytes {
		return false
	}
	for at := 1; at+record.HeaderSize <= len(b.rest); at++ {
		base := int64(binary.BigEndian.Uint64(b.rest[at:]))
		if base < offset || base-offset > maxAhead {
			continue
		}
		size, err := record.PeekSize(b.rest[at:])
		if err != nil || size > len(b.rest)-at {
			continue
		}
		if batch, _, err := record.Next(b.rest[at:]); err == nil && batch.CheckCRC() == nil {
			return false
		}
	}
	return true
}
