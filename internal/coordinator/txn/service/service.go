// Package service is the transaction coordinator as the rest of the broker sees it: it finds the shard of a transactional
// id, hands it the request, fetches producer ids, and sends markers. The decisions are in package txn.
//
// Every request is answered exactly once through its reply function, now or later, from any goroutine; the function
// must not block. Requests are not changed. Their strings are kept, so they must not share memory with a buffer that is
// used again.
package service

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/coordinator/txn"
	"ottla.dev/ottla/internal/record"
)

// Options are what a Service is made of. None of the functions may block.
type Options struct {
	Clock  clock.Clock
	Logger *slog.Logger
	// Config returns the settings as they are now; it is called for each request and must be cheap.
	Config func() txn.Config
	// PartitionCount returns the number of partitions of __transaction_state.
	PartitionCount func() int32
	// NextProducerID gets a producer id that nobody has had; done may be called at once, or later from any goroutine.
	NextProducerID func(done func(id int64, err error))
	// TransactionVersion returns the finalized level of the feature transaction.version.
	TransactionVersion func() int16
	// GroupPartition returns the partition of the offsets topic that a group's offsets are in.
	GroupPartition func(groupID string) int32
	// OffsetsTopic is the name of the offsets topic.
	OffsetsTopic string
	// WriteMarkers has markers written by the leaders of their partitions; done may be called at once, or later from
	// any goroutine. The request is not used again before done, and belongs to the service.
	WriteMarkers func(req *kmsg.WriteTxnMarkersRequest, done func(*kmsg.WriteTxnMarkersResponse, error))
	// PartitionExists tells whether the cluster's metadata has the partition, whether or not it has a leader just now: one
	// that it does not have is taken to be deleted, and gets no marker.
	PartitionExists func(topic string, partition int32) bool
	// Lost is what is known since the machine went down; nil: it never did.
	Lost *txn.Lost
	// Go runs a load in the background; nil means a goroutine. Tests and the simulator run it in place.
	Go func(task func())
}

// Service is the transaction coordinator of one broker.
type Service struct {
	options Options
	runtime *coordinator.Runtime[*txn.Machine]
	sender  sender
	closed  atomic.Bool

	mu     sync.RWMutex // guards epochs
	epochs map[int32]int32
}

// New returns a Service that leads no partition yet.
func New(options Options) *Service {
	s := &Service{options: options, epochs: make(map[int32]int32)}
	s.sender = sender{options: &s.options, epoch: s.leaderEpoch, answered: s.markersAnswered}
	s.runtime = coordinator.NewRuntime(coordinator.Options[*txn.Machine]{
		Clock:  options.Clock,
		Logger: options.Logger,
		New: func(timers *machine.Timers, log *slog.Logger) *txn.Machine {
			return txn.NewMachine(txn.Options{
				Config: options.Config, TransactionVersion: options.TransactionVersion, PartitionExists: options.PartitionExists,
				FetchProducerID: s.fetchProducerID, SendMarkers: s.sendMarkers, Lost: options.Lost, Logger: log, Timers: timers,
			})
		},
		CommitTimeout:   func() time.Duration { return time.Duration(options.Config().RequestTimeoutMs) * time.Millisecond },
		LoadBufferBytes: func() int { return int(options.Config().LoadBufferBytes) },
		Codec:           func() record.Codec { return record.CodecNone },
		Go:              options.Go,
	})
	return s
}

// PartitionFor returns the partition of __transaction_state that the transactional id lives in.
func (s *Service) PartitionFor(transactionalID string) int32 {
	return group.PartitionFor(transactionalID, s.options.PartitionCount())
}

// OnPartitionLeader is called when this broker becomes the leader of a partition of __transaction_state, and when it
// stays so in a newer epoch. Loading begins; it returns at once.
func (s *Service) OnPartitionLeader(partition, leaderEpoch int32, log coordinator.Log) {
	if s.closed.Load() {
		return
	}
	s.mu.Lock()
	last, again := s.epochs[partition]
	if !again || leaderEpoch > last {
		s.epochs[partition] = leaderEpoch
	}
	s.mu.Unlock()
	s.runtime.Load(partition, leaderEpoch, log)
	if again && leaderEpoch > last {
		s.runtime.Write(partition, (*txn.Machine).ResumeMarkers, func(error) {}) // a shard that is loading sends them anyway
	}
}

// OnPartitionResigned is called when this broker is no longer the leader of the partition, with the leader epoch in
// which somebody else is, or -1 when the partition is gone.
func (s *Service) OnPartitionResigned(partition, leaderEpoch int32) {
	s.mu.Lock()
	if leaderEpoch < 0 || leaderEpoch >= s.epochs[partition] {
		delete(s.epochs, partition)
	}
	s.mu.Unlock()
	s.runtime.Unload(partition, leaderEpoch)
}

// leaderEpoch returns the epoch in which this broker leads the partition, which is the coordinator epoch of its markers.
func (s *Service) leaderEpoch(partition int32) (epoch int32, leads bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	epoch, leads = s.epochs[partition]
	return epoch, leads
}

// Close unloads every shard.
func (s *Service) Close() {
	s.closed.Store(true)
	s.runtime.Close()
}

// fetchProducerID gets a producer id for a shard.
func (s *Service) fetchProducerID(transactionalID string) {
	partition := s.PartitionFor(transactionalID)
	s.options.NextProducerID(func(id int64, err error) {
		s.runtime.Write(partition, func(m *txn.Machine, now time.Time) machine.Result {
			return m.ProducerID(now, id, err)
		}, func(error) {}) // the machine that asked is gone, and whoever waited there was told
	})
}
