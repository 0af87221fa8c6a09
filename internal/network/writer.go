package network

import (
	"errors"
	"net"
	"syscall"
)

// Writer writes answers to a connection's socket.
type Writer struct {
	tcp      *net.TCPConn
	raw      syscall.RawConn
	transfer transfer
}

// Write writes all of b.
func (w *Writer) Write(b []byte) error {
	_, err := w.tcp.Write(b)
	return err
}

// IsClosed tells whether an error of a Writer only says that the client has gone.
func IsClosed(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}
