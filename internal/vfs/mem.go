package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Mem is a file system in memory. Beside its present state it keeps what of it is durable, and every change since, so
// that CrashClone can make of it what a machine might find after its power was cut.
type Mem struct {
	mu            sync.Mutex // guards everything, the nodes included
	root          *memNode
	journal       []dirOp // changes of directories that are not yet durable, oldest first
	inject        Injector
	capacityBytes int64 // 0: without limit
	usedBytes     int64
	now           func() time.Time
	locks         map[string]string
	boot          int // how many power cuts there were before
}

// memNode is a file or a directory. A file's durable contents are synced; unsynced are the changes since.
type memNode struct {
	isDir    bool
	children map[string]*memNode // present
	durable  map[string]*memNode // after a crash, if nothing of the journal made it
	data     []byte
	synced   []byte
	unsynced []fileOp
	modTime  time.Time
}

// fileOp is a write, or a truncation where data is nil.
type fileOp struct {
	offset int64
	data   []byte
}

// dirOp is one change of names: node appears under name in dir (nil: name disappears). A rename is two that are kept or
// lost together.
type dirOp struct {
	dir, dir2   *memNode
	name, name2 string
	node        *memNode
}

// NewMem returns an empty file system.
func NewMem() *Mem {
	return &Mem{root: newMemDir(), now: time.Now, locks: map[string]string{}}
}

// SetNow sets where the times of files come from.
func (m *Mem) SetNow(now func() time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = now
}

// BootID names the time since the last power cut: a clone that CrashClone has made has another.
func (m *Mem) BootID() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprintf("boot %d", m.boot)
}

// SameBoot gives a clone the boot id of the original: what ended was the process, and the machine went on.
func (m *Mem) SameBoot(original *Mem) *Mem {
	original.mu.Lock()
	boot := original.boot
	original.mu.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.boot = boot
	return m
}

// SetCapacity bounds the bytes that all files together may hold; what does not fit fails with ENOSPC after a short
// write. Zero lifts the bound.
func (m *Mem) SetCapacity(capacityBytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacityBytes = capacityBytes
}

// UsedBytes returns how many bytes the files hold together.
func (m *Mem) UsedBytes() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.usedBytes
}

func newMemDir() *memNode {
	return &memNode{isDir: true, children: map[string]*memNode{}, durable: map[string]*memNode{}}
}

func split(name string) []string {
	clean := strings.Trim(path.Clean("/"+name), "/")
	if clean == "" {
		return nil
	}
	return strings.Split(clean, "/")
}

// find returns the node of a name, nil if there is none.
func (m *Mem) find(name string) *memNode {
	n := m.root
	for _, part := range split(name) {
		if n = n.children[part]; n == nil {
			return nil
		}
	}
	return n
}

// parent returns the directory that holds name, and the last part of name.
func (m *Mem) parent(name string) (*memNode, string, error) {
	parts := split(name)
	if len(parts) == 0 {
		return nil, "", fs.ErrInvalid
	}
	last := len(parts) - 1
	dir := m.find(strings.Join(parts[:last], "/"))
	if dir == nil || !dir.isDir {
		return nil, "", fs.ErrNotExist
	}
	return dir, parts[last], nil
}

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// Create implements FS.
func (m *Mem) Create(name string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fault(OpCreate, name); f.Err != nil {
		return nil, pathError("create", name, f.Err)
	}
	dir, base, err := m.parent(name)
	if err != nil {
		return nil, pathError("create", name, err)
	}
	n := dir.children[base]
	switch {
	case n == nil:
		n = &memNode{}
		dir.children[base] = n
		m.journal = append(m.journal, dirOp{dir: dir, name: base, node: n})
	case n.isDir:
		return nil, pathError("create", name, syscall.EISDIR)
	default:
		m.truncate(n, 0)
	}
	n.modTime = m.now()
	return &memFile{fs: m, node: n, name: name, writable: true}, nil
}

// Open implements FS.
func (m *Mem) Open(name string) (File, error) { return m.open(name, false) }

// OpenReadWrite implements FS.
func (m *Mem) OpenReadWrite(name string) (File, error) { return m.open(name, true) }

func (m *Mem) open(name string, writable bool) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fault(OpOpen, name); f.Err != nil {
		return nil, pathError("open", name, f.Err)
	}
	n := m.find(name)
	if n == nil {
		return nil, pathError("open", name, fs.ErrNotExist)
	}
	if n.isDir {
		return nil, pathError("open", name, syscall.EISDIR)
	}
	return &memFile{fs: m, node: n, name: name, writable: writable}, nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fault(OpRemove, name); f.Err != nil {
		return pathError("remove", name, f.Err)
	}
	dir, base, err := m.parent(name)
	if err != nil {
		return pathError("remove", name, err)
	}
	n := dir.children[base]
	if n == nil {
		return pathError("remove", name, fs.ErrNotExist)
	}
	if len(n.children) > 0 {
		return pathError("remove", name, syscall.ENOTEMPTY)
	}
	m.unlink(dir, base)
	return nil
}

