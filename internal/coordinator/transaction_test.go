package coordinator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/coordinator/memlog"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// The dictionary takes part in transactions: what a producer says is learnt when it commits.

func (d *dictionary) ReplayTransactional(offset, producerID int64, producerEpoch int16, r machine.Record) error {
	if string(r.Key) == "poison" {
		return errors.New("not a word")
	}
	d.heard = append(d.heard, fmt.Sprintf("%d: %s=%s by %d/%d", offset, r.Key, r.Value, producerID, producerEpoch))
	if d.open == nil {
		d.open = make(map[int64]map[string]string)
	}
	if d.open[producerID] == nil {
		d.open[producerID] = make(map[string]string)
	}
	d.open[producerID][string(r.Key)] = string(r.Value)
	return nil
}

func (d *dictionary) CompleteTransaction(offset, producerID int64, producerEpoch int16, commit bool) error {
	if producerID == 666 {
		return errors.New("not a producer")
	}
	d.heard = append(d.heard, fmt.Sprintf("%d: %d/%d commit=%v", offset, producerID, producerEpoch, commit))
	if commit {
		maps.Copy(d.values, d.open[producerID])
	}
	delete(d.open, producerID)
	return nil
}

func (b *bench) writeIn(t Transaction, kv ...string) *outcome {
	o := &outcome{}
	end := func(err error) { o.done, o.err = true, err }
	b.runtime.WriteTransactional(0, t, func(*dictionary, time.Time) machine.Result {
		return machine.Result{Records: pairs(kv...), Split: true, SelfApplied: true, Done: func(_ time.Time, err error) { end(err) }}
	}, end)
	return o
}

func (b *bench) complete(marker Marker) *outcome {
	o := &outcome{}
	b.runtime.CompleteTransaction(0, marker, func(err error) { o.done, o.err = true, err })
	return o
}

var (
	one  = Transaction{ID: "one", ProducerID: 1, ProducerEpoch: 5, Guard: 77, Version: 2}
	two  = Transaction{ID: "two", ProducerID: 2}
	end1 = Marker{ProducerID: 1, ProducerEpoch: 6, CoordinatorEpoch: 3, Commit: true, TransactionVersion: 2}
	end2 = Marker{ProducerID: 2, CoordinatorEpoch: 4}
)

func TestTransactionsInTheLog(t *testing.T) {
	b := newBench(t)
	var options []AppendOptions
	b.log.Check = func(_ record.Batch, o AppendOptions) error {
		options = append(options, o)
		return nil
	}
	b.runtime.Load(0, 1, b.log)
	b.want(b.writeIn(one, "a", "1", "b", "1"), nil)
	b.want(b.writeIn(two, "a", "2"), nil)
	b.want(b.write("c", "1"), nil)
	b.want(b.complete(end2), nil)
	if got := b.values(); !maps.Equal(got, map[string]string{"c": "1"}) {
		t.Fatalf("values %v while the transaction is open", got)
	}
	b.want(b.complete(end1), nil)
	want := map[string]string{"a": "1", "b": "1", "c": "1"}
	if got := b.values(); !maps.Equal(got, want) {
		t.Fatalf("values %v after the commit", got)
	}
	if w := []AppendOptions{{Guard: 77, TransactionVersion: 2}, {}, {}, {}, {TransactionVersion: 2}}; !slices.Equal(options, w) {
		t.Fatalf("the log was told %+v, want %+v", options, w)
	}
	wantBatches := []string{
		"0: 2 records of 1/5 sequence 0 transactional=true control=false",
		"2: 1 records of 2/0 sequence 0 transactional=true control=false",
		"3: 1 records of -1/-1 sequence -1 transactional=false control=false",
		"4: 1 records of 2/0 sequence -1 transactional=true control=true",
		"5: 1 records of 1/6 sequence -1 transactional=true control=true",
	}
	var batches []string
	for _, batch := range b.log.Batches() {
		batches = append(batches, fmt.Sprintf("%d: %d records of %d/%d sequence %d transactional=%v control=%v", batch.BaseOffset(), batch.NumRecords(),
			batch.ProducerID(), batch.ProducerEpoch(), batch.BaseSequence(), batch.IsTransactional(), batch.IsControl()))
	}
	if !slices.Equal(batches, wantBatches) {
		t.Fatalf("batches %q", batches)
	}
	for i, want := range map[int]record.Marker{3: {Type: record.ControlAbort, CoordinatorEpoch: 4}, 4: {Type: record.ControlCommit, CoordinatorEpoch: 3}} {
		if got := markerOf(t, b.log.Batches()[i]); got != want {
			t.Fatalf("marker %+v, want %+v", got, want)
		}
	}

	heard := b.last.heard
	b.runtime.Load(0, 2, b.log) // the same shard goes on
	b.runtime.Unload(0, 3)
	b.runtime.Load(0, 3, b.log)
	if got := b.values(); !maps.Equal(got, want) {
		t.Fatalf("values %v after loading", got)
	}
	if !slices.Equal(b.last.heard, heard) {
		t.Fatalf("loading replays %q, live was %q", b.last.heard, heard)
	}
}

