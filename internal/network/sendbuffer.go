package network

import (
	"syscall"
	"time"
)

const (
	// nearSendBufferBytes is Kafka's socket.send.buffer.bytes. What waits in the socket stays in the processor's caches, and connections take
	// turns: beside the system's growing buffer a fetch costs a third less, and half as much with ten consumers (bench, loopback).
	nearSendBufferBytes = 100 << 10
	// nearRoundTrip is up to where so small a buffer is no limit: twice its size, which Linux makes of it, goes out in each round trip, here a gigabyte a
	// second. Over 50 ms it would be 4 MB/s.
	nearRoundTrip = 200 * time.Microsecond
)

// sendBufferBytes returns what a new connection's send buffer is set to, 0 for leaving it to the system. It is what was configured, or else depends on how far
// the client is.
func sendBufferBytes(configured int, conn syscall.RawConn) int {
	if configured != 0 {
		return max(configured, 0)
	}
	if d, ok := roundTrip(conn); ok && d <= nearRoundTrip {
		return nearSendBufferBytes
	}
	return 0
}
