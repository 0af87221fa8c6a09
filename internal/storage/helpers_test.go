package storage

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// testStart is the time at which every test's clock begins.
var testStart = time.UnixMilli(1_700_000_000_000)

// defaultTopic returns Kafka's topic defaults, with changes.
func defaultTopic(changes ...func(*config.Topic)) *config.Topic {
	c := &config.Topic{
		CleanupDelete: true, CompressionType: config.CompressionProducer, DeleteRetention: 24 * time.Hour,
		FileDeleteDelay: time.Minute, FlushMessages: math.MaxInt64, FlushMs: math.MaxInt64, IndexIntervalBytes: 4096,
		MaxMessageBytes: 1048588, TimestampAfterMaxMs: 3600000, TimestampBeforeMaxMs: math.MaxInt64, MinInsyncReplicas: 1,
		RetentionBytes: -1, RetentionMs: 7 * 24 * 3600 * 1000, SegmentBytes: 1 << 30, SegmentIndexBytes: 10 << 20,
		SegmentMs: 7 * 24 * 3600 * 1000,
	}
	for _, change := range changes {
		change(c)
	}
	return c
}

// smallSegments makes a log roll, and its indexes grow, with little data.
func smallSegments(segmentBytes int) func(*config.Topic) {
	return func(c *config.Topic) { c.SegmentBytes, c.IndexIntervalBytes = segmentBytes, 256 }
}

// logSink keeps what was logged.
type logSink struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *logSink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *logSink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// bench is a disk, a clock and a manager over them.
type bench struct {
	t       testing.TB
	fs      vfs.FS
	mem     *vfs.Mem // nil over the real disk
	clock   *clock.Fake
	topic   *config.Topic
	dirs    []string
	sink    *logSink
	options func(*ManagerOptions)
	m       *Manager
	hwMu    sync.Mutex // held by commit
}

// commit moves the high watermark to the end of the log, never back.
func (b *bench) commit(l *Log) {
	b.hwMu.Lock()
	defer b.hwMu.Unlock()
	if end := l.LogEndOffset(); end > l.HighWatermark() {
		l.SetHighWatermark(end)
	}
}

// newBench opens a manager over an empty disk in memory.
func newBench(t testing.TB, topic *config.Topic) *bench {
	mem := vfs.NewMem()
	b := &bench{t: t, fs: mem, mem: mem, clock: clock.NewFake(testStart), topic: topic, dirs: []string{"/data"}}
	mem.SetNow(b.clock.Now)
	b.open()
	t.Cleanup(func() { b.m.Close() })
	return b
}

func (b *bench) tryOpen() (*Manager, error) {
	b.sink = &logSink{}
	o := ManagerOptions{
		FS: b.fs, Clock: b.clock, Logger: slog.New(slog.NewTextHandler(b.sink, nil)), Dirs: b.dirs, NodeID: 1, Default: b.topic,
	}
	if b.options != nil {
		b.options(&o)
	}
	return OpenManager(context.Background(), o)
}

func (b *bench) open() {
	b.t.Helper()
	m, err := b.tryOpen()
	if err != nil {
		b.t.Fatal(err)
	}
	b.m = m
}

// restart closes the manager in order and opens it again.
func (b *bench) restart() {
	b.t.Helper()
	b.close()
	b.open()
}

func (b *bench) close() {
	b.t.Helper()
	if err := b.m.Close(); err != nil {
		b.t.Fatal(err)
	}
}

// kill opens the directory as it is after the process has died: nothing is lost, and nothing was closed.
func (b *bench) kill() {
	b.t.Helper()
	b.abandon()
	b.open()
}

// abandon makes the present manager forget its directory, without writing anything.
func (b *bench) abandon() {
	b.m.stopTimers()
	for _, d := range b.m.dirs {
		d.syncer.drain()
	}
	b.m.locks.Close()
}

var testPartition = TopicPartition{Topic: "topic", Partition: 0}

// log returns the log of the partition that most tests use.
func (b *bench) log() *Log { return b.logOf(testPartition) }

