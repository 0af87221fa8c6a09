// Package service is the group coordinator as the rest of the broker sees it: it finds the shard of a group, hands it
// the request, and answers what the shards need not be asked for. The decisions are in package group.
//
// Every request is answered exactly once through its reply function, now or later, from any goroutine; the function
// must not block.
package service

import (
	"log/slog"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/coordinator"
	"ottla.dev/ottla/internal/coordinator/group"
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
	// Go runs a load in the background; nil means a goroutine. Tests and the simulator run it in place.
	Go func(task func())
}

// Service is the group coordinator of one broker.
type Service struct {
	options Options
}

// New returns a Service that leads no partition yet.
func New(options Options) *Service { return &Service{options: options} }

// PartitionFor returns the partition of __consumer_offsets that the group lives in.
func (s *Service) PartitionFor(groupID string) int32 {
	return group.PartitionFor(groupID, s.options.PartitionCount())
}

// OnPartitionLeader is called when this broker becomes the leader of a partition of __consumer_offsets, and when it
// stays so in a newer epoch. Loading begins; it returns at once.
func (s *Service) OnPartitionLeader(partition, leaderEpoch int32, log coordinator.Log) {
}

// OnPartitionLost is called when this broker is no longer the leader of the partition, with the leader epoch in which
// somebody else is, or -1 when the partition is gone.
func (s *Service) OnPartitionLost(partition, leaderEpoch int32) {
}

// OnTopicsDeleted removes the offsets that groups have committed for the topics.
func (s *Service) OnTopicsDeleted(topics []group.DeletedTopic) {
}

// Close unloads every shard; afterwards requests are answered with COORDINATOR_NOT_AVAILABLE.
func (s *Service) Close() {
}
