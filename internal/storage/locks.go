package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"

	"ottla.dev/ottla/internal/vfs"
)

// LockOptions say which directories to lock, and for whom.
type LockOptions struct {
	FS     vfs.FS // default vfs.OS
	Dirs   []string
	NodeID int32
	Logger *slog.Logger
}

// Locks are log directories that no other process can take, before anything in them is touched. What meta.properties says is read.
type Locks struct {
	fs     vfs.FS
	nodeID int32
	dirs   []*lockedDir
}

type lockedDir struct {
	path   string
	lock   io.Closer
	meta   MetaProperties
	fresh  bool  // there is no meta.properties
	failed error // the directory cannot be used
}

// LockDirs locks the directories, which it makes where they are missing. A directory that somebody else holds, or that belongs to
// another node or cluster, is an error; one that cannot be used is an error only if there is no other.
func LockDirs(o LockOptions) (*Locks, error) {
	if o.FS == nil {
		o.FS = vfs.OS
	}
	l := &Locks{fs: o.FS, nodeID: o.NodeID}
	var failures []error
	for _, dir := range o.Dirs {
		d := &lockedDir{path: dir}
		l.dirs = append(l.dirs, d)
		if err := l.take(d); err != nil {
			var locked *vfs.LockedError
			if errors.As(err, &locked) || errors.Is(err, errWrongOwner) {
				return nil, errors.Join(err, l.Close())
			}
			d.failed = err
			failures = append(failures, err)
			if o.Logger != nil {
				o.Logger.Error("a log directory cannot be used", "dir", dir, "error", err)
			}
		}
	}
	if len(failures) == len(l.dirs) {
		return nil, errors.Join(append(failures, l.Close())...)
	}
	return l, nil
}

// errWrongOwner marks directories of another node or cluster.
var errWrongOwner = errors.New("the directory belongs to another node")

func (l *Locks) take(d *lockedDir) (err error) {
	if err := l.fs.MkdirAll(d.path); err != nil {
		return fmt.Errorf("log directory %s: %w", d.path, err)
	}
	d.lock, err = l.fs.Lock(join(d.path, lockName), fmt.Sprintf("process %d", os.Getpid()))
	if err != nil {
		var locked *vfs.LockedError
		if errors.As(err, &locked) {
			return fmt.Errorf("log directory %s is in use: %w; stop that process, or choose another directory (log.dirs)", d.path, err)
		}
		return fmt.Errorf("log directory %s: %w", d.path, err)
	}
	d.meta, err = ReadMetaProperties(l.fs, d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.fresh = true
		l.syncParents(d.path)
		return nil
	case err != nil:
		return err
	case d.meta.NodeID >= 0 && d.meta.NodeID != l.nodeID:
		return fmt.Errorf("%w: %s is of node %d, and this is node %d (node.id)", errWrongOwner, join(d.path, metaPropertiesName), d.meta.NodeID, l.nodeID)
	}
	if id := l.ClusterID(); id != "" && d.meta.ClusterID != "" && id != d.meta.ClusterID {
		return fmt.Errorf("%w: %s is of cluster %s, other log directories are of %s", errWrongOwner, join(d.path, metaPropertiesName), d.meta.ClusterID, id)
	}
	return nil
}

// syncParents makes the name of a new directory durable. It may lie below others that are new too, and below some that we may
// not even read, which are not.
func (l *Locks) syncParents(dir string) {
	for parent := path.Dir(dir); parent != dir; dir, parent = parent, path.Dir(parent) {
		if l.fs.SyncDir(parent) != nil {
			return
		}
	}
}

// ClusterID returns the cluster that the directories belong to, empty if they are fresh.
func (l *Locks) ClusterID() string {
	for _, d := range l.dirs {
		if d.meta.ClusterID != "" {
			return d.meta.ClusterID
		}
	}
	return ""
}

// Format makes the directories those of a cluster: what meta.properties lacks is written.
func (l *Locks) Format(clusterID string) error {
	if id := l.ClusterID(); id != "" && id != clusterID {
		return fmt.Errorf("%w: the log directories are of cluster %s, not of %s", errWrongOwner, id, clusterID)
	}
	for _, d := range l.dirs {
		if d.failed != nil || !d.fresh && d.meta.ClusterID != "" && d.meta.DirectoryID != ([16]byte{}) {
			continue
		}
		d.meta.ClusterID, d.meta.NodeID = clusterID, l.nodeID
		if d.meta.DirectoryID == ([16]byte{}) {
			d.meta.DirectoryID = NewID()
		}
		if err := writeMetaProperties(l.fs, d.path, d.meta); err != nil {
			return fmt.Errorf("log directory %s: %w", d.path, err)
		}
		d.fresh = false
	}
	return nil
}

// Close gives the directories back.
func (l *Locks) Close() error {
	var failed []error
	for _, d := range l.dirs {
		if d.lock != nil {
			failed = append(failed, d.lock.Close())
			d.lock = nil
		}
	}
	return errors.Join(failed...)
}
