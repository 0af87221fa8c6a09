package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/vfs"
)

// ManagerOptions say which directories a Manager serves and how. Zero values are Kafka's defaults.
type ManagerOptions struct {
	FS     vfs.FS      // default vfs.OS
	Clock  clock.Clock // default clock.Real
	Logger *slog.Logger
	// Locks are the directories, already locked. Nil: the manager locks Dirs itself, for NodeID and ClusterID, and gives them back.
	Locks     *Locks
	Dirs      []string
	NodeID    int32
	ClusterID string // must agree with meta.properties; empty: take what is there, or make one

	TopicConfig func(topic string) *config.Topic // settings at opening; nil, or an answer of nil: Default
	Default     *config.Topic                    // required

	RecoveryThreadsPerDir    int           // num.recovery.threads.per.data.dir
	RetentionCheckInterval   time.Duration // log.retention.check.interval.ms
	FlushSchedulerInterval   time.Duration // log.flush.scheduler.interval.ms
	CheckpointInterval       time.Duration // log.flush.offset.checkpoint.interval.ms
	StartOffsetInterval      time.Duration // log.flush.start.offset.checkpoint.interval.ms
	HighWatermarkInterval    time.Duration // replica.high.watermark.checkpoint.interval.ms
	ProducerIDExpiration     time.Duration // producer.id.expiration.ms
	ProducerIDExpirationScan time.Duration // producer.id.expiration.check.interval.ms
	Cleaner                  CleanerOptions
	MaxOpenFiles             int
	// SkipTransactionVerification appends batches that begin a transaction without a guard (transaction.partition.verification.enable=false).
	SkipTransactionVerification bool
	MinFreeBytes                int64 // ottla.disk.min.free.bytes; 0: fill the disk

	OnDirFailure func(dir string, err error)
}

func (o *ManagerOptions) setDefaults() {
	if o.FS == nil {
		o.FS = vfs.OS
	}
	if o.Clock == nil {
		o.Clock = clock.Real{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&o.RetentionCheckInterval, 5 * time.Minute},
		{&o.CheckpointInterval, time.Minute},
		{&o.StartOffsetInterval, time.Minute},
		{&o.HighWatermarkInterval, 5 * time.Second},
		{&o.ProducerIDExpiration, 24 * time.Hour},
		{&o.ProducerIDExpirationScan, 10 * time.Minute},
	} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	o.Cleaner.setDefaults()
	if o.RecoveryThreadsPerDir == 0 {
		o.RecoveryThreadsPerDir = 2
	}
	if o.MaxOpenFiles == 0 {
		o.MaxOpenFiles = defaultMaxOpenFiles
	}
}

// defaultMaxOpenFiles stays well below what systems allow a process, connections included.
const defaultMaxOpenFiles = 4096

// Manager holds all logs of one broker.
type Manager struct {
	clock     clock.Clock
	logger    *slog.Logger
	current   atomic.Pointer[ManagerOptions]
	locks     *Locks
	ownsLocks bool
	dirs      []*logDir
	guards    atomic.Uint64 // the last verification guard that was given out
	cleaner   cleaner

	mu          sync.RWMutex // guards logs and unavailable; taken after a log's mu, and never held while one is taken
	logs        map[TopicPartition]*Log
	unavailable map[TopicPartition]*logDir // the partitions of directories that could not be opened

	creating sync.Mutex // held while a log is created or deleted

	timersMu sync.Mutex // guards the rest
	timers   map[*pendingTimer]struct{}
	closed   bool
	running  sync.WaitGroup
}

func (m *Manager) options() *ManagerOptions { return m.current.Load() }

func (m *Manager) nowMs() int64 { return m.clock.Now().UnixMilli() }

func (m *Manager) producerExpirationMs() int64 {
	return m.options().ProducerIDExpiration.Milliseconds()
}

// ClusterID returns the cluster that the directories belong to.
func (m *Manager) ClusterID() string { return m.locks.ClusterID() }

// DirectoryIDs returns the ids of the directories that are online, by path.
func (m *Manager) DirectoryIDs() map[string][16]byte {
	ids := map[string][16]byte{}
	for _, d := range m.dirs {
		if d.online() == nil {
			ids[d.path] = d.id
		}
	}
	return ids
}

// Get returns a partition's log. ErrNotFound; ErrDirOffline if its directory has failed.
func (m *Manager) Get(tp TopicPartition) (*Log, error) {
	m.mu.RLock()
	l, down := m.logs[tp], m.unavailable[tp]
	m.mu.RUnlock()
	switch {
	case l != nil:
		return l, l.dir.online()
	case down != nil:
		return nil, down.online()
	}
	return nil, fmt.Errorf("%w: %s", ErrNotFound, tp)
}

// All returns all logs, in no order.
func (m *Manager) All() []*Log {
	m.mu.RLock()
	defer m.mu.RUnlock()
	list := make([]*Log, 0, len(m.logs))
	for _, l := range m.logs {
		list = append(list, l)
	}
	return list
}

