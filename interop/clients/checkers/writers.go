package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// transactionTimeout is short, so that transactions which are left open are aborted while the check runs.
const transactionTimeout = 4 * time.Second

// writer runs one transaction after another under one transactional id: most are committed, some aborted, left open for good, or taken
// over by a second producer of the same id while they are open.
type writer struct {
	name       string
	generation generation
	topic      string
	partitions int32
	random     *rand.Rand
	history    *history
	violations chan<- string
	number     int
}

// run works until stop; a transaction that has begun is ended.
func (w *writer) run(c c, stop context.Context) {
	cl := w.client(c)
	defer func() { cl.Close() }()
	for stop.Err() == nil && c.Err() == nil {
		sound := true
		switch n := w.random.IntN(20); {
		case n < 12:
			sound = w.commit(c, cl)
		case n < 16:
			sound = w.abort(c, cl)
		case n < 18:
			sound = w.abandon(c, cl)
		default:
			successor := w.client(c)
			if w.takeOver(c, cl, successor) {
				cl.Close()
				cl = successor
				continue
			}
			successor.Close()
			sound = false
		}
		if !sound { // the producer cannot go on; a new one of the same id ends what it left
			cl.Close()
			cl = w.client(c)
		}
	}
}

func (w *writer) client(c c) *kgo.Client {
	return client(c, w.generation, kgo.TransactionalID(w.topic+"-"+w.name), kgo.TransactionTimeout(transactionTimeout), kgo.ProducerLinger(0), kgo.RecordDeliveryTimeout(30*time.Second))
}

// begin begins a transaction and writes its records. All errors end in an abort: sound tells whether that may be done in order.
func (w *writer) begin(c c, cl *kgo.Client) (t transaction, err error) {
	w.number++
	t = transaction{writer: w.name, number: w.number, records: 1 + w.random.IntN(12), outcome: aborted}
	if err := cl.BeginTransaction(); err != nil {
		return t, err
	}
	var records []*kgo.Record
	for i := range t.records {
		records = append(records, &kgo.Record{Topic: w.topic, Partition: w.random.Int32N(w.partitions), Value: t.value(i)})
	}
	for len(records) > 0 { // in several requests, so that the transaction is open for a while
		n := 1 + w.random.IntN(len(records))
		if err := cl.ProduceSync(c, records[:n]...).FirstErr(); err != nil {
			return t, err
		}
		records = records[n:]
	}
	return t, nil
}

func (w *writer) commit(c c, cl *kgo.Client) (sound bool) {
	t, err := w.begin(c, cl)
	if err != nil {
		t.how = fmt.Sprintf("given up after %v", err)
		return w.giveUp(c, cl, t)
	}
	switch err := cl.EndTransaction(c, kgo.TryCommit); {
	case err == nil:
		t.outcome = committed
	default:
		t.outcome = unknown
	}
	w.history.ended(t)
	return t.outcome == committed
}

func (w *writer) abort(c c, cl *kgo.Client) (sound bool) {
	t, err := w.begin(c, cl)
	t.how = fmt.Sprintf("aborted after %v", err)
	return w.giveUp(c, cl, t)
}

// giveUp aborts a transaction for which no commit was asked.
func (w *writer) giveUp(c c, cl *kgo.Client, t transaction) (sound bool) {
	w.history.ended(t)
	if err := cl.AbortBufferedRecords(c); err != nil {
		return false
	}
	return cl.EndTransaction(c, kgo.TryAbort) == nil
}

// abandon leaves a transaction open: sometimes until its time is over, so that the coordinator ends it.
func (w *writer) abandon(c c, cl *kgo.Client) (sound bool) {
	t, err := w.begin(c, cl)
	t.how = fmt.Sprintf("abandoned after %v", err)
	w.history.ended(t)
	if err == nil && w.random.IntN(3) == 0 {
		select {
		case <-time.After(transactionTimeout + 2*time.Second):
		case <-c.Done():
		}
		if err := cl.EndTransaction(c, kgo.TryCommit); err == nil {
			w.violations <- fmt.Sprintf("transaction %s was committed after its time was over", t.id())
		}
	}
	return false
}

// takeOver opens a transaction and has a second producer of the same id begin: whatever the first one tries afterwards must fail.
func (w *writer) takeOver(c c, zombie, successor *kgo.Client) bool {
	t, err := w.begin(c, zombie)
	t.how = fmt.Sprintf("taken over after %v", err)
	w.history.ended(t)
	if err != nil {
		return false
	}
	if _, _, err := successor.ProducerID(c); err != nil {
		return false
	}
	late := &kgo.Record{Topic: w.topic, Partition: w.random.Int32N(w.partitions), Value: t.value(t.records)}
	if w.random.IntN(2) == 0 {
		if err := zombie.ProduceSync(c, late).FirstErr(); err == nil {
			w.violations <- fmt.Sprintf("a fenced producer wrote %q", late.Value)
		}
	}
	err = zombie.EndTransaction(c, kgo.TryCommit)
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		w.violations <- fmt.Sprintf("transaction %s was committed (%v) by a producer that had been fenced", t.id(), err)
	}
	return true
}
