package consume

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/output"
	"ottla.dev/ottla/internal/cli/profile"
)

func run(ctx context.Context, s *profile.Session, o options) error {
	if err := o.check(); err != nil {
		return err
	}
	show, err := newShower(s.Out, o)
	if err != nil {
		return err
	}
	if err := topicsExist(ctx, s, o.topics); err != nil {
		return err
	}
	r := &reader{o: o, show: show, w: bufio.NewWriterSize(s.Out.Out, 64<<10), out: s.Out}
	clientOptions, err := r.clientOptions(ctx, s)
	if err != nil {
		return err
	}
	if r.plan.done() {
		return nil
	}
	if r.client, err = s.Connect(clientOptions...); err != nil {
		return err
	}
	defer r.client.Close()
	if s.Out.Terminal && !o.from.IsSet() && o.group == "" {
		s.Out.Say("Waiting for new records; --from start shows those that are there. Ctrl-C ends.")
	}
	return errors.Join(r.readAll(ctx), r.commit(ctx, s.Timeout))
}

func topicsExist(ctx context.Context, s *profile.Session, topics []string) error {
	found, err := s.Admin.ListTopicsWithInternal(ctx, topics...)
	if err != nil {
		return err
	}
	for _, name := range topics {
		err := output.About("topic "+name, found[name].Err, "")
		if output.IsNotFound(err) {
			return output.NotFoundf("topic %s: does not exist", name).WithHint("`ottla topic list` shows what does.")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reader reads until it may stop.
type reader struct {
	o      options
	client *kgo.Client
	plan   plan
	show   shower
	w      *bufio.Writer
	out    *output.Printer
	shown  int64
}

func (r *reader) clientOptions(ctx context.Context, s *profile.Session) ([]kgo.Opt, error) {
	opts := []kgo.Opt{
		kgo.KeepControlRecords(), // they tell how far a partition has been read
		kgo.FetchMaxWait(maxFetchWait),
	}
	if r.o.readCommitted {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	if r.o.group != "" {
		opts = append(opts, kgo.ConsumerGroup(r.o.group), kgo.ConsumeTopics(r.o.topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()))
		if r.o.noCommit {
			opts = append(opts, kgo.DisableAutoCommit())
		} else {
			opts = append(opts, kgo.AutoCommitMarks()) // every few seconds and when partitions go; what is left, at the end
		}
		if r.o.from.IsSet() {
			opts = append(opts, kgo.ConsumeResetOffset(r.o.from.Client()))
		}
		return opts, nil
	}
	var err error
	r.plan, err = partitionPlan(ctx, s, r.o)
	return append(opts, kgo.ConsumePartitions(r.plan.from)), err
}

// maxFetchWait bounds how long a fetch stays open. A partition that becomes ready meanwhile is only in the next one, and a person waits for it.
const maxFetchWait = 500 * time.Millisecond

// maxPoll bounds the records that are shown between two looks at the context.
const maxPoll = 10_000

func (r *reader) readAll(ctx context.Context) error {
	for {
		fetches, err := r.poll(ctx)
		if ctx.Err() != nil {
			return nil // interrupting is how following ends
		}
		if err != nil {
			return err
		}
		seen, enough, err := r.take(fetches)
		if err = errors.Join(err, r.w.Flush()); err != nil {
			return err
		}
		if r.o.group != "" && !r.o.noCommit {
			r.client.MarkCommitRecords(seen...) // not before they are out
		}
		if enough {
			return nil
		}
	}
}

func (r *reader) poll(ctx context.Context) (kgo.Fetches, error) {
	if r.o.wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.o.wait)
		defer cancel()
	}
	limit := maxPoll
	if r.o.max > 0 {
		limit = int(min(int64(limit), r.o.max-r.shown))
	}
	fetches := r.client.PollRecords(ctx, limit)
	if fetches.NumRecords() > 0 {
		return fetches, nil
	}
	if ctx.Err() != nil {
		return nil, output.Timeoutf("no record came within %s", r.o.wait)
	}
	for _, e := range fetches.Errors() {
		var lost *kgo.ErrDataLoss
		if errors.As(e.Err, &lost) {
			r.out.Say("%v", lost)
			continue
		}
		if e.Topic == "" {
			return nil, e.Err
		}
		return nil, output.About(fmt.Sprintf("topic %s, partition %d", e.Topic, e.Partition), e.Err, "")
	}
	return fetches, nil
}

// take shows what was fetched, and says which records it saw and whether that is enough.
func (r *reader) take(fetches kgo.Fetches) (seen []*kgo.Record, enough bool, err error) {
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if enough || err != nil {
			return
		}
		for _, record := range p.Records {
			if r.plan.before(p.Topic, p.Partition, record.Offset) && !record.Attrs.IsControl() {
				if err = r.show(r.w, record); err != nil {
					return
				}
				r.shown++
			}
			seen = append(seen, record)
			if r.o.max > 0 && r.shown >= r.o.max {
				enough = true
				break
			}
			if r.plan.reached(p.Topic, p.Partition, record.Offset+1) {
				r.client.PauseFetchPartitions(map[string][]int32{p.Topic: {p.Partition}})
				break
			}
		}
	})
	return seen, enough || r.plan.done(), err
}

// commit tells the group what was shown.
func (r *reader) commit(ctx context.Context, timeout time.Duration) error {
	if r.o.group == "" || r.o.noCommit || r.client == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	return output.About("group "+r.o.group, r.client.CommitMarkedOffsets(ctx), "")
}
