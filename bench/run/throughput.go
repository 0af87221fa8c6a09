package main

import (
	"context"
	"fmt"
	"os"

	"ottla.dev/ottla/bench/load"
	"ottla.dev/ottla/bench/target"
)

// produceLoad measures how fast and at what cost batches go in. Every sample has a topic of its own.
func produceLoad(p load.Produce) func(*bench, string) error {
	return func(b *bench, name string) error {
		return b.eachSample(name, b.sides, func(ctx context.Context, side string, round int) error {
			if side == target.NameFloor {
				floor, err := target.StartFloor(ctx, b.dir, b.program("floor-produce"))
				if err != nil {
					return err
				}
				defer floor.Remove()
				p := p
				p.Floor = true
				return b.sample(name, side, round, floor, func() (load.Done, error) { return p.Run(ctx, floor.Addr(), name) })
			}
			return b.withTopic(ctx, side, name, round, p.Partitions, func(t target.Target, topic string) error {
				return b.sample(name, side, round, t, func() (load.Done, error) { return p.Run(ctx, t.Addr(), topic) })
			})
		})
	}
}

// fetchLoad measures how fast and at what cost they come out again. The brokers' topic is filled once.
func fetchLoad(s load.Shape, bytes int64, f load.Fetch) func(*bench, string) error {
	return func(b *bench, name string) error {
		if err := b.fill(name, s, bytes); err != nil {
			return err
		}
		defer b.deleteTopic(name)
		file := b.program(name + ".log")
		segment, err := s.LogFile(bytes / int64(s.Partitions))
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, segment, 0o644); err != nil {
			return err
		}
		defer os.Remove(file)
		return b.eachSample(name, b.sides, func(ctx context.Context, side string, round int) error {
			t := b.brokers[side]
			if side == target.NameFloor {
				floor, err := target.StartFloor(ctx, b.dir, b.program("floor-fetch"), "-file", file)
				if err != nil {
					return err
				}
				defer floor.Remove()
				t = floor
			}
			return b.sample(name, side, round, t, func() (load.Done, error) { return f.Run(ctx, t.Addr(), name) })
		})
	}
}

func franzProduceLoad(recordBytes int, bytes int64) func(*bench, string) error {
	return func(b *bench, name string) error {
		return b.eachSample(name, b.brokerSides(), func(ctx context.Context, side string, round int) error {
			return b.withTopic(ctx, side, name, round, 1, func(t target.Target, topic string) error {
				l := load.FranzProduce{RecordBytes: recordBytes, Bytes: bytes}
				return b.sample(name, side, round, t, func() (load.Done, error) { return l.Run(ctx, t.Addr(), topic) })
			})
		})
	}
}

func franzFetchLoad(s load.Shape, bytes int64) func(*bench, string) error {
	return func(b *bench, name string) error {
		if err := b.fill(name, s, bytes); err != nil {
			return err
		}
		defer b.deleteTopic(name)
		values := bytes * 9 / 10 // what is surely there, without what records and batches add to their values
		return b.eachSample(name, b.brokerSides(), func(ctx context.Context, side string, round int) error {
			t := b.brokers[side]
			return b.sample(name, side, round, t, func() (load.Done, error) {
				return load.FranzFetch{Bytes: values}.Run(ctx, t.Addr(), name)
			})
		})
	}
}

// eachSample runs f for every side in every round; round 0 warms up.
func (b *bench) eachSample(name string, sides []string, f func(ctx context.Context, side string, round int) error) error {
	for round := range b.rounds + 1 {
		for _, side := range turns(sides, round) {
			b.status(fmt.Sprintf("%s, round %d of %d: %s", name, round, b.rounds, side))
			ctx, cancel := context.WithTimeout(b.ctx, samplePatience)
			err := f(ctx, side, round)
			cancel()
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", side, round, err)
			}
		}
	}
	return nil
}

// warmUp lets the brokers work before the first load counts: a Java program becomes several times faster in its first gigabyte.
func (b *bench) warmUp() error {
	bytes := int64(1 << 30)
	if b.quick {
		bytes /= 4
	}
	s := load.Shape{RecordBytes: 1000, BatchBytes: batchBytes, Partitions: 1, PartitionsPerRequest: 1}
	const topic = "warm-up"
	b.status(topic)
	if err := b.fill(topic, s, bytes); err != nil {
		return err
	}
	defer b.deleteTopic(topic)
	ctx, cancel := context.WithTimeout(b.ctx, samplePatience)
	defer cancel()
	for _, side := range b.brokerSides() {
		if _, err := (load.Fetch{Partitions: 1, Consumers: 1, MaxBytes: 50 << 20, MaxPartitionBytes: 64 << 10}).Run(ctx, b.brokers[side].Addr(), topic); err != nil {
			return fmt.Errorf("%s: %w", side, err)
		}
	}
	return nil
}

// sample measures one run of a load against one side.
func (b *bench) sample(name, side string, round int, t target.Target, f func() (load.Done, error)) error {
	warmMemory()
	var done load.Done
	cpu, err := used(t.Pid(), func() (err error) {
		done, err = f()
		return err
	})
	if err != nil {
		return err
	}
	const mb, gb = 1e6, 1e9
	size := float64(done.Bytes)
	b.add(name, "MB/s", side, round, size/mb/done.Elapsed.Seconds())
	b.add(name, "CPU-s/GB", side, round, cpu.Total.Seconds()/(size/gb))
	b.add(name, "user-s/GB", side, round, cpu.User.Seconds()/(size/gb))
	b.add(name, "system-s/GB", side, round, cpu.System.Seconds()/(size/gb))
	return nil
}

// withTopic runs f with a new topic on one of the brokers.
func (b *bench) withTopic(ctx context.Context, side, name string, round, partitions int, f func(t target.Target, topic string) error) error {
	t, topic := b.brokers[side], fmt.Sprintf("%s-%d", name, round)
	if err := load.CreateTopics(ctx, t.Addr(), partitions, topic); err != nil {
		return err
	}
	if err := f(t, topic); err != nil {
		return err
	}
	return load.DeleteTopics(ctx, t.Addr(), topic)
}

// fill gives every broker a topic with so many bytes.
func (b *bench) fill(topic string, s load.Shape, bytes int64) error {
	ctx, cancel := context.WithTimeout(b.ctx, samplePatience)
	defer cancel()
	for _, side := range b.brokerSides() {
		addr := b.brokers[side].Addr()
		if err := load.CreateTopics(ctx, addr, s.Partitions, topic); err != nil {
			return fmt.Errorf("%s: %w", side, err)
		}
		if _, err := (load.Produce{Shape: s, Producers: 1, InFlight: inFlight, Bytes: bytes}).Run(ctx, addr, topic); err != nil {
			return fmt.Errorf("%s: %w", side, err)
		}
	}
	return nil
}

func (b *bench) deleteTopic(topic string) {
	ctx, cancel := context.WithTimeout(b.ctx, samplePatience)
	defer cancel()
	for _, side := range b.brokerSides() {
		if err := load.DeleteTopics(ctx, b.brokers[side].Addr(), topic); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}
