package main

import (
	"context"
	"fmt"
	"time"

	"ottla.dev/ottla/bench/load"
	"ottla.dev/ottla/bench/target"
)

const startTopic = "start"

// startLoad measures clean starts on a directory with one topic, and the memory of the idle process.
func startLoad(b *bench, name string) error {
	return b.eachSample(name, b.brokerSides(), func(ctx context.Context, side string, round int) error {
		t := b.brokers[side]
		if err := t.Shutdown(); err != nil {
			return err
		}
		elapsed, cpu, err := restart(ctx, t, 1, startTopic)
		if err != nil {
			return err
		}
		b.add(name, "first ack s", side, round, elapsed.Seconds())
		b.add(name, "CPU-s", side, round, cpu.Seconds())
		resident, err := b.settledMemory(ctx, t)
		if err != nil {
			return err
		}
		b.add(name, "idle MB", side, round, float64(resident)/1e6)
		return nil
	})
}

// partitionsLoad measures what idle partitions cost, and the start after kill -9 with records in each of them.
func partitionsLoad(b *bench, name string) error {
	const perTopic = 500
	topics := make([]string, max(1, b.partitions/perTopic))
	for i := range topics {
		topics[i] = fmt.Sprintf("%s-%d", name, i)
	}
	count := b.partitions / len(topics)
	idle := map[string]int64{}
	for _, side := range b.brokerSides() {
		b.status(name + ", creating: " + side)
		if err := b.createIdle(name, side, count, topics, idle); err != nil {
			return fmt.Errorf("%s: %w", side, err)
		}
	}
	rounds := b.rounds
	if b.quick {
		rounds = 1
	}
	for round := 1; round <= rounds; round++ {
		for _, side := range turns(b.brokerSides(), round) {
			b.status(fmt.Sprintf("%s, kill %d of %d: %s", name, round, rounds, side))
			if err := b.killAndStart(name, side, round, count, topics, idle[side]); err != nil {
				return fmt.Errorf("%s, round %d: %w", side, round, err)
			}
		}
	}
	return nil
}

// createIdle notes the memory of a fresh process before and after the partitions are made, and writes to each.
func (b *bench) createIdle(name, side string, count int, topics []string, idle map[string]int64) error {
	t := b.brokers[side]
	ctx, cancel := context.WithTimeout(b.ctx, 2*startPatience)
	defer cancel()
	if err := t.Shutdown(); err != nil {
		return err
	}
	if _, _, err := restart(ctx, t, 1, startTopic); err != nil {
		return err
	}
	var err error
	if idle[side], err = b.settledMemory(ctx, t); err != nil {
		return err
	}
	started := time.Now()
	if err := load.CreateTopics(ctx, t.Addr(), count, topics...); err != nil {
		return err
	}
	b.add(name, "created in s", side, 1, time.Since(started).Seconds())
	resident, err := b.settledMemory(ctx, t)
	if err != nil {
		return err
	}
	b.add(name, "KiB each, new", side, 1, perPartition(resident-idle[side], count*len(topics)))
	for _, topic := range topics {
		if _, err := load.AwaitAcknowledged(ctx, t.Addr(), topic, count); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) killAndStart(name, side string, round, count int, topics []string, idle int64) error {
	ctx, cancel := context.WithTimeout(b.ctx, startPatience)
	defer cancel()
	t := b.brokers[side]
	t.Kill()
	elapsed, cpu, err := restart(ctx, t, count, topics...)
	if err != nil {
		return err
	}
	b.add(name, "back after kill -9 s", side, round, elapsed.Seconds())
	b.add(name, "CPU-s of that", side, round, cpu.Seconds())
	resident, err := b.settledMemory(ctx, t)
	if err != nil {
		return err
	}
	b.add(name, "KiB each, recovered", side, round, perPartition(resident-idle, count*len(topics)))
	return nil
}

func perPartition(bytes int64, partitions int) float64 {
	return max(0, float64(bytes)/1024/float64(partitions))
}

// firstTopic creates startTopic on a broker that has just been started, as soon as it can, and has a record acknowledged.
func (b *bench) firstTopic(ctx context.Context, side string) error {
	addr := b.brokers[side].Addr()
	for {
		err := load.CreateTopics(ctx, addr, 1, startTopic)
		if err == nil {
			_, err = load.AwaitAcknowledged(ctx, addr, startTopic, 1)
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// restart starts a stopped process and returns when every partition of the topics has acknowledged a record: how long that took from
// the start of the process, and the CPU time that it took.
func restart(ctx context.Context, t target.Target, partitions int, topics ...string) (time.Duration, time.Duration, error) {
	started := time.Now()
	restarted := make(chan error, 1)
	go func() { restarted <- t.Restart(ctx) }()
	var err error
	for _, topic := range topics {
		if _, err = load.AwaitAcknowledged(ctx, t.Addr(), topic, partitions); err != nil {
			break
		}
	}
	elapsed := time.Since(started)
	if failed := <-restarted; failed != nil {
		err = failed
	}
	if err != nil {
		return 0, 0, err
	}
	cpu, err := target.CPUOf(t.Pid())
	return elapsed, cpu.Total, err
}

// settledMemory waits until the process has calmed down and returns its resident memory.
func (b *bench) settledMemory(ctx context.Context, t target.Target) (int64, error) {
	settle := 5 * time.Second
	if b.quick {
		settle = 2 * time.Second
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(settle):
	}
	return target.ResidentBytes(t.Pid())
}
