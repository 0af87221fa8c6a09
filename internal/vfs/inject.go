package vfs

import (
	"maps"
	"slices"
	"syscall"
)

var errNotDir = syscall.ENOTDIR

// Op names an operation that a test may let fail.
type Op string

// The operations that an Injector is asked about.
const (
	OpCreate    Op = "create"
	OpOpen      Op = "open"
	OpRead      Op = "read"
	OpWrite     Op = "write"
	OpTruncate  Op = "truncate"
	OpSync      Op = "sync"
	OpSyncDir   Op = "syncdir"
	OpRename    Op = "rename"
	OpRemove    Op = "remove"
	OpMkdir     Op = "mkdir"
	OpReadDir   Op = "readdir"
	OpDiskUsage Op = "statfs"
)

// Fault is how an operation fails. The zero value lets it succeed.
type Fault struct {
	Err        error
	ShortBytes int // of a write: how many bytes are written before it fails
}

// Injector decides about one operation on one path. It is called with the file system locked and must not use it.
type Injector func(op Op, name string) Fault

// Inject sets who decides about faults; nil lets everything succeed.
func (m *Mem) Inject(inject Injector) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.inject = inject
}

func (m *Mem) fault(op Op, name string) Fault {
	if m.inject == nil {
		return Fault{}
	}
	return m.inject(op, name)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
