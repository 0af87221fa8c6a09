// Package memlog is a coordinator's log in memory, for tests and the simulator. Its high watermark follows appends at
// once or is moved by hand, and appends can be made to fail.
package memlog

import (
	"fmt"
	"sync"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/record"
)

// Log implements coordinator.Log. The zero value is an empty log; set the fields before the first use.
type Log struct {
	// ManualHighWatermark makes the high watermark move only by Commit.
	ManualHighWatermark bool
	// LimitBytes is the answer of MaxBatchBytes; 0 means 1 MiB.
	LimitBytes int
	// Check, where set, decides on each append as the state of the producers would.
	Check func(batch record.Batch, options machine.AppendOptions) error

	mu            sync.Mutex // guards the fields below
	batches       []record.Batch
	start         int64
	end           int64
	highWatermark int64
	refuse        error
	readError     error
	listeners     map[int]func()
	nextListener  int
}

// LogStartOffset implements coordinator.Log.
func (l *Log) LogStartOffset() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.start
}

// LogEndOffset implements coordinator.Log.
func (l *Log) LogEndOffset() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

// HighWatermark implements coordinator.Log.
func (l *Log) HighWatermark() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.highWatermark
}

// MaxBatchBytes implements coordinator.Log.
func (l *Log) MaxBatchBytes() int {
	if l.LimitBytes == 0 {
		return 1 << 20
	}
	return l.LimitBytes
}

// Append implements coordinator.Log.
func (l *Log) Append(batch []byte, options machine.AppendOptions) (firstOffset, endOffset int64, err error) {
	copied := record.Batch(append([]byte(nil), batch...))
	if err := copied.CheckCRC(); err != nil {
		return 0, 0, err
	}
	if l.Check != nil {
		if err := l.Check(copied, options); err != nil {
			return 0, 0, err
		}
	}
	l.mu.Lock()
	if l.refuse != nil {
		defer l.mu.Unlock()
		return 0, 0, l.refuse
	}
	first := l.end
	copied.SetBaseOffset(first)
	l.batches = append(l.batches, copied)
	l.end = copied.NextOffset()
	end := l.end
	l.mu.Unlock()
	if !l.ManualHighWatermark {
		l.Commit(end)
	}
	return first, end, nil
}

// Read implements coordinator.Log.
func (l *Log) Read(from int64, maxBytes int, buffer []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readError != nil {
		return nil, l.readError
	}
	if from < l.start || from > l.end {
		return nil, fmt.Errorf("offset %d is not between %d and %d", from, l.start, l.end)
	}
	read := buffer[:0]
	for _, batch := range l.batches {
		if batch.NextOffset() <= from {
			continue
		}
		if len(read) > 0 && len(read)+len(batch) > maxBytes {
			read = append(read, batch[:max(0, maxBytes-len(read))]...) // cut off where it comes, as logs on disk do
			break
		}
		read = append(read, batch...)
	}
	return read, nil
}

// OnHighWatermark implements coordinator.Log.
func (l *Log) OnHighWatermark(f func()) (cancel func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listeners == nil {
		l.listeners = make(map[int]func())
	}
	id := l.nextListener
	l.nextListener++
	l.listeners[id] = f
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.listeners, id)
	}
}

// Commit moves the high watermark up to the offset.
func (l *Log) Commit(offset int64) {
	l.mu.Lock()
	l.highWatermark = max(l.highWatermark, min(offset, l.end))
	listeners := make([]func(), 0, len(l.listeners))
	for _, f := range l.listeners {
		listeners = append(listeners, f)
	}
	l.mu.Unlock()
	for _, f := range listeners {
		f()
	}
}

// Refuse makes appends fail with err; nil ends that.
func (l *Log) Refuse(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = err
}

// FailReads makes reads fail with err; nil ends that.
func (l *Log) FailReads(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readError = err
}

// Listeners returns how many are told of the high watermark.
func (l *Log) Listeners() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.listeners)
}

// Batches returns what was appended.
func (l *Log) Batches() []record.Batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]record.Batch(nil), l.batches...)
}

// Clone returns a log with the same batches, as another node would have it.
func (l *Log) Clone() *Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &Log{
		ManualHighWatermark: l.ManualHighWatermark, LimitBytes: l.LimitBytes, Check: l.Check,
		batches: append([]record.Batch(nil), l.batches...), start: l.start, end: l.end, highWatermark: l.highWatermark,
	}
}
