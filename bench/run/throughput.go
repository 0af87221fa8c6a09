package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ottla.dev/ottla/bench/load"
	"ottla.dev/ottla/bench/target"
	"ottla.dev/ottla/internal/record"
)

// produceLoad measures how fast and at what cost batches go in. Every sample has a topic of its own.
func produceLoad(p load.Produce) func(*bench, string) error {
	return func(b *bench, name string) error {
		return b.eachSample(name, b.sides, func(ctx context.Context, side string, round int) error {
			if side == target.NameFloor {
				return b.produceToFloors(ctx, p, name, round)
			}
			return b.withTopic(ctx, side, name, round, p.Partitions, func(t target.Target, topic string) error {
				cpuPerGB, err := b.sample(name, side, round, t, func() (load.Done, error) { return p.Run(ctx, t.Addr(), topic) })
				if p.Codec != record.CodecNone {
					b.add(name, measureLookedIn, side, round, cpuPerGB)
				}
				return err
			})
		})
	}
}

// measureLookedIn compares with a floor that decompresses what is compressed.
const measureLookedIn = "CPU-s/GB, floor decompresses"

// produceToFloors puts the load on the floor and, where the batches are compressed, on one that decompresses them.
func (b *bench) produceToFloors(ctx context.Context, p load.Produce, name string, round int) error {
	p.Floor = true
	run := func(measured func(floor *target.Floor, run func() (load.Done, error)) error, args ...string) error {
		floor, err := target.StartFloor(ctx, b.dir, b.program("floor-produce"), args...)
		if err != nil {
			return err
		}
		defer floor.Remove()
		return measured(floor, func() (load.Done, error) { return p.Run(ctx, floor.Addr(), name) })
	}
	err := run(func(floor *target.Floor, f func() (load.Done, error)) error {
		_, err := b.sample(name, target.NameFloor, round, floor, f)
		return err
	})
	if err != nil || p.Codec == record.CodecNone {
		return err
	}
	return run(func(floor *target.Floor, f func() (load.Done, error)) error {
		done, cpu, err := b.measure(floor, f)
		b.add(name, measureLookedIn, target.NameFloor, round, perGB(cpu.Total, done))
		return err
	}, "-decompress")
}

// fetchLoad measures how fast and at what cost they come out again. The brokers' topic is filled once.
func fetchLoad(s load.Shape, bytes int64, f load.Fetch) func(*bench, string) error {
	return func(b *bench, name string) error {
		if err := b.fill(name, s, bytes); err != nil {
			return err
		}
		defer b.deleteTopic(name)
		files, err := b.writeSegments(name, s, bytes)
		if err != nil {
			return err
		}
		defer os.RemoveAll(filepath.Dir(files[0]))
		return b.eachSample(name, b.sides, func(ctx context.Context, side string, round int) error {
			t := b.brokers[side]
			if side == target.NameFloor {
				floor, err := target.StartFloor(ctx, b.dir, b.program("floor-fetch"), "-files", strings.Join(files, ","))
				if err != nil {
					return err
				}
				defer floor.Remove()
				t = floor
			}
			_, err := b.sample(name, side, round, t, func() (load.Done, error) { return f.Run(ctx, t.Addr(), name) })
			return err
		})
	}
}

// writeSegments gives the floor what the brokers have: a file for each partition.
func (b *bench) writeSegments(name string, s load.Shape, bytes int64) (files []string, err error) {
	dir := b.program(name + "-files")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	for i := range s.Partitions {
		files = append(files, filepath.Join(dir, strconv.Itoa(i)))
		if err := writeSegment(files[i], s, bytes/int64(s.Partitions)); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	return files, nil
}

func writeSegment(path string, s load.Shape, bytes int64) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(s.WriteLog(file, bytes), file.Close())
}

func franzProduceLoad(recordBytes int, bytes int64) func(*bench, string) error {
	return func(b *bench, name string) error {
		return b.eachSample(name, b.brokerSides(), func(ctx context.Context, side string, round int) error {
			return b.withTopic(ctx, side, name, round, 1, func(t target.Target, topic string) error {
				l := load.FranzProduce{RecordBytes: recordBytes, Bytes: bytes}
				_, err := b.sample(name, side, round, t, func() (load.Done, error) { return l.Run(ctx, t.Addr(), topic) })
				return err
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
			_, err := b.sample(name, side, round, t, func() (load.Done, error) {
				return load.FranzFetch{Bytes: values}.Run(ctx, t.Addr(), name)
			})
			return err
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

// sample measures one run of a load against one side, and returns the processor time that it took for a GB.
func (b *bench) sample(name, side string, round int, t target.Target, f func() (load.Done, error)) (cpuPerGB float64, err error) {
	done, cpu, err := b.measure(t, f)
	if err != nil {
		return 0, err
	}
	b.add(name, "MB/s", side, round, float64(done.Bytes)/1e6/done.Elapsed.Seconds())
	b.add(name, "CPU-s/GB", side, round, perGB(cpu.Total, done))
	b.add(name, "user-s/GB", side, round, perGB(cpu.User, done))
	b.add(name, "system-s/GB", side, round, perGB(cpu.System, done))
	return perGB(cpu.Total, done), nil
}

// measure runs a load against a process that has processors of its own.
func (b *bench) measure(t target.Target, f func() (load.Done, error)) (done load.Done, cpu target.CPU, err error) {
	warmMemory()
	err = target.Apart(t.Pid(), func() error {
		cpu, err = used(t.Pid(), func() (err error) {
			done, err = f()
			return err
		})
		return err
	})
	return done, cpu, err
}

func perGB(d time.Duration, done load.Done) float64 { return d.Seconds() / (float64(done.Bytes) / 1e9) }

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
