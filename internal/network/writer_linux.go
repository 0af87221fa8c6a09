package network

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// transfer is what is being written by WriteMore or SendFile. It lives in the Writer, with the functions that the socket calls until it
// is done, so that an answer allocates neither.
type transfer struct {
	bytes  []byte
	file   int
	offset int64
	left   int64 // of the file
	err    error

	more, send   func(fd uintptr) bool
	cork, uncork func(fd uintptr)
}

// WriteMore writes all of b and lets the kernel hold it back until more follows, so that a header and the file range behind it
// leave in full segments.
func (w *Writer) WriteMore(b []byte) error {
	t := &w.transfer
	if t.more == nil {
		t.more = t.writeMore
	}
	t.bytes, t.err = b, nil
	err := w.raw.Write(t.more)
	t.bytes = nil
	if t.err != nil {
		return t.err
	}
	return err
}

func (t *transfer) writeMore(fd uintptr) bool {
	for len(t.bytes) > 0 {
		n, err := unix.SendmsgN(int(fd), t.bytes, nil, nil, unix.MSG_MORE|unix.MSG_NOSIGNAL)
		switch err {
		case nil:
			t.bytes = t.bytes[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			t.err = err
			return true
		}
	}
	return true
}

// Hold has the kernel send full segments only, until Release: an answer in many pieces wakes its reader less often. On an error, which
// costs nothing but speed, it does nothing.
func (w *Writer) Hold() {
	t := &w.transfer
	if t.cork == nil {
		t.cork, t.uncork = setCork(1), setCork(0)
	}
	_ = w.raw.Control(t.cork)
}

// Release sends what Hold has held back.
func (w *Writer) Release() { _ = w.raw.Control(w.transfer.uncork) }

func setCork(value int) func(fd uintptr) {
	return func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, value) }
}

// maxSendfileBytes is what Linux moves in one call at the most.
const maxSendfileBytes = 0x7ffff000

// SendFile writes n bytes of a file from an offset without taking them through the process.
func (w *Writer) SendFile(file uintptr, offset int64, n int64) error {
	t := &w.transfer
	if t.send == nil {
		t.send = t.sendFile
	}
	t.file, t.offset, t.left, t.err = int(file), offset, n, nil
	err := w.raw.Write(t.send)
	if t.err != nil {
		return t.err
	}
	return err
}

func (t *transfer) sendFile(fd uintptr) bool {
	for t.left > 0 {
		sent, err := unix.Sendfile(int(fd), t.file, &t.offset, int(min(t.left, maxSendfileBytes)))
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return false
		case err != nil:
			t.err = fmt.Errorf("sendfile: %w", err)
			return true
		case sent == 0:
			t.err = fmt.Errorf("sendfile: the file ends %d bytes early: %w", t.left, io.ErrUnexpectedEOF)
			return true
		default:
			t.left -= int64(sent)
		}
	}
	return true
}
