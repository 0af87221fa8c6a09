package network

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// WriteMore writes all of b and lets the kernel hold it back until more follows, so that a header and the file range behind it
// leave in full segments.
func (w *Writer) WriteMore(b []byte) error {
	var failed error
	err := w.raw.Write(func(fd uintptr) bool {
		for len(b) > 0 {
			n, err := unix.SendmsgN(int(fd), b, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
			switch err {
			case nil:
				b = b[n:]
			case unix.EINTR:
			case unix.EAGAIN:
				return false
			default:
				failed = err
				return true
			}
		}
		return true
	})
	if failed != nil {
		return failed
	}
	return err
}

// maxSendfileBytes is what Linux moves in one call at the most.
const maxSendfileBytes = 0x7ffff000

// SendFile writes n bytes of a file from an offset without taking them through the process.
func (w *Writer) SendFile(file uintptr, offset int64, n int64) error {
	var failed error
	err := w.raw.Write(func(fd uintptr) bool {
		for n > 0 {
			sent, err := unix.Sendfile(int(fd), int(file), &offset, int(min(n, maxSendfileBytes)))
			switch {
			case err == unix.EINTR:
			case err == unix.EAGAIN:
				return false
			case err != nil:
				failed = fmt.Errorf("sendfile: %w", err)
				return true
			case sent == 0:
				failed = fmt.Errorf("sendfile: the file ends %d bytes early: %w", n, io.ErrUnexpectedEOF)
				return true
			default:
				n -= int64(sent)
			}
		}
		return true
	})
	if failed != nil {
		return failed
	}
	return err
}
