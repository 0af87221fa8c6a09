package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"ottla.dev/ottla/bench/report"
	"ottla.dev/ottla/bench/target"
)

// bench is one run.
type bench struct {
	options
	ctx     context.Context
	dir     string // of everything that the run writes
	sides   []string
	rounds  int
	brokers map[string]target.Target // that run now, by side; floors live for one sample
	samples []report.Sample
}

// Times within which things must have happened.
const (
	startPatience  = 5 * time.Minute
	samplePatience = 3 * time.Minute
)

func newBench(ctx context.Context, o options) (*bench, error) {
	b := &bench{options: o, ctx: ctx, rounds: o.rounds, brokers: map[string]target.Target{}}
	if b.rounds <= 0 {
		b.rounds = 5
		if o.quick {
			b.rounds = 3
		}
	}
	if b.partitions <= 0 {
		b.partitions = 5000
		if o.quick {
			b.partitions = 1000
		}
	}
	var err error
	if b.sides, err = checkSides(o.sides); err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp(o.tmp, "ottla-bench-"); err != nil {
		return nil, err
	}
	if err := b.build(); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// build compiles what takes part.
func (b *bench) build() error {
	b.status("building")
	programs := map[string]string{"floor-produce": "ottla.dev/ottla/bench/floor/produce", "floor-fetch": "ottla.dev/ottla/bench/floor/fetch"}
	if b.ottla == "" {
		b.ottla = b.program("ottla")
		programs["ottla"] = "ottla.dev/ottla/cmd/ottla"
	}
	for name, path := range programs {
		if text, err := exec.CommandContext(b.ctx, "go", "build", "-o", b.program(name), path).CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", path, err, text)
		}
	}
	return nil
}

func (b *bench) program(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) close() {
	if err := b.stopBrokers(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := os.RemoveAll(b.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// brokerSides are the sides that are whole brokers.
func (b *bench) brokerSides() []string {
	return slices.DeleteFunc(slices.Clone(b.sides), func(side string) bool { return side == target.NameFloor })
}

// startBrokers starts every broker on an empty directory and gives it startTopic.
func (b *bench) startBrokers() error {
	if err := b.stopBrokers(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(b.ctx, startPatience)
	defer cancel()
	for _, side := range b.brokerSides() {
		b.status("starting " + side)
		var t target.Target
		var err error
		if side == target.NameApache {
			t, err = target.StartApache(ctx, b.dir)
		} else {
			t, err = target.StartOttla(ctx, b.ottla, b.dir)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", side, err)
		}
		b.brokers[side] = t
		if err := b.firstTopic(ctx, side); err != nil {
			return fmt.Errorf("%s: %w", side, err)
		}
	}
	return nil
}

func (b *bench) stopBrokers() error {
	var errs []error
	for _, side := range slices.Sorted(maps.Keys(b.brokers)) {
		errs = append(errs, b.brokers[side].Remove())
	}
	clear(b.brokers)
	return errors.Join(errs...)
}

// turns are the sides in the order of a round. Who is first changes, and so does who comes after whom: what one leaves behind, dirty
// pages above all, burdens the next.
func turns(sides []string, round int) []string {
	at := round % len(sides)
	order := append(slices.Clone(sides[at:]), sides[:at]...)
	if round/len(sides)%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

// add keeps a sample. Round 0 warms up and does not count.
func (b *bench) add(load, measure, side string, round int, value float64) {
	if round > 0 {
		b.samples = append(b.samples, report.Sample{Load: load, Measure: measure, Side: side, Round: round, Value: value})
	}
}

// status shows what is going on, on the terminal only.
func (b *bench) status(text string) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s", text)
	}
}

// used is the CPU time that a process takes while f runs.
func used(pid int, f func() error) (target.CPU, error) {
	before, err := target.CPUOf(pid)
	if err != nil {
		return target.CPU{}, err
	}
	if err := f(); err != nil {
		return target.CPU{}, err
	}
	after, err := target.CPUOf(pid)
	return after.Sub(before), err
}

// runAll runs the chosen loads and returns what went wrong. A load that fails does not keep the others from running.
func (b *bench) runAll() error {
	var errs []error
	fresh := false
	for _, l := range loads(b.quick) {
		if !b.wants(l) || b.ctx.Err() != nil {
			continue
		}
		var err error
		if !fresh || l.ownBrokers {
			err = b.startBrokers()
		}
		if err == nil && !fresh && !l.ownBrokers {
			err = b.warmUp()
		}
		if fresh = !l.ownBrokers && err == nil; err == nil {
			err = l.run(b, l.name)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("load %s: %w", l.name, err))
		}
	}
	return errors.Join(append(errs, b.ctx.Err())...)
}

// wants leaves out what -only does not name and, in a quick run that names nothing, what takes long.
func (b *bench) wants(l namedLoad) bool {
	return b.chosen(l.name) && (!b.quick || l.quick || b.only != "")
}
