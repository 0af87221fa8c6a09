package node

import (
	"fmt"

	"ottla.dev/ottla/internal/coordinator"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/replica/run"
	"ottla.dev/ottla/internal/storage"
)

// coordinatorLog is a partition of an internal topic as the coordinator runtime sees it, in the leader epoch in which it was handed over.
type coordinatorLog struct {
	partition *run.Partition
	epoch     int32
}

var _ coordinator.Log = coordinatorLog{}

func (l coordinatorLog) LogStartOffset() int64 { return l.partition.Log().LogStartOffset() }
func (l coordinatorLog) LogEndOffset() int64   { return l.partition.Log().LogEndOffset() }
func (l coordinatorLog) HighWatermark() int64  { return l.partition.Log().HighWatermark() }
func (l coordinatorLog) MaxBatchBytes() int    { return l.partition.Log().Config().MaxMessageBytes }

// Append implements coordinator.Log.
func (l coordinatorLog) Append(batch []byte, o coordinator.AppendOptions) (firstOffset, endOffset int64, err error) {
	if l.partition.LeaderEpoch() != l.epoch {
		return 0, 0, protocol.NotLeaderOrFollower
	}
	if !l.partition.EnoughInSync() {
		return 0, 0, protocol.NotEnoughReplicas
	}
	info, durable, err := l.partition.Append(batch, storage.AppendOptions{Origin: storage.OriginCoordinator, Guard: storage.VerificationGuard(o.Guard), TransactionVersion: o.TransactionVersion})
	if err != nil {
		return 0, 0, &appendError{code: storage.ErrorCode(err), err: err}
	}
	if durable {
		l.partition.AwaitDurable(info, func(error) {}) // the high watermark moves when it is durable, and with it the reply
	}
	return info.FirstOffset, info.LastOffset + 1, nil
}

// appendError gives the log's error the code that the runtime decides by.
type appendError struct {
	code protocol.Code
	err  error
}

func (e *appendError) Error() string   { return e.err.Error() }
func (e *appendError) Unwrap() []error { return []error{e.code, e.err} }

// Read implements coordinator.Log.
func (l coordinatorLog) Read(from int64, maxBytes int, buffer []byte) ([]byte, error) {
	log := l.partition.Log()
	slice, err := log.Read(from, maxBytes, log.LogEndOffset(), true)
	if err != nil {
		return nil, err
	}
	defer slice.Release()
	n := slice.Len()
	if cap(buffer) < n {
		buffer = make([]byte, n)
	}
	buffer = buffer[:n]
	if _, err := slice.ReadAt(buffer, 0); err != nil {
		return nil, fmt.Errorf("read %s at offset %d: %w", l.partition.TopicPartition, from, err)
	}
	return buffer, nil
}

// OnHighWatermark implements coordinator.Log.
func (l coordinatorLog) OnHighWatermark(f func()) (cancel func()) { return l.partition.OnAdvance(f) }
