package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// OS is the machine's file system.
var OS FS = osFS{}

type osFS struct{}

func (osFS) Create(name string) (File, error) {
	return openOS(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (osFS) Open(name string) (File, error) { return openOS(name, os.O_RDONLY) }

func (osFS) OpenReadWrite(name string) (File, error) { return openOS(name, os.O_RDWR) }

// openOS opens a file without offering it to the runtime's poller, which takes no regular files and costs five system calls to say so.
func openOS(name string, flag int) (File, error) {
	for {
		fd, err := unix.Open(name, flag|unix.O_CLOEXEC, 0o644)
		switch err {
		case nil:
			return &osFile{File: os.NewFile(uintptr(fd), name), fd: uintptr(fd)}, nil
		case unix.EINTR:
		default:
			return nil, &os.PathError{Op: "open", Path: name, Err: err}
		}
	}
}

func (osFS) Remove(name string) error    { return os.Remove(name) }
func (osFS) RemoveAll(name string) error { return os.RemoveAll(name) }
func (osFS) Rename(o, n string) error    { return os.Rename(o, n) }
func (osFS) MkdirAll(name string) error  { return os.MkdirAll(name, 0o755) }

func (osFS) ReadDir(name string) ([]Entry, error) {
	list, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(list))
	for i, e := range list {
		entries[i] = Entry{Name: e.Name(), IsDir: e.IsDir()}
		if e.Type()&fs.ModeSymlink != 0 { // a log directory may be made of links to other disks
			if info, err := os.Stat(name + "/" + e.Name()); err == nil {
				entries[i].IsDir = info.IsDir()
			}
		}
	}
	return entries, nil
}

func (osFS) Stat(name string) (Info, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return Info{SizeBytes: info.Size(), ModTime: info.ModTime(), IsDir: info.IsDir()}, nil
}

func (osFS) SetModTime(name string, t time.Time) error { return os.Chtimes(name, t, t) }

func (osFS) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (osFS) Lock(name, note string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	held, err := lockFile(f)
	if err != nil {
		f.Close()
		return nil, &os.PathError{Op: "lock", Path: name, Err: err}
	}
	if held {
		note := make([]byte, 256)
		n, _ := f.ReadAt(note, 0)
		f.Close()
		return nil, &LockedError{Name: name, Holder: strings.TrimSpace(string(note[:n]))}
	}
	if err := f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(note+"\n"), 0)
		if err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

func (osFS) DiskUsage(name string) (DiskUsage, error) { return diskUsage(name) }

// osFile adds to os.File what File asks for. The descriptor is kept because os.File.Fd takes a lock.
type osFile struct {
	*os.File
	fd uintptr
}

func (f *osFile) Size() (int64, error) {
	info, err := f.File.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f *osFile) Sync() error                       { return syncFile(f.File) }
func (f *osFile) Fd() (uintptr, bool)               { return f.fd, true }
func (f *osFile) Preallocate(sizeBytes int64) error { return preallocate(f.fd, sizeBytes) }
