package streams

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Node is what the application talks to.
type Node interface {
	Addr() string
	// Kill ends the process as kill -9 does; Start brings it back with its data.
	Kill()
	Start(ctx context.Context) error
}

// Options say what to run.
type Options struct {
	Node Node
	App  Command
	// ForgetsMarkers says that the node is a single one of Apache Kafka 4.3.1, which forgets the transaction markers that were due when
	// it went down: while it comes back its partitions have no leader, and its coordinator takes them for deleted. Offsets stay pending
	// for ever then, and the application waits for them as long. So there the application stops before the node is killed.
	ForgetsMarkers bool
	// Seed gives the input and the times of the faults.
	Seed uint64
	// Dir is an empty directory for the application's state.
	Dir string
	// Log gets what the application prints; Progress gets a line now and then.
	Log      io.Writer
	Progress func(line string)
}

// Check is one result; Problem is empty when it holds.
type Check struct{ Name, Problem string }

const (
	application = "counting"
	// linePause spreads the lines between two faults.
	linePause = 8 * time.Millisecond
	// patience bounds how long the application may take to go on after a fault, or to the end: the session of a killed one and its
	// transaction must time out first, and its stores be restored.
	patience = 90 * time.Second
)

// trial is one run.
type trial struct {
	Options
	random *rand.Rand
	want   want
	app    *app
	sender *sender
	reader *reader
}

// Run plays the whole trial. An error means that it could not be played to its end.
func Run(ctx context.Context, o Options) ([]Check, error) {
	random := rand.New(rand.NewPCG(o.Seed, 0))
	lines := makeLines(random, linesTotal)
	t := &trial{Options: o, random: random, want: expect(lines)}
	if err := createTopics(ctx, o.Node.Addr()); err != nil {
		return nil, fmt.Errorf("create the topics: %w", err)
	}
	var err error
	if t.sender, err = newSender(o.Node.Addr(), lines); err != nil {
		return nil, err
	}
	defer t.sender.cl.Close()
	if t.reader, err = newReader(o.Node.Addr(), []string{"counts", "sums"}); err != nil {
		return nil, err
	}
	defer t.reader.cl.Close()
	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	go t.reader.run(reading)
	go t.sender.run(reading, linePause)
	t.app = &app{command: o.App, stateDir: filepath.Join(o.Dir, "state"), env: []string{"BOOTSTRAP=" + o.Node.Addr(), "APPLICATION=" + application}, log: o.Log}
	if err := t.app.start(); err != nil {
		return nil, err
	}
	defer t.app.kill()
	if err := t.faults(ctx); err != nil {
		return nil, err
	}
	return t.checks(ctx)
}

// fault is something that happens to the application or the node.
type fault struct {
	name string
	do   func(ctx context.Context) error
}

