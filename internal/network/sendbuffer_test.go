package network

import (
	"net"
	"runtime"
	"testing"
)

func TestSendBufferByDistance(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if n := sendBufferBytes(5000, raw); n != 5000 {
		t.Errorf("%d bytes where 5000 are configured", n)
	}
	if n := sendBufferBytes(-1, raw); n != 0 {
		t.Errorf("%d bytes where the system's are configured", n)
	}
	d, known := roundTrip(raw)
	if runtime.GOOS == "linux" && !known {
		t.Fatal("the kernel does not tell the round trip")
	}
	want := 0
	if known && d <= nearRoundTrip { // a busy machine may take longer
		want = nearSendBufferBytes
	}
	if n := sendBufferBytes(0, raw); n != want {
		t.Errorf("%d bytes for a round trip of %s, want %d", n, d, want)
	}
}
