package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/IBM/sarama"

	"ottla.dev/interop/gocheck"
)

// worker is sarama's handler: a transaction for every few records of a claim. sarama's producers have one transaction at a time and
// claims run side by side, so each claim has a producer of its own.
type worker struct {
	id, to    string
	commits   atomic.Int64
	failed    atomic.Pointer[error]
	stop      context.CancelFunc
	done      chan struct{}
	leaveOpen atomic.Bool // the next transaction is not ended
}

func work(c c, group, id, from, to string) *worker {
	cfg := groupConfig()
	cfg.Consumer.IsolationLevel = sarama.ReadCommitted
	cg, err := sarama.NewConsumerGroup([]string{gocheck.Bootstrap()}, group, cfg)
	c.Must(err, "connect a group member")
	ctx, stop := context.WithCancel(c)
	w := &worker{id: id, to: to, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		defer cg.Close()
		for ctx.Err() == nil {
			if err := cg.Consume(ctx, []string{from}, w); err != nil && ctx.Err() == nil {
				w.failed.Store(&err)
				return
			}
		}
	}()
	return w
}

// Setup is called when a generation begins.
func (w *worker) Setup(sarama.ConsumerGroupSession) error { return nil }

// Cleanup is called when a generation ends.
func (w *worker) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// ConsumeClaim ends the session where a transaction did not commit, so that the records are read again.
func (w *worker) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	producer, err := sarama.NewSyncProducer([]string{gocheck.Bootstrap()}, transactionalConfig(fmt.Sprintf("%s-%d", w.id, claim.Partition())))
	if err != nil {
		return fmt.Errorf("connect a transactional producer: %w", err)
	}
	defer producer.Close()
	for number := 1; ; number++ {
		var batch []*sarama.ConsumerMessage
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			batch = append(batch, m)
		case <-session.Context().Done():
			return nil
		}
		for len(batch) < 5 && len(claim.Messages()) > 0 {
			batch = append(batch, <-claim.Messages())
		}
		if committed := w.transform(session, producer, batch, number%5 != 0); !committed {
			return nil
		}
		w.commits.Add(1)
	}
}

func (w *worker) transform(session sarama.ConsumerGroupSession, producer sarama.SyncProducer, batch []*sarama.ConsumerMessage, commit bool) bool {
	err := producer.BeginTxn()
	for _, m := range batch {
		if err == nil {
			err = put(producer, w.to, m.Partition, string(m.Value)+"!")
		}
		if err == nil {
			metadata := &sarama.ConsumerGroupMetadata{GroupID: w.group(), GenerationID: session.GenerationID(), MemberID: session.MemberID()}
			err = producer.AddMessageToTxnWithGroupMetadata(m, metadata, nil)
		}
	}
	if err == nil && w.leaveOpen.Load() {
		w.stop()
		return false
	}
	if err == nil && commit {
		if err = producer.CommitTxn(); err == nil {
			return true
		}
	}
	producer.AbortTxn()
	return false
}

func (w *worker) group() string { return w.id + "-group" }

func (w *worker) leave() {
	w.stop()
	<-w.done
}

// chain consumes, transforms and produces: records and offsets move together, whatever becomes of the members.
func chain(c c) {
	const partitions = 4
	from, to, id := newTopic(c, partitions), newTopic(c, partitions), gocheck.Unique("x")
	group := id + "-group"
	adm := admin(c)
	defer adm.Close()
	want, sent := map[int32][]string{}, 0
	more := func() {
		var records []*sarama.ProducerMessage
		for range 60 {
			p := int32(sent % partitions)
			records = append(records, record(from, p, fmt.Appendf(nil, "%d", sent)))
			want[p] = append(want[p], fmt.Sprintf("%d!", sent))
			sent++
		}
		c.Must(send(c, config(), records), "produce")
	}
	progress := func(w *worker) {
		before := w.commits.Load()
		c.Eventually(func() string {
			if err := w.failed.Load(); err != nil {
				c.Fatalf("a worker ended: %v", *err)
			}
			if now := w.commits.Load(); now < before+3 {
				return fmt.Sprintf("a worker committed %d transactions", now-before)
			}
			return ""
		})
	}
	first := work(c, group, id, from, to)
	more()
	progress(first)
	second := work(c, group, id, from, to)
	for second.commits.Load() == 0 {
		more()
		progress(first)
	}
	second.leaveOpen.Store(true)
	c.Eventually(func() string {
		more()
		select {
		case <-second.done:
			return ""
		default:
			return "the second worker does not leave a transaction open"
		}
	})
	third := work(c, group, id, from, to)
	more()
	first.leave()
	more()
	progress(third)
	c.Eventually(func() string {
		var done int64
		for _, o := range offsets(c, adm, group, from, 0, 1, 2, 3) {
			done += max(o.Offset, 0)
		}
		if done != int64(sent) {
			return fmt.Sprintf("the group committed %d of %d records", done, sent)
		}
		return ""
	})
	third.leave()
	wantRead(c, to, sarama.ReadCommitted, want, partitions, "the output")
}
