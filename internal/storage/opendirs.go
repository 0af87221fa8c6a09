package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"ottla.dev/ottla/internal/config"
)

// OpenManager opens the log directories and all logs in them. After a clean shutdown nothing is scanned; after a crash what lies past the
// recovery points is. A directory that cannot be opened is offline, and an error only if there is no other.
func OpenManager(ctx context.Context, options ManagerOptions) (*Manager, error) {
	options.setDefaults()
	if options.Default == nil {
		return nil, errors.New("storage: ManagerOptions.Default is missing: a log cannot be opened without its topic's settings")
	}
	m := &Manager{clock: options.Clock, logger: options.Logger, locks: options.Locks, logs: map[TopicPartition]*Log{}, unavailable: map[TopicPartition]*logDir{}, timers: map[*pendingTimer]struct{}{}}
	m.current.Store(&options)
	m.cleaner.init(m)
	if m.locks == nil {
		if err := m.lockDirs(options); err != nil {
			return nil, err
		}
	}
	cache := newFileCache(options.FS, options.MaxOpenFiles)
	for _, locked := range m.locks.dirs {
		m.dirs = append(m.dirs, &logDir{manager: m, fs: options.FS, path: locked.path, id: locked.meta.DirectoryID, logger: options.Logger, cache: cache})
	}
	opened := make([]error, len(m.dirs))
	var wg sync.WaitGroup
	for i, d := range m.dirs {
		if opened[i] = m.locks.dirs[i].failed; opened[i] == nil {
			wg.Go(func() { opened[i] = m.openDir(ctx, d) })
		}
	}
	wg.Wait()
	var failures []error
	for i, d := range m.dirs {
		if err := opened[i]; err != nil {
			if ctx.Err() != nil || errors.Is(err, errTwice) {
				return nil, errors.Join(err, m.abandon())
			}
			d.takeOffline("opening", err)
			failures = append(failures, err)
		}
	}
	if len(failures) == len(m.dirs) {
		return nil, errors.Join(append(failures, m.abandon())...)
	}
	m.startBackground()
	return m, nil
}

func (m *Manager) lockDirs(options ManagerOptions) (err error) {
	m.ownsLocks = true
	if m.locks, err = LockDirs(LockOptions{FS: options.FS, Dirs: options.Dirs, NodeID: options.NodeID, Logger: options.Logger}); err != nil {
		return err
	}
	id := options.ClusterID
	if id == "" {
		if id = m.locks.ClusterID(); id == "" {
			id = FormatID(NewID())
		}
	}
	if err := m.locks.Format(id); err != nil {
		return errors.Join(err, m.locks.Close())
	}
	return nil
}

// abandon gives up a manager that could not be opened.
func (m *Manager) abandon() error {
	m.stopTimers()
	m.running.Wait()
	for _, d := range m.dirs {
		d.syncer.drain()
	}
	for _, l := range m.All() {
		l.closeFiles()
	}
	if m.ownsLocks {
		return m.locks.Close()
	}
	return nil
}

// errTwice: a partition lies in two log directories, and nobody can tell which counts.
var errTwice = errors.New("a partition lies in two log directories")

