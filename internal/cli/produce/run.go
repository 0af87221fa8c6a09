package produce

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/config"
	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

// written is what came of a run.
type written struct {
	Topic      string      `json:"topic"`
	Records    int64       `json:"records"`
	DryRun     bool        `json:"dry_run,omitempty"`
	Partitions []partition `json:"partitions"`
}

type partition struct {
	Partition int32 `json:"partition"`
	Records   int64 `json:"records"`
	First     int64 `json:"first_offset"` // -1: not known, with acks=0
	Last      int64 `json:"last_offset"`
}

func run(ctx context.Context, s *profile.Session, o options) error {
	clientOptions, err := o.clientOptions()
	if err != nil {
		return err
	}
	t, err := o.template()
	if err != nil {
		return err
	}
	partitions, err := partitionCount(ctx, s, o.topic)
	if err != nil {
		return err
	}
	in := s.In
	if o.file != "" {
		file, err := os.Open(o.file)
		if err != nil {
			return output.NotFoundf("--file: %v", err)
		}
		defer file.Close()
		in = file
	} else if s.Interactive {
		s.Out.Say("Type a record per line; Ctrl-D ends.")
	}
	w := &writer{template: t, timeout: s.Timeout, partitions: partitions, failed: make(chan error, 1), byPartition: map[int32]*partition{}}
	if !o.dryRun {
		if t.manual {
			clientOptions = append(clientOptions, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		}
		clientOptions = append(clientOptions, kgo.ProducerBatchMaxBytes(maxBatchBytes(ctx, s, o.topic)))
		if w.client, err = s.Connect(clientOptions...); err != nil {
			return err
		}
		defer w.client.Close()
	}
	failure := w.write(ctx, lines(ctx, in, o.whole, maxLineBytes))
	if !o.quiet && (failure == nil || len(w.byPartition) > 0) {
		if err := w.tell(s.Out, o); err != nil {
			return err
		}
	}
	return failure
}

func partitionCount(ctx context.Context, s *profile.Session, topic string) (int, error) {
	found, err := s.Admin.ListTopicsWithInternal(ctx, topic)
	if err != nil {
		return 0, err
	}
	t := found[topic]
	if errors.Is(t.Err, kerr.UnknownTopicOrPartition) {
		return 0, output.NotFoundf("topic %s: does not exist", topic).WithHint("`ottla topic create %s` makes it.", topic)
	}
	return len(t.Partitions), output.About("topic "+topic, t.Err, "")
}

// maxBatchBytes lets a batch be as large as the topic takes. If the broker does not tell, it is the client's own bound.
func maxBatchBytes(ctx context.Context, s *profile.Session, topic string) int32 {
	const usual = 1 << 20
	settings, err := config.Describe(ctx, s.Client, config.Topic(topic))
	limit, ok := config.Find(settings, "max.message.bytes")
	if err != nil || !ok || limit.Value == nil {
		return usual
	}
	n, err := strconv.ParseInt(*limit.Value, 10, 32)
	if err != nil || n < 1<<10 {
		return usual
	}
	return int32(min(n, 90<<20)) // the client refuses more than a request may have
}

// writer sends records and keeps count.
type writer struct {
	client      *kgo.Client // nil: a dry run
	template    *template
	partitions  int
	timeout     time.Duration
	acked       atomic.Int64
	failed      chan error // the first failure of a record
	mu          sync.Mutex // of byPartition and the counts in it
	byPartition map[int32]*partition
	parsed      int64
}

// write sends all lines. It ends at the first record that fails, and waits for what was sent before.
func (w *writer) write(ctx context.Context, items <-chan item) error {
	sending, stop := w.watch(ctx)
	defer stop()
	err := w.sendAll(ctx, sending, items)
	if w.client == nil {
		return err
	}
	if flushErr := w.client.Flush(sending); flushErr != nil && err == nil {
		err = context.Cause(sending)
	}
	select {
	case failure := <-w.failed:
		return failure
	default:
		return err
	}
}

// interruptGrace is how long an interrupted run waits for what was sent.
const interruptGrace = 3 * time.Second

// watch gives the context of records. It outlives an interruption a little, and ends when nothing was acknowledged for the timeout. (The client has
// a bound of its own, which counts from a record's timestamp, and that may be years ago.)
func (w *writer) watch(ctx context.Context) (context.Context, func()) {
	sending, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stopped := make(chan struct{})
	go func() {
		quiet := time.NewTicker(max(w.timeout, time.Millisecond))
		defer quiet.Stop()
		before := int64(-1)
		for interrupted := ctx.Done(); ; {
			select {
			case <-stopped:
				return
			case <-interrupted:
				interrupted = nil
				quiet.Reset(interruptGrace)
				before = w.acked.Load()
			case <-quiet.C:
				now := w.acked.Load()
				if waiting := w.client != nil && w.client.BufferedProduceRecords() > 0; waiting && now == before {
					cancel(output.Timeoutf("no record was acknowledged within %s", w.timeout))
					return
				}
				before = now
			}
		}
	}()
	return sending, func() { close(stopped); cancel(nil) }
}

func (w *writer) sendAll(ctx, sending context.Context, items <-chan item) error {
	for number := 1; ; number++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-w.failed:
			w.failed <- err // for write
			return err
		case i, ok := <-items:
			if !ok {
				return nil
			}
			if i.err != nil {
				return output.Failedf("line %d: %v", number, i.err)
			}
			r, err := w.template.record(i.line, w.partitions)
			if err != nil {
				e := *output.Classify(err)
				e.Message = fmt.Sprintf("line %d: %s", number, e.Message)
				return &e
			}
			w.parsed++
			if w.client != nil {
				w.client.Produce(sending, r, func(r *kgo.Record, err error) { w.done(sending, r, err) })
			}
		}
	}
}

