//go:build unix && !linux

package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func lockFile(f *os.File) (held bool, err error) {
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

func syncFile(f *os.File) error { return f.Sync() }

func preallocate(uintptr, int64) error { return nil }

func diskUsage(name string) (DiskUsage, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(name, &s); err != nil {
		return DiskUsage{}, &os.PathError{Op: "statfs", Path: name, Err: err}
	}
	return DiskUsage{TotalBytes: int64(s.Blocks) * int64(s.Bsize), FreeBytes: int64(s.Bavail) * int64(s.Bsize)}, nil
}