// RemoveAll implements FS.
func (m *Mem) RemoveAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fault(OpRemove, name); f.Err != nil {
		return pathError("remove", name, f.Err)
	}
	dir, base, err := m.parent(name)
	if err != nil {
		return nil
	}
	if n := dir.children[base]; n != nil {
		m.removeTree(n)
		m.unlink(dir, base)
	}
	return nil
}

func (m *Mem) removeTree(n *memNode) {
	for base, child := range n.children {
		m.removeTree(child)
		m.unlink(n, base)
	}
}

func (m *Mem) unlink(dir *memNode, base string) {
	m.usedBytes -= int64(len(dir.children[base].data))
	delete(dir.children, base)
	m.journal = append(m.journal, dirOp{dir: dir, name: base})
}

// Rename implements FS.
func (m *Mem) Rename(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fault(OpRename, oldName); f.Err != nil {
		return pathError("rename", oldName, f.Err)
	}
	from, oldBase, err := m.parent(oldName)
	if err != nil {
		return pathError("rename", oldName, err)
	}
	to, newBase, err := m.parent(newName)
	if err != nil {
		return pathError("rename", newName, err)
	}
	n := from.children[oldBase]
	if n == nil {
		return pathError("rename", oldName, fs.ErrNotExist)
	}
	if old := to.children[newBase]; old != nil && old != n {
		if old.isDir && len(old.children) > 0 {
			return pathError("rename", newName, syscall.ENOTEMPTY)
		}
		m.usedBytes -= int64(len(old.data))
	}
	delete(from.children, oldBase)
	to.children[newBase] = n
	m.journal = append(m.journal, dirOp{dir: to, name: newBase, node: n, dir2: from, name2: oldBase})
	return nil
}

// MkdirAll implements FS.
func (m *Mem) MkdirAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fault(OpMkdir, name); f.Err != nil {
		return pathError("mkdir", name, f.Err)
	}
	n := m.root
	for _, part := range split(name) {
		child := n.children[part]
		if child == nil {
			child = newMemDir()
			child.modTime = m.now()
			n.children[part] = child
			m.journal = append(m.journal, dirOp{dir: n, name: part, node: child})
		} else if !child.isDir {
			return pathError("mkdir", name, syscall.ENOTDIR)
		}
		n = child
	}
	return nil
}

// ReadDir implements FS.
func (m *Mem) ReadDir(name string) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fault(OpReadDir, name); f.Err != nil {
		return nil, pathError("readdir", name, f.Err)
	}
	n := m.find(name)
	if n == nil || !n.isDir {
		return nil, pathError("readdir", name, fs.ErrNotExist)
	}
	entries := make([]Entry, 0, len(n.children))
	for base, child := range n.children {
		entries = append(entries, Entry{Name: base, IsDir: child.isDir})
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name < entries[j].Name })
	return entries, nil
}

// Stat implements FS.
func (m *Mem) Stat(name string) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(name)
	if n == nil {
		return Info{}, pathError("stat", name, fs.ErrNotExist)
	}
	return Info{SizeBytes: int64(len(n.data)), ModTime: n.modTime, IsDir: n.isDir}, nil
}

// SetModTime implements FS.
func (m *Mem) SetModTime(name string, t time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(name)
	if n == nil {
		return pathError("chtimes", name, fs.ErrNotExist)
	}
	n.modTime = t
	return nil
}

// Lock implements FS. Locks do not survive into a clone.
func (m *Mem) Lock(name, note string) (io.Closer, error) {
	if _, err := m.Stat(name); err != nil {
		f, err := m.Create(name)
		if err != nil {
			return nil, err
		}
		f.Close()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := path.Clean("/" + name)
	if holder, held := m.locks[key]; held {
		return nil, &LockedError{Name: name, Holder: holder}
	}
	m.locks[key] = note
	return &memLock{fs: m, key: key}, nil
}

type memLock struct {
	fs  *Mem
	key string
}

func (l *memLock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	delete(l.fs.locks, l.key)
	return nil
}

// DiskUsage implements FS. A disk without a set capacity looks like one of a TiB.
func (m *Mem) DiskUsage(name string) (DiskUsage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.fault(OpDiskUsage, name); f.Err != nil {
		return DiskUsage{}, pathError("statfs", name, f.Err)
	}
	total := m.capacityBytes
	if total == 0 {
		total = 1 << 40
	}
	return DiskUsage{TotalBytes: total, FreeBytes: max(0, total-m.usedBytes)}, nil
}
