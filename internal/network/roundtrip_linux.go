package network

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// roundTrip returns how long the kernel has found a packet to the other side and back to take; of a connection that was just accepted, in its
// handshake.
func roundTrip(conn syscall.RawConn) (d time.Duration, ok bool) {
	err := conn.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		if ok = err == nil && info.Rtt > 0; ok {
			d = time.Duration(info.Rtt) * time.Microsecond
		}
	})
	return d, ok && err == nil
}
