//go:build !linux

package network

import (
	"syscall"
	"time"
)

func roundTrip(syscall.RawConn) (time.Duration, bool) { return 0, false }