func (m *Manager) logsIn(d *logDir) []*Log {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var list []*Log
	for _, l := range m.logs {
		if l.dir == d {
			list = append(list, l)
		}
	}
	return list
}

// CreateOptions is what a new partition needs.
type CreateOptions struct {
	TopicID [16]byte
	Config  *config.Topic
	Dir     string // preferred log directory; empty: the one with the fewest partitions
}

// GetOrCreate returns a partition's log, which it makes if there is none. One of a deleted topic of that name, which a stop in the middle
// of the deletion has left, is put aside. ErrDirOffline if there is one in a directory that is offline.
func (m *Manager) GetOrCreate(tp TopicPartition, options CreateOptions) (*Log, error) {
	m.creating.Lock()
	defer m.creating.Unlock()
	l, err := m.Get(tp)
	if err == nil {
		if err = l.adoptTopicID(options.TopicID); err == nil {
			return l, nil
		}
		if errors.Is(err, ErrTopicIDMismatch) {
			err = m.putStrayAside(l, err)
		}
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	d, err := m.place(options.Dir)
	if err != nil {
		return nil, err
	}
	for _, other := range m.dirs { // all: a directory that came back elsewhere would be a second of the same name
		if other.online() == nil {
			if err := other.forgetGone(); err != nil {
				return nil, other.fail("creating "+tp.String(), err)
			}
		}
	}
	if l, err = createLog(d, tp, options); err != nil {
		return nil, d.fail("creating "+tp.String(), err)
	}
	m.mu.Lock()
	m.logs[tp] = l
	m.mu.Unlock()
	d.recoveryPoints.changed()
	d.highWatermarks.changed()
	return l, nil
}

// putStrayAside takes a log out of use that the metadata does not know. Its directory stays, under another name, for whoever finds that
// the metadata was wrong.
func (m *Manager) putStrayAside(l *Log, reason error) error {
	m.forget(l)
	aside, err := l.putAside(join(l.dir.path, asideDirName(l.tp, compactID(NewID()), strayDirSuffix)))
	if err != nil {
		return l.dir.fail("putting aside "+l.tp.String(), err)
	}
	m.logger.Warn("a partition of another topic of this name was found and put aside", "partition", l.tp.String(), "dir", aside, "reason", reason)
	return nil
}

// forget takes a log off the list, and notes what on disk still speaks of it.
func (m *Manager) forget(l *Log) {
	m.mu.Lock()
	delete(m.logs, l.tp)
	m.mu.Unlock()
	l.dir.recoveryPoints.changed()
	l.dir.startOffsets.changed()
	l.dir.highWatermarks.changed()
	l.dir.cleanerOffsets.changed()
	l.dir.stale.Store(true)
}

// adoptTopicID compares the topic's id with that of the directory, and writes it where the directory has none.
func (l *Log) adoptTopicID(id [16]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	present := l.TopicID()
	if id == ([16]byte{}) || present == id {
		return nil
	}
	if present != ([16]byte{}) {
		return fmt.Errorf("%w: %s has the topic id %s, the metadata says %s", ErrTopicIDMismatch, l.path(), FormatID(present), FormatID(id))
	}
	if err := writePartitionMetadata(l.fs(), l.path(), id, unsynced); err != nil {
		return l.dir.fail("noting the topic id of "+l.tp.String(), err)
	}
	l.topicID.Store(&id)
	l.newMetadata.Store(true)
	l.newAround.Store(true)
	return nil
}

// place chooses the directory of a new partition: the preferred one if it is online, or the one with the fewest partitions.
func (m *Manager) place(preferred string) (*logDir, error) {
	count := map[*logDir]int{}
	m.mu.RLock()
	for _, l := range m.logs {
		count[l.dir]++
	}
	m.mu.RUnlock()
	var best *logDir
	var offline error
	for _, d := range m.dirs {
		if err := d.online(); err != nil {
			offline = err
			continue
		}
		if d.path == preferred {
			return d, nil
		}
		if best == nil || count[d] < count[best] {
			best = d
		}
	}
	if best == nil {
		return nil, offline
	}
	return best, nil
}

// Delete ends a partition: at once for its users, and after the topic's file.delete.delay.ms on disk. ErrNotFound.
func (m *Manager) Delete(tp TopicPartition) error {
	m.creating.Lock()
	defer m.creating.Unlock()
	m.mu.Lock()
	l := m.logs[tp]
	delete(m.unavailable, tp)
	m.mu.Unlock()
	if l == nil {
		return fmt.Errorf("%w: %s", ErrNotFound, tp)
	}
	m.forget(l)
	d := l.dir
	gone, err := l.putAside(join(d.path, asideDirName(tp, compactID(NewID()), deleteDirSuffix)))
	if err != nil {
		return d.fail("deleting "+tp.String(), err)
	}
	m.removeLater(d, gone, l.Config().FileDeleteDelay)
	return nil
}

// compactID writes an id in the hexadecimal form that names of deleted directories have.
func compactID(id [16]byte) string { return fmt.Sprintf("%x", id[:]) }

// putAside closes a log and gives its directory another name. A flush that is under way is waited for: it would write to the
// old name, which another partition may have by then.
func (l *Log) putAside(path string) (string, error) {
	l.flushMu.Lock()
	defer l.flushMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.closeFiles()
	if err := l.fs().Rename(l.path(), path); err != nil {
		return path, ignoreMissing(err)
	}
	l.where.Store(&path)
	l.dir.newNames.Store(true)
	return path, nil
}

func (m *Manager) removeLater(d *logDir, path string, delay time.Duration) {
	m.later(delay, func() {
		if err := d.fs.RemoveAll(path); err != nil {
			d.logger.Warn("the files of a deleted partition could not be removed", "dir", path, "error", err)
		}
	})
}

// DirDescription is what DescribeLogDirs shows of one directory.
type DirDescription struct {
	Dir        string
	Err        error // not nil: offline
	TotalBytes int64
	FreeBytes  int64
	Logs       []LogDescription
}

// LogDescription is the size of one partition.
type LogDescription struct {
	TopicPartition TopicPartition
	SizeBytes      int64
}

// DescribeDirs describes all directories, their partitions sorted by name.
func (m *Manager) DescribeDirs() []DirDescription {
	var list []DirDescription
	for _, d := range m.dirs {
		out := DirDescription{Dir: d.path, Err: d.online(), TotalBytes: -1, FreeBytes: -1}
		if out.Err == nil {
			if usage, err := d.fs.DiskUsage(d.path); err == nil {
				out.TotalBytes, out.FreeBytes = usage.TotalBytes, usage.FreeBytes
			}
		}
		for _, l := range m.logsIn(d) {
			out.Logs = append(out.Logs, LogDescription{l.tp, l.SizeBytes()})
		}
		slices.SortFunc(out.Logs, func(a, b LogDescription) int {
			return cmp.Or(cmp.Compare(a.TopicPartition.Topic, b.TopicPartition.Topic), cmp.Compare(a.TopicPartition.Partition, b.TopicPartition.Partition))
		})
		list = append(list, out)
	}
	return list
}

// UpdateSettings changes settings at run time. Intervals are in force from the next round on.
func (m *Manager) UpdateSettings(change func(*ManagerOptions)) {
	for {
		old := m.current.Load()
		changed := *old
		change(&changed)
		changed.setDefaults()
		if m.current.CompareAndSwap(old, &changed) {
			break
		}
	}
	for _, d := range m.dirs {
		d.space.askAgain()
	}
	m.cleaner.adjust()
}

// Close is a clean shutdown: all is on stable storage, and the next start has nothing to recover.
func (m *Manager) Close() error {
	if !m.stopTimers() {
		return nil // closed before: the directories may belong to another by now
	}
	m.running.Wait()
	failed := make([]error, len(m.dirs))
	var wg sync.WaitGroup
	for i, d := range m.dirs {
		wg.Go(func() {
			if d.online() == nil {
				failed[i] = m.closeDir(d)
			}
			d.syncer.drain()
		})
	}
	wg.Wait()
	if m.ownsLocks {
		failed = append(failed, m.locks.Close())
	}
	return errors.Join(failed...)
}

func (m *Manager) closeDir(d *logDir) error {
	logs := m.logsIn(d)
	err := inParallel(context.Background(), max(m.options().RecoveryThreadsPerDir, maxSyncWorkers), logs, (*Log).closeCleanly)
	d.recoveryPoints.changed()
	d.startOffsets.changed()
	d.highWatermarks.changed()
	err = errors.Join(err, d.syncNames(), d.writeRecoveryPoints(), d.writeStartOffsets(), d.writeHighWatermarks(), d.writeCleanerOffsets())
	if err != nil {
		return fmt.Errorf("closing the log directory %s: %w", d.path, err)
	}
	return replaceFile(d.fs, d.path, cleanShutdownName, []byte(cleanShutdownText), synced)
}

// cleanShutdownText is what Apache Kafka keeps in the mark of a clean shutdown: an epoch of -1 says nothing about the broker's.
const cleanShutdownText = `{"version":0,"brokerEpoch":-1}`

// closeCleanly makes everything durable and closes the files.
func (l *Log) closeCleanly() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true // from here on nothing is appended that the flush would not see
	err := l.conclude()
	l.mu.Unlock()
	defer l.closeFiles()
	if err != nil {
		return l.dir.fail("closing "+l.tp.String(), err)
	}
	return l.Flush()
}

// conclude completes what the next start wants to find, if the log has been changed since it was opened.
func (l *Log) conclude() error {
	if active := l.active(); active.unsealed {
		if err := active.seal(); err != nil {
			return err
		}
	} else if l.LogEndOffset() <= l.RecoveryPoint() {
		return nil
	}
	err := l.producers.snapshot(l.LogEndOffset(), unsynced) // Flush syncs it, and its name with the others
	l.newNames.Store(true)
	l.newAround.Store(true)
	return err
}

func (l *Log) closeFiles() {
	for _, s := range l.list() {
		s.close()
	}
}
