package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/interop/gocheck"
)

// worker reads from one topic and writes to another in transactions; every fifth is aborted on purpose.
type worker struct {
	session *kgo.GroupTransactSession
	stop    context.CancelFunc
	done    chan error
	count   chan struct{} // a value for each committed transaction
}

func work(c c, group, id, from, to string, crash bool) *worker {
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(gocheck.Bootstrap()), kgo.AlwaysRetryEOF(), kgo.TransactionalID(id), kgo.TransactionTimeout(2*time.Minute), kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(from), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.HeartbeatInterval(300*time.Millisecond), kgo.SessionTimeout(6*time.Second), kgo.FetchMaxWait(100*time.Millisecond))
	c.Must(err, "make a session")
	ctx, stop := context.WithCancel(c)
	w := &worker{session: session, stop: stop, done: make(chan error, 1), count: make(chan struct{}, 10_000)}
	go func() { w.done <- w.run(ctx, to, crash) }()
	return w
}

func (w *worker) run(ctx context.Context, to string, crash bool) error {
	for number := 1; ; number++ {
		fetches := w.session.PollRecords(ctx, 7)
		if ctx.Err() != nil {
			return nil
		}
		if err := w.session.Begin(); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			w.session.Produce(context.Background(), &kgo.Record{Topic: to, Partition: r.Partition, Value: append(slices.Clone(r.Value), '!')}, nil)
		})
		if crash && number > 3 { // with a transaction open
			return w.session.Client().Flush(context.Background())
		}
		committed, err := w.session.End(context.Background(), kgo.TransactionEndTry(number%5 != 0))
		if err != nil {
			return fmt.Errorf("end: %w", err)
		}
		if committed {
			w.count <- struct{}{}
		}
	}
}

// leave waits for the end of the worker, which it asks for, and leaves the group.
func (w *worker) leave(c c) {
	w.stop()
	c.Must(<-w.done, "a worker")
	w.session.Close()
}

// chain consumes, transforms and produces: records and offsets move together, whatever becomes of the members.
func chain(c c) {
	const partitions = 4
	from, to, group, id := newTopic(c, partitions), newTopic(c, partitions), gocheck.Unique("g"), gocheck.Unique("x")
	plain := client(c, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer plain.Close()
	want, sent := map[int32][]string{}, 0
	more := func() {
		for range 80 {
			p := int32(sent % partitions)
			c.Must(put(c, plain, from, p, fmt.Sprint(sent)), "produce")
			want[p] = append(want[p], fmt.Sprintf("%d!", sent))
			sent++
		}
	}
	progress := func(w *worker) {
		for range 3 {
			select {
			case <-w.count:
			case err := <-w.done:
				c.Fatalf("a worker ended: %v", err)
			case <-c.Done():
				c.Fatalf("a worker commits nothing")
			}
		}
	}
	more()
	first := work(c, group, id+"-1", from, to, false)
	progress(first)
	second := work(c, group, id+"-2", from, to, true)
	c.Eventually(func() string { // until the second has ended with a transaction open
		more()
		select {
		case err := <-second.done:
			c.Must(err, "the worker that crashes")
			return ""
		default:
			return "the second worker does not get to its end"
		}
	})
	second.session.Close()
	again := work(c, group, id+"-2", from, to, false)
	more()
	progress(again)
	first.leave(c)
	more()
	progress(again)
	adm := admin(c)
	defer adm.Close()
	c.Eventually(func() string {
		fetched, err := adm.FetchOffsets(c, group)
		if err != nil {
			return err.Error()
		}
		var done int64
		for p := range int32(partitions) {
			if o, ok := fetched.Lookup(from, p); ok {
				done += o.At
			}
		}
		if done != int64(sent) {
			return fmt.Sprintf("the group committed %d of %d records", done, sent)
		}
		return ""
	})
	again.leave(c)
	wantRead(c, to, kgo.ReadCommitted(), want, "of the output")
}
