package coordinator

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// defaultMaxLoads bounds how many shards are loaded at the same time.
const defaultMaxLoads = 4

// Options are what a Runtime is made of.
type Options[M machine.Machine] struct {
	Clock  clock.Clock
	Logger *slog.Logger
	// New returns an empty machine for a shard. Its timers are driven by the runtime.
	New func(timers *machine.Timers, log *slog.Logger) M
	// CommitTimeout is how long an operation waits for the high watermark before it fails with REQUEST_TIMED_OUT.
	CommitTimeout func() time.Duration
	// LoadBufferBytes is how much is read at a time while loading.
	LoadBufferBytes func() int
	// Codec is the compression of what is appended.
	Codec func() record.Codec
	// Go runs a load in the background; nil means a goroutine.
	Go func(task func())
	// MaxLoads bounds how many shards are loaded at the same time; 0 means 4.
	MaxLoads int
}

// Runtime runs the shards of one internal topic that this node leads.
type Runtime[M machine.Machine] struct {
	options Options[M]
	loads   loadQueue

	mu     sync.RWMutex // guards shards
	shards map[int32]*shard[M]
}

// NewRuntime returns a Runtime without shards.
func NewRuntime[M machine.Machine](options Options[M]) *Runtime[M] {
	if options.Go == nil {
		options.Go = func(task func()) { go task() }
	}
	if options.MaxLoads <= 0 {
		options.MaxLoads = defaultMaxLoads
	}
	return &Runtime[M]{
		options: options,
		loads:   loadQueue{start: options.Go, maxRunning: options.MaxLoads},
		shards:  make(map[int32]*shard[M]),
	}
}

// Load makes this node serve the partition, of which it has become the leader in the epoch. Until the log is read,
// operations fail with COORDINATOR_LOAD_IN_PROGRESS. A shard that is already served goes on with the new log.
func (r *Runtime[M]) Load(partition, leaderEpoch int32, log Log) {
	r.mu.Lock()
	s := r.shards[partition]
	if s == nil {
		s = newShard(r, partition)
		r.shards[partition] = s
	}
	r.mu.Unlock()
	s.submit(func() { s.lead(leaderEpoch, log) })
}

// Unload ends serving the partition, because another node leads it since the epoch; -1 ends it whatever the epoch.
// Whoever waits is told NOT_COORDINATOR.
func (r *Runtime[M]) Unload(partition, leaderEpoch int32) {
	r.mu.RLock()
	s := r.shards[partition]
	r.mu.RUnlock()
	if s == nil {
		return
	}
	s.submit(func() {
		if leaderEpoch >= 0 && leaderEpoch < s.epoch {
			return // old news
		}
		r.mu.Lock()
		if r.shards[partition] == s {
			delete(r.shards, partition)
		}
		r.mu.Unlock()
		s.close()
	})
}

// Close unloads every shard.
func (r *Runtime[M]) Close() {
	for _, partition := range r.Partitions() {
		r.Unload(partition, -1)
	}
}

// Partitions returns the partitions that are loaded or being loaded, in order.
func (r *Runtime[M]) Partitions() []int32 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	partitions := make([]int32, 0, len(r.shards))
	for partition := range r.shards {
		partitions = append(partitions, partition)
	}
	slices.Sort(partitions)
	return partitions
}

// Write runs an operation alone in its shard, appends its records and applies them. Where the partition is not served,
// refused gets the reason instead.
func (r *Runtime[M]) Write(partition int32, operation func(m M, now time.Time) machine.Result, refused func(err error)) {
	s := r.shard(partition)
	if s == nil {
		refused(protocol.NotCoordinator)
		return
	}
	s.submit(func() {
		if err := s.available(); err != nil {
			refused(err)
			return
		}
		now := r.options.Clock.Now()
		s.apply(now, operation(s.machine, now), nil)
	})
}

// Read runs an operation that only looks, alone in its shard.
func (r *Runtime[M]) Read(partition int32, operation func(m M), refused func(err error)) {
	s := r.shard(partition)
	if s == nil {
		refused(protocol.NotCoordinator)
		return
	}
	s.submit(func() {
		if err := s.available(); err != nil {
			refused(err)
			return
		}
		operation(s.machine)
	})
}

func (r *Runtime[M]) shard(partition int32) *shard[M] {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.shards[partition]
}
