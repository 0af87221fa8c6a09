// Package service is the group coordinator as the rest of the broker sees it: it finds the shard of a group, hands it
// the request, and answers what the shards need not be asked for. The decisions are in package group.
//
// Every request is answered exactly once through its reply function, now or later, from any goroutine; the function
// must not block. Requests are not changed. Their strings may be kept for long, so they must not share memory with a
// buffer that is used again; their byte slices are copied.
package service

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/record"
)

// Options are what a Service is made of.
type Options struct {
	Clock  clock.Clock
	Logger *slog.Logger
	// Config returns the settings as they are now; it is called for each request and must be cheap.
	Config func() group.Config
	// Topics tells which topics exist.
	Topics group.Topics
	// PartitionCount returns the number of partitions of __consumer_offsets.
	PartitionCount func() int32
	// VerifyTransaction checks a transactional offset commit with the transaction coordinator before it is written.
	VerifyTransaction VerifyTransaction
	// NewUUID returns the random part of a member id; nil means a random UUID.
	NewUUID func() string
	// Go runs a load in the background; nil means a goroutine. Tests and the simulator run it in place.
	Go func(task func())
}

// Service is the group coordinator of one broker.
type Service struct {
	options Options
	runtime *coordinator.Runtime[*group.Machine]
	closed  atomic.Bool
}

// New returns a Service that leads no partition yet.
func New(options Options) *Service {
	if options.NewUUID == nil {
		options.NewUUID = uuid.NewString
	}
	config := options.Config
	runtime := coordinator.NewRuntime(coordinator.Options[*group.Machine]{
		Clock:  options.Clock,
		Logger: options.Logger,
		New: func(timers *machine.Timers, log *slog.Logger) *group.Machine {
			return group.NewMachine(group.Options{Config: config, NewUUID: options.NewUUID, Logger: log, Timers: timers})
		},
		CommitTimeout:   func() time.Duration { return time.Duration(config().OffsetsCommitTimeoutMs) * time.Millisecond },
		LoadBufferBytes: func() int { return int(config().OffsetsLoadBufferBytes) },
		Codec:           func() record.Codec { return record.Codec(config().OffsetsTopicCompressionCodec) },
		Go:              options.Go,
	})
	return &Service{options: options, runtime: runtime}
}

// PartitionFor returns the partition of __consumer_offsets that the group lives in.
func (s *Service) PartitionFor(groupID string) int32 {
	return group.PartitionFor(groupID, s.options.PartitionCount())
}

// OnPartitionLeader is called when this broker becomes the leader of a partition of __consumer_offsets, and when it
// stays so in a newer epoch. Loading begins; it returns at once.
func (s *Service) OnPartitionLeader(partition, leaderEpoch int32, log coordinator.Log) {
	if !s.closed.Load() {
		s.runtime.Load(partition, leaderEpoch, log)
	}
}

// OnPartitionLost is called when this broker is no longer the leader of the partition, with the leader epoch in which
// somebody else is, or -1 when the partition is gone.
func (s *Service) OnPartitionLost(partition, leaderEpoch int32) {
	s.runtime.Unload(partition, leaderEpoch)
}

// OnTopicsDeleted removes the offsets that groups have committed for the topics.
func (s *Service) OnTopicsDeleted(topics []group.DeletedTopic) {
	for _, partition := range s.runtime.Partitions() {
		s.runtime.Write(partition, func(m *group.Machine, _ time.Time) machine.Result {
			return m.DeleteTopics(topics)
		}, func(err error) {
			s.options.Logger.Warn("could not remove the offsets of deleted topics; they expire in their time", "partition", partition, "err", err)
		})
	}
}

// Close unloads every shard; afterwards requests are answered with COORDINATOR_NOT_AVAILABLE.
func (s *Service) Close() {
	s.closed.Store(true)
	s.runtime.Close()
}