// openDir opens the logs of one directory.
func (m *Manager) openDir(ctx context.Context, d *logDir) error {
	clean, err := d.takeCleanMark()
	if err != nil {
		return fmt.Errorf("log directory %s: %w", d.path, err)
	}
	points, err := d.readCheckpoints()
	if err != nil {
		return fmt.Errorf("log directory %s: %w", d.path, err)
	}
	found, err := m.partitionsIn(d)
	if err != nil {
		return fmt.Errorf("log directory %s: %w", d.path, err)
	}
	if d.recovered = !clean && len(found) > 0; d.recovered {
		m.logger.Info("the log directory was not closed in order; recovering", "dir", d.path, "partitions", len(found))
	}
	var mu sync.Mutex // guards opened
	opened := make([]*Log, 0, len(found))
	err = inParallel(ctx, m.options().RecoveryThreadsPerDir, found, func(tp TopicPartition) error {
		state := loadState{clean: clean, recoveryPoint: points.recoveryPoints[tp], startOffset: points.startOffsets[tp], highWatermark: points.highWatermarks[tp], cleanedTo: points.cleanedTo(tp)}
		l, err := loadLog(d, tp, join(d.path, tp.String()), m.configOf(tp.Topic), state)
		if err != nil {
			return fmt.Errorf("opening %s: %w", tp, err)
		}
		mu.Lock()
		opened = append(opened, l)
		mu.Unlock()
		return nil
	})
	if err == nil {
		err = m.register(opened)
	}
	if err != nil {
		for _, l := range opened {
			l.closeFiles()
		}
		m.noteUnavailable(d, found)
		return err
	}
	d.stale.Store(points.speakOfOthers(found))
	d.loaded.Store(true)
	if n := d.rebuilt.Load(); n > 0 {
		m.logger.Warn("rebuilt indexes that were damaged or incomplete", "dir", d.path, "segments", n)
	}
	if clean && !d.recoveryPoints.dirty.Load() && !d.startOffsets.dirty.Load() {
		return nil
	}
	return d.writeCheckpoints()
}

// noteUnavailable remembers which partitions lie in a directory that cannot be opened, so that they are not made anew elsewhere.
func (m *Manager) noteUnavailable(d *logDir, found []TopicPartition) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, tp := range found {
		m.unavailable[tp] = d
	}
}

// register makes the opened logs of a directory known, all or none.
func (m *Manager) register(opened []*Log) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range opened {
		if other := m.logs[l.tp]; other != nil {
			return fmt.Errorf("%w: %s in %s and in %s; move one of them away", errTwice, l.tp, other.dir.path, l.dir.path)
		}
	}
	for _, l := range opened {
		m.logs[l.tp] = l
	}
	return nil
}

// takeCleanMark tells whether the directory was closed in order, and removes the mark: from now on it is open.
func (d *logDir) takeCleanMark() (clean bool, err error) {
	name := join(d.path, cleanShutdownName)
	if _, err := d.fs.Stat(name); err != nil {
		return false, ignoreMissing(err)
	}
	if err := d.fs.Remove(name); err != nil {
		return false, err
	}
	return true, d.fs.SyncDir(d.path)
}

// partitionsIn lists the partitions of a directory. What is left of deleted ones is removed in the background; names that are not
// partitions are left alone.
func (m *Manager) partitionsIn(d *logDir) ([]TopicPartition, error) {
	entries, err := d.fs.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	var found []TopicPartition
	for _, e := range entries {
		switch {
		case !e.IsDir:
			if strings.HasSuffix(e.Name, tmpSuffix) {
				if err := ignoreMissing(d.fs.Remove(join(d.path, e.Name))); err != nil {
					return nil, err
				}
			}
		case strings.HasSuffix(e.Name, deleteDirSuffix):
			m.removeLater(d, join(d.path, e.Name), 0)
		case strings.HasSuffix(e.Name, futureDirSuffix), strings.HasSuffix(e.Name, strayDirSuffix):
			m.logger.Warn("a directory of an unfinished move or an unknown partition is left alone", "dir", join(d.path, e.Name))
		default:
			tp, err := ParseTopicPartition(e.Name)
			if err == nil && tp.Topic != clusterMetadataTopic {
				found = append(found, tp)
			}
		}
	}
	return found, nil
}

func (m *Manager) configOf(topic string) *config.Topic {
	o := m.options()
	if o.TopicConfig != nil {
		if c := o.TopicConfig(topic); c != nil {
			return c
		}
	}
	return o.Default
}

// inParallel calls f for each item, some at a time, and returns the first error, after which no further item is begun.
func inParallel[T any](ctx context.Context, workers int, items []T, f func(T) error) error {
	var next atomic.Int64
	var once sync.Once
	var first error
	var wg sync.WaitGroup
	stop := func(err error) {
		once.Do(func() { first = err })
		next.Store(int64(len(items)))
	}
	for range min(max(workers, 1), len(items)) {
		wg.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(len(items)) {
					return
				}
				if err := ctx.Err(); err != nil {
					stop(err)
					return
				}
				if err := f(items[i]); err != nil {
					stop(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return first
}
