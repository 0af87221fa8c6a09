package coordinator

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/record"
)

// loadQueue runs tasks in the background, a bounded number at a time and in their order.
type loadQueue struct {
	start      func(task func())
	maxRunning int

	mu      sync.Mutex // guards tasks and running
	tasks   []func()
	running int
}

func (q *loadQueue) add(task func()) {
	q.mu.Lock()
	q.tasks = append(q.tasks, task)
	idle := q.running < q.maxRunning
	if idle {
		q.running++
	}
	q.mu.Unlock()
	if idle {
		q.start(q.work)
	}
}

func (q *loadQueue) work() {
	for {
		q.mu.Lock()
		if len(q.tasks) == 0 {
			q.running--
			q.mu.Unlock()
			return
		}
		task := q.tasks[0]
		q.tasks = q.tasks[1:]
		q.mu.Unlock()
		task()
	}
}

// errLoadCancelled ends a load that nobody wants any more.
var errLoadCancelled = errors.New("the partition is no longer led by this node")

// loader reads a log into a machine that nobody else knows yet.
type loader[M machine.Machine] struct {
	machine M
	timers  *machine.Timers
	next    int64 // the offset after what was read

	// transactional is the machine, nil where it takes no part in transactions.
	transactional machine.Transactional

	records, bytes int64
	took           time.Duration
	skipped        int64 // records and markers of transactions that the machine takes no part in
}

// load reads the partition's log and hands the result to the shard. It runs outside the shard's queue.
func (s *shard[M]) load(log Log) {
	options := &s.runtime.options
	began := options.Clock.Now()
	l := &loader[M]{timers: new(machine.Timers)}
	l.machine = options.New(l.timers, s.log)
	l.transactional, _ = any(l.machine).(machine.Transactional)
	err := l.read(log, options.LoadBufferBytes(), s.cancelled.Load)
	l.took = options.Clock.Now().Sub(began)
	if l.skipped > 0 {
		s.log.Warn("skipped records of transactions, which do not belong into this topic", "records", l.skipped)
	}
	s.submit(func() { s.loaded(l, err) })
}

// read replays the log from its start to its end.
func (l *loader[M]) read(log Log, bufferBytes int, cancelled func() bool) error {
	var buffer []byte
	for l.next = log.LogStartOffset(); l.next < log.LogEndOffset(); {
		if cancelled() {
			return errLoadCancelled
		}
		batches, err := log.Read(l.next, bufferBytes, buffer)
		if err != nil {
			return fmt.Errorf("reading at offset %d: %w", l.next, err)
		}
		if len(batches) == 0 {
			return nil // everything up to the end was compacted away
		}
		if cap(batches) <= bufferBytes {
			buffer = batches
		}
		before := l.next
		if err := l.replay(batches); err != nil {
			return err
		}
		if l.next == before {
			return fmt.Errorf("reading at offset %d brought nothing new", before)
		}
	}
	return nil
}

func (l *loader[M]) replay(batches []byte) error {
	from := l.next
	for len(batches) > 0 {
		batch, rest, err := record.Next(batches)
		if errors.Is(err, record.ErrTruncated) && l.next > from {
			return nil // the next read begins with it
		}
		if err != nil {
			return fmt.Errorf("batch after offset %d: %w", l.next, err)
		}
		batches = rest
		l.bytes += int64(len(batch))
		if err := l.replayBatch(batch); err != nil {
			return fmt.Errorf("batch at offset %d: %w", batch.BaseOffset(), err)
		}
		l.next = max(l.next, batch.NextOffset())
	}
	return nil
}

func (l *loader[M]) replayBatch(batch record.Batch) error {
	if batch.NextOffset() <= l.next {
		return nil // before the offset that was asked for
	}
	if err := batch.CheckCRC(); err != nil {
		return err
	}
	if l.transactional == nil && (batch.IsControl() || batch.ProducerID() != record.NoProducerID) {
		l.skipped += int64(batch.NumRecords())
		return nil
	}
	reader, err := record.NewReader(batch, 0)
	if err != nil {
		return err
	}
	defer reader.Close()
	var r record.Record
	for {
		switch err := reader.Next(&r); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		offset := batch.BaseOffset() + int64(r.OffsetDelta)
		if offset < l.next {
			continue
		}
		l.records++
		if err := l.replayRecord(batch, offset, &r); err != nil {
			return err
		}
	}
}

// replayRecord replays one record as what its batch makes of it. What has a producer id was written in a transaction.
func (l *loader[M]) replayRecord(batch record.Batch, offset int64, r *record.Record) error {
	switch {
	case batch.IsControl():
		return l.replayControl(batch, offset, r)
	case batch.ProducerID() != record.NoProducerID:
		return l.transactional.ReplayTransactional(offset, batch.ProducerID(), batch.ProducerEpoch(), machine.Record{Key: r.Key, Value: r.Value})
	default:
		return l.machine.Replay(offset, machine.Record{Key: r.Key, Value: r.Value})
	}
}

// replayControl replays a marker. Control records of other kinds say nothing to a coordinator.
func (l *loader[M]) replayControl(batch record.Batch, offset int64, r *record.Record) error {
	kind, err := record.ParseControlType(r.Key)
	if err != nil {
		return err
	}
	if kind != record.ControlCommit && kind != record.ControlAbort {
		return nil
	}
	return l.transactional.CompleteTransaction(offset, batch.ProducerID(), batch.ProducerEpoch(), kind == record.ControlCommit)
}
