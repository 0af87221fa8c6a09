package clitest

import (
	"io"
	"net"
	"testing"
)

// Listen starts a server that does with connections what handle says, and returns its address.
func Listen(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go handle(conn)
		}
	}()
	return l.Addr().String()
}

// Silent is a handle for Listen that never answers.
func Silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
