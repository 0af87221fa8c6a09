//go:build !linux

package network

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// transfer is for systems where the kernel sends files.
type transfer struct{}

// WriteMore writes all of b.
func (w *Writer) WriteMore(b []byte) error { return w.Write(b) }

// Hold does nothing here.
func (w *Writer) Hold() {}

// Release does nothing here.
func (w *Writer) Release() {}

// SendFile writes n bytes of a file from an offset.
func (w *Writer) SendFile(file uintptr, offset int64, n int64) error {
	buf := GetBuffer(int(min(n, 64<<10)))
	defer buf.Release()
	for n > 0 {
		read, err := unix.Pread(int(file), buf.B[:min(n, int64(len(buf.B)))], offset)
		if err != nil {
			return fmt.Errorf("read for sending: %w", err)
		}
		if read == 0 {
			return fmt.Errorf("the file ends %d bytes early: %w", n, io.ErrUnexpectedEOF)
		}
		if err := w.Write(buf.B[:read]); err != nil {
			return err
		}
		offset, n = offset+int64(read), n-int64(read)
	}
	return nil
}
