package storage

import (
	"fmt"
	"io"

	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// batchReader reads the batches of a file in large portions, whole and with their CRC checked: what is written anew gets a new CRC,
// under which damage would hide.
type batchReader struct {
	file     vfs.File
	position int64 // of the next batch
	end      int64
	buffer   []byte
	data     []byte // what is read and not given out; it lies in buffer
	throttle func(sizeBytes int)
}

// start begins at a position that is a batch's.
func (r *batchReader) start(file vfs.File, position, end int64) {
	r.file, r.position, r.end, r.data = file, position, end, nil
}

// next returns the next batch, valid until the call after; io.EOF at the end.
func (r *batchReader) next() (record.Batch, error) {
	if r.position >= r.end {
		return nil, io.EOF
	}
	if len(r.data) < record.HeaderSize {
		if err := r.fill(record.HeaderSize); err != nil {
			return nil, err
		}
	}
	size, err := record.PeekSize(r.data)
	if err != nil {
		return nil, err
	}
	if len(r.data) < size {
		if err := r.fill(size); err != nil {
			return nil, err
		}
	}
	b := record.Batch(r.data[:size:size])
	if err := b.CheckCRC(); err != nil {
		return nil, fmt.Errorf("the batch at offset %d: %w", b.BaseOffset(), err)
	}
	r.data = r.data[size:]
	r.position += int64(size)
	return b, nil
}

// fill reads until at least n bytes are there, and as many more as fit. The buffer grows where a batch is larger, though not beyond the file.
func (r *batchReader) fill(n int) error {
	if int64(n) > r.end-r.position {
		return io.ErrUnexpectedEOF
	}
	buffer := r.buffer
	if n > len(buffer) {
		buffer = make([]byte, n) // for this batch only
	}
	have := copy(buffer, r.data)
	want := int(min(int64(len(buffer)), r.end-r.position))
	if err := readFull(r.file, buffer[have:want], r.position+int64(have)); err != nil {
		return err
	}
	r.data = buffer[:want]
	r.throttle(want - have)
	return nil
}
