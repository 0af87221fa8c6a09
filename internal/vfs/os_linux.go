package vfs

import (
	"errors"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockFile takes an open-file-description lock: unlike flock it conflicts with the record locks that a JVM takes, so a
// directory that Apache Kafka has open is refused; unlike those it also conflicts between two nodes of one process.
func lockFile(f *os.File) (held bool, err error) {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return true, nil
	}
	return false, err
}

// syncFile leaves out the times of a file, which nothing here depends on; fdatasync does write a changed length.
func syncFile(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
	}
}

func preallocate(fd uintptr, sizeBytes int64) error {
	err := unix.Fallocate(int(fd), unix.FALLOC_FL_KEEP_SIZE, 0, sizeBytes)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return err
}

func diskUsage(name string) (DiskUsage, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(name, &s); err != nil {
		return DiskUsage{}, &os.PathError{Op: "statfs", Path: name, Err: err}
	}
	return DiskUsage{TotalBytes: int64(s.Blocks) * s.Bsize, FreeBytes: int64(s.Bavail) * s.Bsize}, nil
}

// BootID returns the kernel's. In a container it is that of the machine.
func (osFS) BootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

func (osFS) Uptime() (time.Duration, bool) {
	var up unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up)
	return time.Duration(up.Nano()), err == nil
}