// faults happen in an order and at times that the seed gives, each somewhere in its part of the input, of which there is one more
// than faults.
func (t *trial) faults(ctx context.Context) error {
	startNode := t.Node.Start
	startApp := func(context.Context) error { return t.app.start() }
	stopApp := func(context.Context) error { return t.app.stop() }
	markersWritten := func(ctx context.Context) error { return pause(ctx, time.Second) }
	kill := func(what func()) func(context.Context) error {
		return func(context.Context) error { what(); return nil }
	}
	nodeFault := both(kill(t.Node.Kill), startNode)
	bothFault := both(kill(t.Node.Kill), kill(t.app.kill), startNode, startApp)
	if t.ForgetsMarkers {
		nodeFault = both(stopApp, markersWritten, kill(t.Node.Kill), startNode, startApp)
		bothFault = nodeFault
	}
	faults := []fault{
		{"kill -9 of the application", both(kill(t.app.kill), startApp)},
		{"kill -9 of the node", nodeFault},
		{"kill -9 of the node, again", nodeFault},
		{"kill -9 of both", bothFault},
		{"orderly restart of the application", both(stopApp, startApp)},
		{"kill -9 of the application, loss of its state", both(kill(t.app.kill), t.wipe, startApp)},
	}
	t.random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	part := linesTotal / (len(faults) + 1)
	for i, f := range faults {
		t.sender.allow(part)
		within := (10 + t.random.IntN(60)) * part / 100
		reached := int64((i*part + within) * wordsPerLine)
		if err := t.until(ctx, func(counts, _ int64) bool { return counts >= reached }); err != nil {
			return fmt.Errorf("before fault %d, %s: %w", i+1, f.name, err)
		}
		if err := pause(ctx, time.Duration(t.random.Int64N(int64(100*time.Millisecond)))); err != nil {
			return err
		}
		t.tell(f.name)
		if err := f.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	t.sender.allow(linesTotal)
	return nil
}

func both(steps ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, step := range steps {
			if err := step(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

func (t *trial) wipe(context.Context) error { return os.RemoveAll(t.app.stateDir) }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// tell prints where the trial is.
func (t *trial) tell(event string) {
	counts, _ := t.reader.total("counts")
	acked, _ := t.sender.progress()
	t.Progress(fmt.Sprintf("%d of %d lines sent, %d of %d counts out: %s", acked, linesTotal, counts, t.want.countUpdates(), event))
}

// until waits for outputs.
func (t *trial) until(ctx context.Context, reached func(counts, sums int64) bool) error {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if why := t.app.died(); why != "" {
			return fmt.Errorf("%s", why)
		}
		counts, err := t.reader.total("counts")
		if err != nil {
			return err
		}
		sums, err := t.reader.total("sums")
		if err != nil {
			return err
		}
		if _, err := t.sender.progress(); err != nil {
			return fmt.Errorf("send a line: %w", err)
		}
		if reached(counts, sums) {
			return nil
		}
		if pause(limited, 50*time.Millisecond) != nil {
			return fmt.Errorf("no more than %d of %d counts and %d of %d sums came within %s; the application is %s", counts, t.want.countUpdates(),
				sums, t.want.sumUpdates(), patience, t.app.currentState())
		}
	}
}

// checks waits for all output and compares it, the stores, the changelogs and the offsets with the input.
func (t *trial) checks(ctx context.Context) ([]Check, error) {
	var checks []Check
	check := func(name, problem string) { checks = append(checks, Check{name, problem}) }
	allOut := t.until(ctx, func(counts, sums int64) bool { return counts >= t.want.countUpdates() && sums >= t.want.sumUpdates() })
	if why := t.app.died(); why != "" {
		return nil, fmt.Errorf("%s", why)
	}
	t.tell(fmt.Sprintf("the end, %d threads replaced", t.app.threadsReplaced()))
	reading, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	complete := ""
	if allOut != nil {
		complete = allOut.Error()
	}
	check("streams/all-out", complete)
	addr := t.Node.Addr()
	counts, err := readToEnd(reading, addr, "counts")
	if err != nil {
		return nil, err
	}
	check("streams/counts", listed(verifyCounts(counts, t.want)))
	sums, err := readToEnd(reading, addr, "sums")
	if err != nil {
		return nil, err
	}
	check("streams/sums", listed(verifySums(sums, t.want)))
	stores, err := t.app.readStores(reading)
	if err != nil {
		return nil, err
	}
	check("streams/stores", listed(append(differences(stores["counts"], t.want.counts), differences(stores["sums"], t.want.sums)...)))
	check("streams/offsets", t.offsets(reading))
	stopped := ""
	if err := t.app.stop(); err != nil {
		stopped = err.Error()
	}
	check("streams/stop", stopped)
	for topic, last := range map[string]map[string]int64{"counts": t.want.counts, "sums": t.want.sums} {
		changelog, err := readToEnd(reading, addr, application+"-"+topic+"-changelog")
		if err != nil {
			return nil, err
		}
		check("streams/changelog/"+topic, listed(differences(changelog.last(), last)))
	}
	return checks, nil
}

// offsets demands that the application has committed the end of its input.
func (t *trial) offsets(ctx context.Context) string {
	cl, err := kgo.NewClient(kgo.SeedBrokers(t.Node.Addr()))
	if err != nil {
		return err.Error()
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	for {
		var done int64
		fetched, err := adm.FetchOffsets(ctx, application)
		if err == nil {
			for p := range int32(partitions) {
				if offset, ok := fetched.Lookup("lines", p); ok {
					done += offset.At
				}
			}
		}
		if done == linesTotal {
			return ""
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return fmt.Sprintf("committed %d of %d lines (%v)", done, linesTotal, err)
		}
	}
}
