// Package vfs is the only way in which Ottla touches a disk. OS is the machine's file system; Mem is a file system in
// memory that forgets, when asked to crash, what was never synced, and that fails where a test tells it to.
//
// Both keep the same promises about durability, and no more: the contents of a file survive a crash only up to the last
// Sync of that file, and a name in a directory survives only up to the last SyncDir of that directory.
package vfs

import (
	"fmt"
	"io"
	"time"
)

// FS is a file system. Names are slash-separated paths. Errors wrap those of io/fs (fs.ErrNotExist, fs.ErrExist,
// fs.ErrPermission) and, where the system gave one, the system's error number.
type FS interface {
	// Create makes name an empty file and opens it for reading and writing; a file of that name loses its contents.
	Create(name string) (File, error)
	// Open opens an existing file for reading.
	Open(name string) (File, error)
	// OpenReadWrite opens an existing file for reading and writing.
	OpenReadWrite(name string) (File, error)
	// Remove removes a file or an empty directory.
	Remove(name string) error
	// RemoveAll removes name and all in it; it is no error if there is nothing.
	RemoveAll(name string) error
	// Rename gives a file or directory a new name, atomically replacing a file that had it.
	Rename(oldName, newName string) error
	// MkdirAll makes a directory and those above it.
	MkdirAll(name string) error
	// ReadDir lists a directory, sorted by name.
	ReadDir(name string) ([]Entry, error)
	// Stat describes a file or directory.
	Stat(name string) (Info, error)
	// SetModTime sets what Stat tells of a file's last change.
	SetModTime(name string, t time.Time) error
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
	// Lock takes the exclusive lock that the file of that name stands for, creating the file where it is missing. The
	// note is kept in the file for whoever comes second: to them Lock answers with a *LockedError. Closing the result
	// gives the lock back.
	Lock(name, note string) (io.Closer, error)
	// DiskUsage tells how full the disk is that holds name.
	DiskUsage(name string) (DiskUsage, error)
}

// File is an open file. Its methods may be called from several goroutines at once.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Truncate sets the length.
	Truncate(sizeBytes int64) error
	// Sync makes the contents and the length durable. After an error nothing may be assumed about what was not yet
	// durable, even if a later Sync succeeds.
	Sync() error
	// Size returns the length.
	Size() (int64, error)
	// Preallocate reserves disk space up to sizeBytes without changing the length. It is a hint: where the system
	// cannot do it, nothing happens.
	Preallocate(sizeBytes int64) error
	// Fd returns the system's file descriptor, for sendfile; false if there is none. It stays valid until Close.
	Fd() (uintptr, bool)
	// Name returns the name under which the file was opened.
	Name() string
}

// Entry is one name in a directory.
type Entry struct {
	Name  string
	IsDir bool
}

// Info is what Stat tells.
type Info struct {
	SizeBytes int64
	ModTime   time.Time
	IsDir     bool
}

// DiskUsage is the size of a disk and what is left of it for us.
type DiskUsage struct {
	TotalBytes int64
	FreeBytes  int64
}

// LockedError says that somebody else holds a lock, and who, as far as they told.
type LockedError struct {
	Name   string
	Holder string // the holder's note; may be empty
}

func (e *LockedError) Error() string {
	if e.Holder == "" {
		return fmt.Sprintf("%s is locked by another process", e.Name)
	}
	return fmt.Sprintf("%s is locked by %s", e.Name, e.Holder)
}
