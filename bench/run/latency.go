package main

import (
	"context"

	"ottla.dev/ottla/bench/load"
	"ottla.dev/ottla/bench/target"
)

// pacedLoad measures latency at a fixed rate.
func pacedLoad(p load.Paced) func(*bench, string) error {
	return func(b *bench, name string) error {
		sides := b.sides
		if p.Tail {
			sides = b.brokerSides() // no floor does both
		}
		return b.eachSample(name, sides, func(ctx context.Context, side string, round int) error {
			if side == target.NameFloor {
				floor, err := target.StartFloor(ctx, b.dir, b.program("floor-produce"))
				if err != nil {
					return err
				}
				defer floor.Remove()
				return b.latency(ctx, name, side, round, floor, name, p)
			}
			return b.withTopic(ctx, side, name, round, 1, func(t target.Target, topic string) error {
				return b.latency(ctx, name, side, round, t, topic, p)
			})
		})
	}
}

func (b *bench) latency(ctx context.Context, name, side string, round int, t target.Target, topic string, p load.Paced) error {
	histogram, err := p.Run(ctx, t.Addr(), topic)
	if err != nil {
		return err
	}
	const toMs = 1e-3
	b.add(name, "p50 ms", side, round, float64(histogram.ValueAtQuantile(50))*toMs)
	b.add(name, "p99 ms", side, round, float64(histogram.ValueAtQuantile(99))*toMs)
	b.add(name, "p99.9 ms", side, round, float64(histogram.ValueAtQuantile(99.9))*toMs)
	return nil
}
