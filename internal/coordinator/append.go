package coordinator

import (
	"fmt"
	"sync"
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// recordOverheadBytes is more than a record takes beside its key and value.
const recordOverheadBytes = 64

// encoder is what building a batch needs. It is pooled, so that an idle shard holds none.
type encoder struct {
	builder *record.Builder
	buffer  []byte
}

// maxPooledBufferBytes keeps the buffer of a rare large batch from staying.
const maxPooledBufferBytes = 1 << 20

var encoders = sync.Pool{New: func() any { return &encoder{builder: record.NewBuilder(record.CodecNone)} }}

// apply appends the records of an operation, applies them to the machine, and lets the operation wait until they are
// committed. The records are part of the transaction where there is one; they are never spread over batches then.
func (s *shard[M]) apply(now time.Time, result machine.Result, t *Transaction) {
	records := result.Records
	for len(records) > 0 {
		n := len(records)
		if result.Split && t == nil {
			n = s.fitting(records)
		}
		if err := s.append(now, records[:n], t, result.SelfApplied && t == nil); err != nil {
			s.refused(now, result, err)
			return
		}
		records = records[n:]
		if s.state != active {
			break
		}
	}
	if result.Done == nil {
		return
	}
	if s.state != active {
		result.Done(now, protocol.NotCoordinator)
		return
	}
	s.await(now, result.Done)
}

func (s *shard[M]) refused(now time.Time, result machine.Result, err error) {
	if result.Undo != nil {
		result.Undo(now)
	}
	if result.Done != nil {
		result.Done(now, err)
	}
}

// fitting returns how many of the records fit into one batch, at least one.
func (s *shard[M]) fitting(records []machine.Record) int {
	room := s.leaderLog.MaxBatchBytes() - record.HeaderSize
	for i, r := range records {
		room -= recordOverheadBytes + len(r.Key) + len(r.Value)
		if room < 0 && i > 0 {
			return i
		}
	}
	return len(records)
}

// append writes the records as one batch and replays them. An error means that nothing was written or changed.
func (s *shard[M]) append(now time.Time, records []machine.Record, t *Transaction, selfApplied bool) error {
	e := encoders.Get().(*encoder)
	defer e.release()
	batch, err := e.encode(s.runtime.options.Codec(), now, records, t)
	if err != nil {
		return err
	}
	if limit := s.leaderLog.MaxBatchBytes(); len(batch) > limit {
		return protocol.Errorf(protocol.RecordListTooLarge, "%d records take %d bytes, more than max.message.bytes (%d) of the internal topic", len(records), len(batch), limit)
	}
	var options AppendOptions
	if t != nil {
		options = AppendOptions{Guard: t.Guard, TransactionVersion: t.Version}
	}
	first, end, err := s.leaderLog.Append(batch, options)
	if err != nil {
		return err
	}
	s.written = end
	if selfApplied {
		return nil
	}
	for i, r := range records {
		if err := s.replay(first+int64(i), r, t); err != nil {
			s.fail(now, fmt.Errorf("replaying what was just appended: %w", err))
			return nil
		}
	}
	return nil
}

func (s *shard[M]) replay(offset int64, r machine.Record, t *Transaction) error {
	if t == nil {
		return s.machine.Replay(offset, r)
	}
	transactional, err := asTransactional(s.machine)
	if err != nil {
		return err
	}
	return transactional.ReplayTransactional(offset, t.ProducerID, t.ProducerEpoch, r)
}

func (e *encoder) encode(codec record.Codec, now time.Time, records []machine.Record, t *Transaction) ([]byte, error) {
	e.builder.Reset()
	e.builder.Codec = codec
	if t != nil {
		e.builder.ProducerID, e.builder.ProducerEpoch, e.builder.Transactional = t.ProducerID, t.ProducerEpoch, true
		e.builder.BaseSequence = 0 // in every batch, as Kafka has it: nobody counts the writes of a coordinator
	}
	for _, r := range records {
		if err := e.builder.Append(&record.Record{Timestamp: now.UnixMilli(), Key: r.Key, Value: r.Value}); err != nil {
			return nil, err
		}
	}
	buffer, err := e.builder.AppendTo(e.buffer[:0])
	if err != nil {
		return nil, err
	}
	e.buffer = buffer
	return buffer, nil
}

func (e *encoder) release() {
	if cap(e.buffer) <= maxPooledBufferBytes && e.builder.Size() <= maxPooledBufferBytes {
		encoders.Put(e)
	}
}
