package service

import (
	"ottla.dev/ottla/internal/coordinator/gather"
	"ottla.dev/ottla/internal/coordinator/txn"
)

// Fates tells what the coordinators of all partitions of __transaction_state know of transactions that are open in partitions. There is no answer before all of
// these are loaded: done gets false then.
func (s *Service) Fates(open []txn.OpenTransaction, done func(fates []txn.Fate, ok bool)) {
	count := s.options.PartitionCount()
	parts := gather.New(int(count), func(shards [][]txn.Fate) {
		fates := make([]txn.Fate, len(open))
		for _, shard := range shards {
			if shard == nil {
				done(nil, false)
				return
			}
			for i := range shard {
				fates[i].Busy = fates[i].Busy || shard[i].Busy
				fates[i].Decisions = append(fates[i].Decisions, shard[i].Decisions...)
			}
		}
		done(fates, true)
	})
	for p := range count {
		s.runtime.Read(p, func(m *txn.Machine) { parts.Put(int(p), m.Fates(open)) }, func(error) { parts.Put(int(p), nil) })
	}
}
