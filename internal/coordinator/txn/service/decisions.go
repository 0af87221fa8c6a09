package service

import (
	"ottla.dev/ottla/internal/coordinator/gather"
	"ottla.dev/ottla/internal/coordinator/txn"
)

// Decisions tells what the logs of all partitions of __transaction_state say about the ends of transactions that the machine's end has left open in partitions. There is no
// answer before all of these are loaded: done gets false then.
func (s *Service) Decisions(open []txn.OpenTransaction, done func(decisions [][]txn.Decision, ok bool)) {
	count := s.options.PartitionCount()
	parts := gather.New(int(count), func(shards [][][]txn.Decision) {
		decisions := make([][]txn.Decision, len(open))
		for _, shard := range shards {
			if shard == nil {
				done(nil, false)
				return
			}
			for i := range shard {
				decisions[i] = append(decisions[i], shard[i]...)
			}
		}
		done(decisions, true)
	})
	for p := range count {
		s.runtime.Read(p, func(m *txn.Machine) { parts.Put(int(p), m.Decisions(open)) }, func(error) { parts.Put(int(p), nil) })
	}
}