func markerOf(t *testing.T, batch record.Batch) record.Marker {
	t.Helper()
	reader, err := record.NewReader(batch, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var r record.Record
	if err := reader.Next(&r); err != nil {
		t.Fatal(err)
	}
	marker, err := record.ParseMarker(r.Key, r.Value)
	if err != nil {
		t.Fatal(err)
	}
	return marker
}

func TestTransactionsWaitForTheHighWatermark(t *testing.T) {
	b := newBench(t)
	b.log.ManualHighWatermark = true
	b.runtime.Load(0, 1, b.log)
	written, ended := b.writeIn(one, "a", "1"), b.complete(end1)
	b.log.Commit(1)
	b.want(written, nil)
	b.wantPending(ended)
	b.log.Commit(2)
	b.want(ended, nil)

	late := b.complete(end1)
	b.clock.Advance(5 * time.Second)
	b.want(late, protocol.RequestTimedOut)

	lost := b.complete(end1)
	b.runtime.Unload(0, 2)
	b.want(lost, protocol.NotCoordinator)
}

func TestLogRefusesTransactions(t *testing.T) {
	b := newBench(t)
	b.runtime.Load(0, 1, b.log)
	b.want(b.writeIn(one, "a", "1"), nil)
	for _, code := range []protocol.Code{protocol.InvalidProducerEpoch, protocol.TransactionCoordinatorFenced, protocol.InvalidTxnState, protocol.NotLeaderOrFollower} {
		b.log.Refuse(code)
		b.want(b.complete(end1), code)
		b.want(b.writeIn(one, "a", "2"), code)
	}
	b.log.Refuse(nil)
	if got := b.values(); len(got) != 0 {
		t.Fatalf("a refused marker changed the state: %v", got)
	}
	b.want(b.complete(end1), nil)
	if got := b.values(); !maps.Equal(got, map[string]string{"a": "1"}) {
		t.Fatalf("values %v", got)
	}
}

func TestTransactionIsNeverSplit(t *testing.T) {
	b := newBench(t)
	b.log.LimitBytes = 300
	b.runtime.Load(0, 1, b.log)
	long := string(make([]byte, 150))
	b.want(b.writeIn(one, "a", long, "b", long), protocol.RecordListTooLarge)
	if len(b.log.Batches()) != 0 {
		t.Fatal("half of a write was appended")
	}
}

func TestTransactionsOfNobody(t *testing.T) {
	b := newBench(t)
	b.want(b.writeIn(one, "a", "1"), protocol.NotCoordinator)
	b.want(b.complete(end1), protocol.NotCoordinator)
	b.hold = true
	b.runtime.Load(0, 1, b.log)
	b.want(b.writeIn(one, "a", "1"), protocol.CoordinatorLoadInProgress)
	b.want(b.complete(end1), protocol.CoordinatorLoadInProgress)
	b.loads[0]()
	b.want(b.writeIn(Transaction{ProducerID: -1, ProducerEpoch: -1}, "a", "1"), protocol.InvalidProducerIDMapping)
	b.want(b.complete(Marker{ProducerID: 1, ProducerEpoch: -1}), protocol.UnknownServerError)
	b.want(b.complete(Marker{ProducerID: -1}), protocol.UnknownServerError)
	if len(b.log.Batches()) != 0 {
		t.Fatal("something was appended")
	}
}

func TestMachineThatCannotApplyATransaction(t *testing.T) {
	for _, damage := range []func(b *bench) *outcome{
		func(b *bench) *outcome { return b.writeIn(one, "poison", "1") },
		func(b *bench) *outcome { return b.complete(Marker{ProducerID: 666}) },
	} {
		b := newBench(t)
		b.runtime.Load(0, 1, b.log)
		b.want(damage(b), protocol.NotCoordinator)
		b.want(b.write("a", "1"), protocol.NotCoordinator)
	}
}

// plain is a machine that takes no part in transactions.
type plain struct{ d *dictionary }

func (p plain) Replay(offset int64, r machine.Record) error { return p.d.Replay(offset, r) }
func (p plain) Loaded(now time.Time)                        { p.d.Loaded(now) }
func (p plain) Unloaded(now time.Time)                      { p.d.Unloaded(now) }

func TestTransactionsInAnotherTopic(t *testing.T) {
	b := newBench(t)
	b.runtime.Load(0, 1, b.log)
	b.want(b.write("a", "1"), nil)
	b.want(b.writeIn(one, "b", "1"), nil)
	b.want(b.complete(end1), nil)
	var last plain
	other := NewRuntime(Options[plain]{
		Clock: b.clock, Logger: slog.New(slog.DiscardHandler),
		New: func(*machine.Timers, *slog.Logger) plain {
			last = plain{&dictionary{values: make(map[string]string)}}
			return last
		},
		CommitTimeout: func() time.Duration { return time.Second }, LoadBufferBytes: func() int { return 200 },
		Codec: func() record.Codec { return record.CodecNone }, Go: func(task func()) { task() },
	})
	other.Load(0, 1, b.log)
	if !last.d.loaded || !maps.Equal(last.d.values, map[string]string{"a": "1"}) {
		t.Fatalf("loaded %v", last.d.values)
	}
	var refused, ended error
	other.WriteTransactional(0, one, func(plain, time.Time) machine.Result { t.Error("ran"); return machine.Result{} }, func(err error) { refused = err })
	other.CompleteTransaction(0, end1, func(err error) { ended = err })
	if protocol.CodeOf(refused) != protocol.InvalidRequest || protocol.CodeOf(ended) != protocol.InvalidRequest {
		t.Fatalf("%v, %v", refused, ended)
	}
}

// emptied is what the log cleaner leaves of a batch whose records are gone, but whose producer is still remembered by it.
func emptied(batch record.Batch) record.Batch {
	empty := record.Batch(slices.Clone(batch[:record.HeaderSize]))
	binary.BigEndian.PutUint32(empty[8:], record.HeaderSize-12) // length
	binary.BigEndian.PutUint32(empty[57:], 0)                   // number of records
	binary.BigEndian.PutUint32(empty[17:], crc32.Checksum(empty[21:], crc32.MakeTable(crc32.Castagnoli)))
	return empty
}

func TestLoadingWhatTheCleanerLeaves(t *testing.T) {
	b := newBench(t)
	b.runtime.Load(0, 1, b.log)
	b.want(b.writeIn(two, "a", "1", "b", "1"), nil)
	b.want(b.complete(end2), nil) // an abort
	b.want(b.writeIn(one, "a", "2"), nil)
	b.want(b.complete(end1), nil)
	b.want(b.write("c", "1"), nil)
	b.want(b.write("c", "2"), nil)
	want := b.values()
	log := &memlog.Log{}
	for i, batch := range b.log.Batches() {
		if i == 0 || i == 1 || i == 4 {
			batch = emptied(batch)
		}
		if first, _, err := log.Append(batch, AppendOptions{}); err != nil || first != b.log.Batches()[i].BaseOffset() {
			t.Fatalf("batch %d is at %d: %v", i, first, err)
		}
	}
	b.runtime.Unload(0, 2)
	b.runtime.Load(0, 2, log)
	if got := b.values(); !maps.Equal(got, want) || len(want) != 2 {
		t.Fatalf("values %v, want %v", got, want)
	}
	b.want(b.write("d", "1"), nil)
	if last := log.Batches()[len(log.Batches())-1]; last.BaseOffset() != 7 {
		t.Fatalf("it goes on at offset %d", last.BaseOffset())
	}
}

// TestLoadingOddBatches loads what compaction and other versions leave: control records that say nothing to a
// coordinator, and a compressed batch in a transaction.
func TestLoadingOddBatches(t *testing.T) {
	log := &memlog.Log{}
	add := func(control bool, codec record.Codec, records ...record.Record) {
		builder := record.NewBuilder(codec)
		builder.ProducerID, builder.ProducerEpoch, builder.Transactional, builder.Control = 1, 5, true, control
		for i := range records {
			if err := builder.Append(&records[i]); err != nil {
				t.Fatal(err)
			}
		}
		batch, err := builder.Build()
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := log.Append(batch, AppendOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	add(false, record.CodecZstd, record.Record{Key: []byte("a"), Value: []byte("1")}, record.Record{Key: []byte("b"), Value: []byte("1")})
	add(true, record.CodecNone, record.Record{Key: []byte{0, 0, 0, 9}, Value: []byte{1}})
	add(true, record.CodecNone, record.Record{Key: []byte{0, 0, 0, 1}}) // nobody needs the value
	b := newBench(t)
	b.runtime.Load(0, 1, log)
	if got := b.values(); !maps.Equal(got, map[string]string{"a": "1", "b": "1"}) {
		t.Fatalf("values %v", got)
	}
	add(true, record.CodecNone, record.Record{Key: []byte{0, 0}})
	b.runtime.Unload(0, 2)
	b.runtime.Load(0, 2, log)
	b.want(b.write("a", "1"), protocol.NotCoordinator) // a control record that is none: the log is damaged
}
