package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ottla.dev/ottla/bench/load"
	"ottla.dev/ottla/bench/target"
)

// Settings of the topics that the cleaner works on: they are filled first, and compaction is switched on when that is done.
var (
	beforeCleaning = map[string]string{"cleanup.policy": "delete", "segment.bytes": "33554432", "min.cleanable.dirty.ratio": "0.01"}
	cleaning       = map[string]string{"cleanup.policy": "compact"}
)

// cleanerPatience bounds the wait for the cleaner, which by default looks for work every 15 s.
const cleanerPatience = time.Minute

// cleanerLoad measures one pass of the log cleaner over a topic whose keys come again and again.
func cleanerLoad(p load.Produce) func(*bench, string) error {
	return func(b *bench, name string) error {
		return b.eachSample(name, b.brokerSides(), func(ctx context.Context, side string, round int) error {
			return b.withDirtyTopic(ctx, side, name, round, p, func(t target.Target, topic string) error {
				before, err := target.ResidentBytes(t.Pid())
				if err != nil {
					return err
				}
				var pass cleanerPass
				cpu, err := used(t.Pid(), func() (err error) {
					pass, err = b.watchCleaner(ctx, t, topic)
					return err
				})
				if err != nil {
					return err
				}
				b.add(name, "MB/s", side, round, float64(pass.before)/1e6/pass.took.Seconds())
				b.add(name, "CPU-s/GB", side, round, cpu.Total.Seconds()/(float64(pass.before)/1e9))
				b.add(name, "memory MB", side, round, float64(max(0, pass.peak-before))/1e6)
				b.add(name, "left %", side, round, 100*float64(pass.after)/float64(pass.before))
				return nil
			})
		})
	}
}

// latencyBesideCleaner measures produce latency at a fixed rate while the cleaner works on another topic, and before it does.
func latencyBesideCleaner(dirty load.Produce, p load.Paced) func(*bench, string) error {
	return func(b *bench, name string) error {
		return b.eachSample(name, b.brokerSides(), func(ctx context.Context, side string, round int) error {
			return b.withDirtyTopic(ctx, side, name, round, dirty, func(t target.Target, topic string) error {
				p99 := map[string]float64{}
				for _, when := range []string{"idle", "cleaning"} {
					paced := fmt.Sprintf("%s-%s", topic, when)
					if err := load.CreateTopics(ctx, t.Addr(), 1, paced); err != nil {
						return err
					}
					if when == "cleaning" {
						if err := b.awaitCleaner(ctx, t, topic); err != nil {
							return err
						}
					}
					histogram, err := p.Run(ctx, t.Addr(), paced)
					if err != nil {
						return err
					}
					p99[when] = float64(histogram.ValueAtQuantile(99)) * 1e-3
					b.add(name, "p99 ms "+when, side, round, p99[when])
					if err := load.DeleteTopics(ctx, t.Addr(), paced); err != nil {
						return err
					}
				}
				b.add(name, "p99 cleaning/idle", side, round, p99["cleaning"]/p99["idle"])
				return nil
			})
		})
	}
}

// withDirtyTopic runs f with a topic that has been filled and not been cleaned.
func (b *bench) withDirtyTopic(ctx context.Context, side, name string, round int, p load.Produce, f func(t target.Target, topic string) error) error {
	t, topic := b.brokers[side], fmt.Sprintf("%s-%d", name, round)
	if err := load.CreateTopics(ctx, t.Addr(), p.Partitions, topic); err != nil {
		return err
	}
	if err := load.SetTopic(ctx, t.Addr(), topic, beforeCleaning); err != nil {
		return err
	}
	if _, err := p.Run(ctx, t.Addr(), topic); err != nil {
		return err
	}
	if err := f(t, topic); err != nil {
		return err
	}
	return load.DeleteTopics(ctx, t.Addr(), topic)
}

// cleanerPass is what was seen of the cleaner from outside.
type cleanerPass struct {
	before, after int64 // bytes of the topic's segments
	peak          int64 // resident memory
	took          time.Duration
}

// awaitCleaner switches compaction on and returns when the cleaner has begun: it writes files that are named .cleaned.
func (b *bench) awaitCleaner(ctx context.Context, t target.Target, topic string) error {
	if err := load.SetTopic(ctx, t.Addr(), topic, cleaning); err != nil {
		return err
	}
	deadline := time.Now().Add(cleanerPatience)
	for {
		if _, working, err := segments(t.DataDir(), topic); err != nil || working {
			return err
		}
		if time.Now().After(deadline) {
			return errors.New("the cleaner did not begin within " + cleanerPatience.String())
		}
		time.Sleep(time.Millisecond)
	}
}

// watchCleaner returns when the cleaner has been through the topic: nothing of it is under way for longer than it takes to begin the
// next group of segments.
func (b *bench) watchCleaner(ctx context.Context, t target.Target, topic string) (pass cleanerPass, err error) {
	if pass.before, _, err = segments(t.DataDir(), topic); err != nil {
		return pass, err
	}
	if err := b.awaitCleaner(ctx, t, topic); err != nil {
		return pass, err
	}
	began := time.Now()
	for last := began; ; time.Sleep(2 * time.Millisecond) {
		size, working, err := segments(t.DataDir(), topic)
		if err != nil {
			return pass, err
		}
		resident, err := target.ResidentBytes(t.Pid())
		if err != nil {
			return pass, err
		}
		pass.peak = max(pass.peak, resident)
		now := time.Now()
		switch {
		case ctx.Err() != nil:
			return pass, ctx.Err()
		case working:
			last = now
		case now.Sub(last) > time.Second:
			pass.after, pass.took = size, last.Sub(began)
			return pass, nil
		}
	}
}

// segments sums the sizes of a topic's segments, and tells whether the cleaner is at work on them.
func segments(dataDir, topic string) (bytes int64, cleaning bool, err error) {
	partitions, err := filepath.Glob(filepath.Join(dataDir, topic+"-*"))
	if err != nil {
		return 0, false, err
	}
	for _, dir := range partitions {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // of a topic that is being deleted
		}
		if err != nil {
			return 0, false, err
		}
		for _, e := range entries {
			switch {
			case strings.HasSuffix(e.Name(), ".cleaned"), strings.HasSuffix(e.Name(), ".swap"):
				cleaning = true
			case strings.HasSuffix(e.Name(), ".log"):
				info, err := e.Info()
				if errors.Is(err, fs.ErrNotExist) {
					continue // replaced meanwhile
				}
				if err != nil {
					return 0, false, err
				}
				bytes += info.Size()
			}
		}
	}
	return bytes, cleaning, nil
}
