package store

import (
	"context"
	"errors"
	"time"
)

// The errors of a backend. Others mean that the backend could not be asked, or that its answer got lost: then a commit
// may have happened or not.
var (
	// ErrConflict: a condition of a commit did not hold, and nothing was written.
	ErrConflict = errors.New("metadata store: condition does not hold")
	// ErrCompacted: the history that a watch asks for is gone; load again.
	ErrCompacted = errors.New("metadata store: history is compacted")
	// ErrClosed: the backend is closed.
	ErrClosed = errors.New("metadata store: closed")
	// ErrLeaseLost: the lease is over, and keys attached to it are gone.
	ErrLeaseLost = errors.New("metadata store: lease is lost")
	// ErrFull: the store has no room left, and nothing was written.
	ErrFull = errors.New("metadata store: no space left (its quota is reached)")
	// ErrTooLarge: the commit is larger than the store takes, and nothing was written.
	ErrTooLarge = errors.New("metadata store: proposal is too large")
	// ErrCorrupt: what is stored cannot be read.
	ErrCorrupt = errors.New("metadata store: damaged")
)

// Backend is an ordered key-value store whose every commit has its own, rising revision. It is what etcd offers, and no
// more than that. Its methods may be called from any goroutine.
type Backend interface {
	// Range returns all keys that begin with prefix, in order, as of one revision, that is no older than the call.
	Range(ctx context.Context, prefix string) ([]KeyValue, int64, error)
	// Commit writes all ops in one revision if all conditions hold, else nothing (ErrConflict). No key may be in two ops.
	Commit(ctx context.Context, conditions []Condition, ops []Op) (revision int64, err error)
	// Watch calls changed for each revision after the given one, in order, until the context ends or changed fails.
	Watch(ctx context.Context, after int64, changed func(revision int64, events []Event) error) error
	// Grant makes a lease and keeps it alive until it is revoked, the backend is closed, or the store cannot be reached for ttl.
	Grant(ctx context.Context, ttl time.Duration) (Lease, error)
	// Limits tells how large one commit may be.
	Limits() Limits
	// Close ends watches and leases.
	Close() error
}

// Limits are the most ops, and the most bytes of keys and values, of one commit.
type Limits struct{ Ops, Bytes int }

// KeyValue is one key with its value.
type KeyValue struct {
	Key      string
	Value    []byte
	Revision int64 // of its last write
}

// Condition holds if the key was last written at the revision; 0: if there is no such key.
type Condition struct {
	Key      string
	Revision int64
}

// Op writes a key, or deletes it, or deletes all keys that begin with it.
type Op struct {
	Key    string
	Value  []byte
	Delete bool
	Prefix bool  // with Delete
	Lease  Lease // the key goes when the lease ends; nil: none
}

// Event is one change of a key.
type Event struct {
	Key     string
	Value   []byte
	Created bool // the key was not there before
	Deleted bool
}

// Lease is a sign of life. Keys attached to it go when it ends.
type Lease interface {
	// ID identifies the lease within the store.
	ID() int64
	// Done is closed once the lease is over, as far as this side can tell.
	Done() <-chan struct{}
	// Revoke ends the lease at once.
	Revoke(ctx context.Context) error
}
