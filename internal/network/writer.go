package network

import (
	"net"
	"syscall"
)

// Writer writes answers to a connection's socket.
type Writer struct {
	tcp *net.TCPConn
	raw syscall.RawConn
}

// Write writes all of b.
func (w *Writer) Write(b []byte) error {
	_, err := w.tcp.Write(b)
	return err
}
