package vfs

import (
	"io"
	"io/fs"
	"sync/atomic"
	"syscall"
)

// memFile is an open file of a Mem.
type memFile struct {
	fs       *Mem
	node     *memNode
	name     string
	writable bool
	closed   atomic.Bool
}

func (f *memFile) Name() string        { return f.name }
func (f *memFile) Fd() (uintptr, bool) { return 0, false }

func (f *memFile) Close() error {
	if f.closed.Swap(true) {
		return pathError("close", f.name, fs.ErrClosed)
	}
	return nil
}

// begin locks the file system and asks for a fault; the caller unlocks.
func (f *memFile) begin(op Op) Fault {
	f.fs.mu.Lock()
	if f.closed.Load() {
		return Fault{Err: fs.ErrClosed}
	}
	return f.fs.fault(op, f.name)
}

func (f *memFile) ReadAt(p []byte, offset int64) (int, error) {
	fault := f.begin(OpRead)
	defer f.fs.mu.Unlock()
	if fault.Err != nil {
		return 0, pathError("read", f.name, fault.Err)
	}
	if offset >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, offset int64) (int, error) {
	fault := f.begin(OpWrite)
	defer f.fs.mu.Unlock()
	if !f.writable {
		return 0, pathError("write", f.name, fs.ErrPermission)
	}
	if fault.Err != nil {
		n := f.fs.write(f.node, p[:min(fault.ShortBytes, len(p))], offset)
		return n, pathError("write", f.name, fault.Err)
	}
	n := f.fs.write(f.node, p, offset)
	if n < len(p) {
		return n, pathError("write", f.name, syscall.ENOSPC)
	}
	return n, nil
}

func (f *memFile) Truncate(sizeBytes int64) error {
	fault := f.begin(OpTruncate)
	defer f.fs.mu.Unlock()
	if fault.Err == nil && !f.writable {
		fault.Err = fs.ErrPermission
	}
	if fault.Err != nil {
		return pathError("truncate", f.name, fault.Err)
	}
	f.fs.truncate(f.node, sizeBytes)
	return nil
}

func (f *memFile) Sync() error {
	fault := f.begin(OpSync)
	defer f.fs.mu.Unlock()
	if fault.Err != nil {
		return pathError("sync", f.name, fault.Err)
	}
	f.node.sync()
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.node.data)), nil
}

func (f *memFile) Preallocate(int64) error { return nil }

// write stores as much of p as fits on the disk and returns how much that was.
func (m *Mem) write(n *memNode, p []byte, offset int64) int {
	if m.capacityBytes > 0 {
		room := max(0, m.capacityBytes-m.usedBytes) + max(0, int64(len(n.data))-offset)
		p = p[:min(int64(len(p)), room)]
	}
	if len(p) == 0 {
		return 0
	}
	before := len(n.data)
	n.unsynced = append(n.unsynced, fileOp{offset: offset, data: append([]byte{}, p...)})
	n.data = overwrite(n.data, p, offset)
	n.modTime = m.now()
	m.usedBytes += int64(len(n.data) - before)
	return len(p)
}

func (m *Mem) truncate(n *memNode, sizeBytes int64) {
	before := len(n.data)
	n.unsynced = append(n.unsynced, fileOp{offset: sizeBytes})
	n.data = resize(n.data, sizeBytes)
	n.modTime = m.now()
	m.usedBytes += int64(len(n.data) - before)
}

// sync makes the contents durable. The durable copy grows by what was written, not by the whole file, so that a test
// which syncs often stays fast.
func (n *memNode) sync() {
	for _, op := range n.unsynced {
		n.synced = op.apply(n.synced)
	}
	n.unsynced = nil
}

func (op fileOp) apply(data []byte) []byte {
	if op.data == nil {
		return resize(data, op.offset)
	}
	return overwrite(data, op.data, op.offset)
}

func overwrite(data, p []byte, offset int64) []byte {
	if end := offset + int64(len(p)); end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[offset:], p)
	return data
}

func resize(data []byte, sizeBytes int64) []byte {
	if sizeBytes <= int64(len(data)) {
		return data[:sizeBytes:sizeBytes]
	}
	return append(data, make([]byte, sizeBytes-int64(len(data)))...)
}
