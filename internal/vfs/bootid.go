package vfs

import "time"

// BootID names the time for which the machine has been up: it is another one after each start of the machine, and the same for all processes in
// between. Empty if the file system or the system does not tell.
func BootID(fs FS) string {
	if b, ok := fs.(interface{ BootID() string }); ok {
		return b.BootID()
	}
	return ""
}

// Uptime returns for how long the machine has been up; false if the file system or the system does not tell.
func Uptime(fs FS) (time.Duration, bool) {
	if u, ok := fs.(interface{ Uptime() (time.Duration, bool) }); ok {
		return u.Uptime()
	}
	return 0, false
}