func (b *bench) logOf(tp TopicPartition) *Log {
	b.t.Helper()
	l, err := b.m.GetOrCreate(tp, CreateOptions{TopicID: [16]byte{1, 2, 3}, Config: b.topic})
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

// logged fails unless something of that text was logged since the manager was opened.
func (b *bench) logged(text string) {
	b.t.Helper()
	if !strings.Contains(b.sink.String(), text) {
		b.t.Errorf("%q was not logged, but:\n%s", text, b.sink)
	}
}

// sound fails if CheckDir finds something.
func (b *bench) sound() {
	b.t.Helper()
	for _, dir := range b.dirs {
		problems, err := CheckDir(b.fs, dir)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, p := range problems {
			b.t.Errorf("CheckDir: %s", p)
		}
	}
}

// batchOf builds a batch with one record per value, all of one time.
func batchOf(t testing.TB, at time.Time, values ...string) []byte {
	t.Helper()
	return batchWith(t, at, nil, values...)
}

func batchWith(t testing.TB, at time.Time, set func(*record.Builder), values ...string) []byte {
	t.Helper()
	builder := record.NewBuilder(record.CodecNone)
	if set != nil {
		set(builder)
	}
	for _, v := range values {
		if err := builder.Append(&record.Record{Timestamp: at.UnixMilli(), Value: []byte(v)}); err != nil {
			t.Fatal(err)
		}
	}
	batch, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// append appends one batch in leader epoch 0 and commits it.
func (b *bench) append(l *Log, values ...string) AppendInfo {
	b.t.Helper()
	return b.appendBatch(l, batchOf(b.t, b.clock.Now(), values...))
}

func (b *bench) appendBatch(l *Log, batch []byte) AppendInfo {
	b.t.Helper()
	info, err := l.Append(batch, AppendOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	l.SetHighWatermark(l.LogEndOffset())
	return info
}

// fill appends one-record batches until the log ends at an offset. The value of offset n is "value n".
func (b *bench) fill(l *Log, until int64) {
	b.t.Helper()
	for n := l.LogEndOffset(); n < until; n++ {
		b.append(l, valueAt(n))
	}
}

func valueAt(offset int64) string { return fmt.Sprintf("value %d %s", offset, strings.Repeat("x", 40)) }

// contents reads the records of a log from an offset on, with their offsets.
func contents(t testing.TB, l *Log, from int64) map[int64]string {
	t.Helper()
	got := map[int64]string{}
	for _, b := range batches(t, l, from) {
		records, err := b.Records(0)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			got[b.BaseOffset()+int64(r.OffsetDelta)] = string(r.Value)
		}
	}
	return got
}

// batches reads all batches from an offset on through Read, in portions, and checks their CRCs and their order.
func batches(t testing.TB, l *Log, from int64) []record.Batch {
	t.Helper()
	var list []record.Batch
	for offset := from; offset < l.LogEndOffset(); {
		slice, err := l.Read(offset, 1000, math.MaxInt64, true)
		if err != nil {
			t.Fatalf("reading offset %d: %v", offset, err)
		}
		data := make([]byte, slice.Len())
		if n, err := slice.ReadAt(data, 0); n != len(data) {
			t.Fatalf("reading offset %d: %d of %d bytes: %v", offset, n, len(data), err)
		}
		slice.Release()
		before := offset
		for len(data) > 0 {
			size, err := record.PeekSize(data)
			if err != nil || size > len(data) {
				break // cut at the end of the portion
			}
			batch := record.Batch(data[:size:size])
			data = data[size:]
			if err := batch.CheckCRC(); err != nil {
				t.Fatalf("the batch at offset %d: %v", batch.BaseOffset(), err)
			}
			if batch.LastOffset() < offset {
				t.Fatalf("reading offset %d gave a batch that ends at %d", offset, batch.LastOffset())
			}
			list = append(list, batch)
			offset = batch.NextOffset()
		}
		if offset == before {
			t.Fatalf("reading offset %d gave no whole batch, and the log ends at %d", offset, l.LogEndOffset())
		}
	}
	return list
}

// holds fails unless the log has exactly the values of fill from its start offset to an end.
func holds(t testing.TB, l *Log, start, end int64) {
	t.Helper()
	if l.LogStartOffset() != start || l.LogEndOffset() != end {
		t.Fatalf("the log has offsets %d to %d, want %d to %d", l.LogStartOffset(), l.LogEndOffset(), start, end)
	}
	got := contents(t, l, start)
	for n := start; n < end; n++ {
		if got[n] != valueAt(n) {
			t.Fatalf("offset %d holds %q, want %q", n, got[n], valueAt(n))
		}
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// flipBit changes one bit of a byte of a file.
func flipBit(t testing.TB, fs vfs.FS, name string, at int64) {
	t.Helper()
	f, err := fs.OpenReadWrite(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var one [1]byte
	if _, err := f.ReadAt(one[:], at); err != nil {
		t.Fatal(err)
	}
	one[0] ^= 4
	if _, err := f.WriteAt(one[:], at); err != nil {
		t.Fatal(err)
	}
}
