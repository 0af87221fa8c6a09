package main

import (
	"context"

	"ottla.dev/ottla/bench/load"
	"ottla.dev/ottla/bench/target"
)

// transactionsLoad measures how many transactions are committed and at what cost.
func transactionsLoad(l load.Transactions) func(*bench, string) error {
	return func(b *bench, name string) error {
		return b.eachSample(name, b.brokerSides(), func(ctx context.Context, side string, round int) error {
			return b.withTopic(ctx, side, name, round, l.Partitions, func(t target.Target, topic string) error {
				var done load.Committed
				cpu, err := used(t.Pid(), func() (err error) {
					done, err = l.Run(ctx, t.Addr(), topic)
					return err
				})
				if err != nil {
					return err
				}
				const toMs = 1e-3
				b.add(name, "txn/s", side, round, float64(done.Count)/done.Elapsed.Seconds())
				b.add(name, "CPU-ms/txn", side, round, cpu.Total.Seconds()*1e3/float64(done.Count))
				b.add(name, "commit p50 ms", side, round, float64(done.Commits.ValueAtQuantile(50))*toMs)
				b.add(name, "commit p99 ms", side, round, float64(done.Commits.ValueAtQuantile(99))*toMs)
				return nil
			})
		})
	}
}