// done counts an acknowledged record. The client calls it for one record after the other.
func (w *writer) done(sending context.Context, r *kgo.Record, err error) {
	w.acked.Add(1)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			err = context.Cause(sending)
		}
		select {
		case w.failed <- output.About("topic "+r.Topic, err, ""):
		default: // one failure is told; the others follow from it
		}
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.byPartition[r.Partition]
	if !ok {
		p = &partition{Partition: r.Partition, First: r.Offset}
		w.byPartition[r.Partition] = p
	}
	p.Records++
	p.Last = r.Offset
}

func (w *writer) tell(out *output.Printer, o options) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := written{Topic: o.topic, DryRun: o.dryRun, Partitions: []partition{}}
	for _, p := range w.byPartition {
		if o.acks == "0" {
			p.First, p.Last = -1, -1
		}
		sum.Records += p.Records
		sum.Partitions = append(sum.Partitions, *p)
	}
	slices.SortFunc(sum.Partitions, func(a, b partition) int { return int(a.Partition) - int(b.Partition) })
	if o.dryRun {
		sum.Records = w.parsed
	}
	if out.Structured() {
		return out.Print(sum)
	}
	if o.dryRun {
		_, err := fmt.Fprintf(out.Out, "would write %s to %s (dry run, nothing was changed)\n", output.Plural(int(sum.Records), "record"), o.topic)
		return err
	}
	text := fmt.Sprintf("wrote %s to %s", output.Plural(int(sum.Records), "record"), o.topic)
	for i, p := range sum.Partitions {
		text += []string{": ", ", "}[min(i, 1)] + p.String()
	}
	_, err := fmt.Fprintln(out.Out, text)
	return err
}

// String names the partition and the offsets.
func (p partition) String() string {
	switch {
	case p.First < 0:
		return fmt.Sprintf("partition %d", p.Partition)
	case p.First == p.Last:
		return fmt.Sprintf("partition %d offset %d", p.Partition, p.First)
	}
	return fmt.Sprintf("partition %d offsets %d-%d", p.Partition, p.First, p.Last)
}
