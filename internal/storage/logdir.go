package storage

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ottla.dev/ottla/internal/vfs"
)

// logDir is one log directory: what its logs share.
type logDir struct {
	manager *Manager
	fs      vfs.FS
	path    string
	id      [16]byte
	logger  *slog.Logger
	cache   *fileCache
	syncer  syncer

	failed   atomic.Pointer[error] // why the directory is offline; nil: it is not
	namesMu  sync.Mutex            // held while the directory is synced, so that who comes meanwhile waits for it
	newNames atomic.Bool           // partition directories have come or gone since the last sync of this one
	stale    atomic.Bool           // the checkpoints on disk may speak of partitions that are gone

	recoveryPoints dirtyMark
	startOffsets   dirtyMark
	highWatermarks dirtyMark
	cleanerOffsets dirtyMark
	checkpointMu   sync.Mutex // held while checkpoints are written
	loaded         atomic.Bool
	recovered      bool         // it was not closed in order before; written while it is opened
	rebuilt        atomic.Int64 // segments whose indexes were made anew before the directory was loaded

	space spaceGuard
}

// dirtyMark remembers that a checkpoint file is older than what it describes.
type dirtyMark struct{ dirty atomic.Bool }

func (m *dirtyMark) changed()   { raise(&m.dirty) }
func (m *dirtyMark) take() bool { return m.dirty.Swap(false) }

// logRebuild tells of indexes that are made anew. After a crash that is so for many segments, whose last entries were still in memory: while
// the directory is being opened they are counted, and told of in one line.
func (d *logDir) logRebuild(s *segment, reason error) {
	level := slog.LevelWarn
	if !d.loaded.Load() {
		d.rebuilt.Add(1)
		level = slog.LevelInfo
	}
	d.logger.Log(context.Background(), level, "rebuilding the indexes of a segment", "segment", s.path(logSuffix), "reason", reason)
}

// online returns why nothing can be done in the directory, nil if something can.
func (d *logDir) online() error {
	if err := d.failed.Load(); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDirOffline, d.path, *err)
	}
	return nil
}

// takeOffline gives the directory up until a restart.
func (d *logDir) takeOffline(operation string, err error) {
	err = fmt.Errorf("%s: %w", operation, err)
	if !d.failed.CompareAndSwap(nil, &err) {
		return
	}
	d.logger.Error("a log directory has failed and is offline", "dir", d.path, "error", err)
	if report := d.manager.options().OnDirFailure; report != nil {
		report(d.path, err)
	}
}

// syncNames makes the names of the partitions' directories durable.
func (d *logDir) syncNames() error {
	d.namesMu.Lock()
	defer d.namesMu.Unlock()
	if !d.newNames.Swap(false) {
		return nil
	}
	if err := d.fs.SyncDir(d.path); err != nil {
		d.newNames.Store(true)
		d.takeOffline("syncing the directory", err)
		return d.online()
	}
	return nil
}

// forgetGone makes the disk forget the partitions that are gone, before one of their names is given to a new one: their
// start offsets would empty its log at the next opening, their recovery points declare safe what was never synced, and their
// directories might take the name back in a power cut.
func (d *logDir) forgetGone() error {
	if !d.stale.Swap(false) {
		return nil
	}
	d.highWatermarks.changed()
	err := d.syncNames()
	if err == nil {
		err = d.writeCheckpoints()
	}
	if err == nil {
		err = d.writeHighWatermarks()
	}
	if err != nil {
		d.stale.Store(true)
	}
	return err
}

// later runs f after a delay, unless the manager is closed first.
func (d *logDir) later(delay time.Duration, f func()) { d.manager.later(delay, f) }

// spaceGuard keeps the disk from filling up to the last byte (ottla.disk.min.free.bytes). Asking the system costs a call, so what was
// free is counted down by what is appended, and asked again when that is used up.
type spaceGuard struct {
	left    atomic.Int64 // bytes that may be appended before asking again
	mu      sync.Mutex   // held while asking; guards asked
	asked   time.Time
	refused atomic.Bool
}

// askAgain has the next append ask the system.
func (g *spaceGuard) askAgain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left.Store(0)
	g.asked = time.Time{}
}

// askAgainAfter is how long a refusal stands before the disk is asked again.
const askAgainAfter = 200 * time.Millisecond

// maxUnaskedBytes bounds what is appended without asking, because others fill the disk too.
const maxUnaskedBytes = 256 << 20

// admit refuses an append when the disk is too full for it.
func (d *logDir) admit(sizeBytes int) error {
	minFree := d.manager.options().MinFreeBytes
	if minFree <= 0 {
		return nil
	}
	g := &d.space
	if g.left.Add(-int64(sizeBytes)) >= 0 {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left.Load() >= 0 {
		return nil // somebody else has just asked
	}
	now := d.manager.clock.Now()
	if g.refused.Load() && now.Sub(g.asked) < askAgainAfter {
		return d.full(minFree)
	}
	g.asked = now
	usage, err := d.fs.DiskUsage(d.path)
	if err != nil {
		return d.fail("asking for free space", err)
	}
	free := usage.FreeBytes - minFree - int64(sizeBytes)
	if free < 0 {
		if !g.refused.Swap(true) {
			d.logger.Error("the disk is nearly full: records are refused, reading and deleting goes on", "dir", d.path, "freeBytes", usage.FreeBytes,
				"minFreeBytes", minFree, "do", "delete topics, shorten retention or lower ottla.disk.min.free.bytes")
		}
		return d.full(minFree)
	}
	if g.refused.Swap(false) {
		d.logger.Warn("the disk has room again: records are taken", "dir", d.path, "freeBytes", usage.FreeBytes)
	}
	g.left.Store(min(free, maxUnaskedBytes))
	return nil
}

func (d *logDir) full(minFree int64) error {
	return fmt.Errorf("%w: %s has less than %d bytes free (ottla.disk.min.free.bytes)", ErrNoSpace, d.path, minFree)
}
