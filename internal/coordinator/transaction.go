package coordinator

import (
	"fmt"
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// The vocabulary of transactions is the machines'; it is named here for those who use the runtime.
type (
	// AppendOptions are what a log is told of a batch beside its bytes.
	AppendOptions = machine.AppendOptions
	// Transaction is where a transactional write belongs to.
	Transaction = machine.Transaction
	// Marker ends the transaction of a producer in a partition.
	Marker = machine.Marker
)

// WriteTransactional is Write for an operation whose records become part of a producer's transaction: one batch with
// the producer's id and epoch, which the log may refuse. The machine must be machine.Transactional.
func (r *Runtime[M]) WriteTransactional(partition int32, t Transaction, operation func(m M, now time.Time) machine.Result, refused func(err error)) {
	s := r.shard(partition)
	if s == nil {
		refused(protocol.NotCoordinator)
		return
	}
	if t.ProducerID < 0 || t.ProducerEpoch < 0 {
		refused(protocol.Errorf(protocol.InvalidProducerIDMapping, "producer id %d with epoch %d has no transactions", t.ProducerID, t.ProducerEpoch))
		return
	}
	s.submit(func() {
		if err := s.available(); err != nil {
			refused(err)
			return
		}
		if _, err := asTransactional(s.machine); err != nil {
			refused(err)
			return
		}
		now := r.options.Clock.Now()
		s.apply(now, operation(s.machine, now), &t)
	})
}

// CompleteTransaction appends the marker that ends a producer's transaction in the partition and has the machine apply
// it. It is done when the marker is committed, or fails with what the log said to it: INVALID_PRODUCER_EPOCH,
// TRANSACTION_COORDINATOR_FENCED; with REQUEST_TIMED_OUT when the high watermark did not come in time.
func (r *Runtime[M]) CompleteTransaction(partition int32, marker Marker, done func(err error)) {
	s := r.shard(partition)
	if s == nil {
		done(protocol.NotCoordinator)
		return
	}
	if marker.ProducerID < 0 || marker.ProducerEpoch < 0 {
		// Nobody sends this; the code is what Kafka comes to when it cannot build such a batch.
		done(protocol.Errorf(protocol.UnknownServerError, "a marker of producer id %d with epoch %d is of no transaction", marker.ProducerID, marker.ProducerEpoch))
		return
	}
	s.submit(func() {
		if err := s.available(); err != nil {
			done(err)
			return
		}
		s.completeTransaction(marker, done)
	})
}

func (s *shard[M]) completeTransaction(marker Marker, done func(err error)) {
	transactional, err := asTransactional(s.machine)
	if err != nil {
		done(err)
		return
	}
	now := s.runtime.options.Clock.Now()
	first, end, err := s.appendMarker(now, marker)
	if err != nil {
		done(err)
		return
	}
	s.written = end
	if err := transactional.CompleteTransaction(first, marker.ProducerID, marker.ProducerEpoch, marker.Commit); err != nil {
		s.fail(now, fmt.Errorf("applying the marker that was just appended: %w", err))
		done(protocol.NotCoordinator)
		return
	}
	s.await(now, func(_ time.Time, err error) { done(err) })
}

func (s *shard[M]) appendMarker(now time.Time, marker Marker) (first, end int64, err error) {
	how := record.Marker{Type: record.ControlAbort, CoordinatorEpoch: marker.CoordinatorEpoch}
	if marker.Commit {
		how.Type = record.ControlCommit
	}
	e := encoders.Get().(*encoder)
	defer e.release()
	e.buffer = record.AppendMarkerBatch(e.buffer[:0], marker.ProducerID, marker.ProducerEpoch, how, now.UnixMilli())
	return s.leaderLog.Append(e.buffer, AppendOptions{TransactionVersion: marker.TransactionVersion})
}

// asTransactional returns the machine as one that takes part in transactions.
func asTransactional(m machine.Machine) (machine.Transactional, error) {
	transactional, ok := m.(machine.Transactional)
	if !ok {
		return nil, protocol.Errorf(protocol.InvalidRequest, "the partition's topic takes no part in transactions")
	}
	return transactional, nil
}
