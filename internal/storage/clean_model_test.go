package storage

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
)

// modelRecord is a record that a test has appended.
type modelRecord struct {
	offset    int64
	key       string
	value     string // empty: a tombstone
	timestamp int64
	txn       *modelTxn
}

type modelTxn struct {
	producer         int64
	ended, committed bool
}

func (r *modelRecord) committed() bool { return r.txn == nil || r.txn.ended && r.txn.committed }

// cleanModel plays random puts, transactions and cleanings, and compares what is left with what was promised.
type cleanModel struct {
	*bench
	random    *rand.Rand
	records   []*modelRecord // by offset, which is not the index: markers take offsets too
	open      map[int64]*modelTxn
	sequences map[int64]int32
	start     int64
	cleanings int
	steps     []string
}

const modelRetention = time.Hour

func newCleanModel(t *testing.T, seed uint64) *cleanModel {
	random := rand.New(rand.NewPCG(seed, 5))
	b := compactBench(t, smallSegments(1000+random.IntN(3000)), func(c *config.Topic) {
		c.DeleteRetention, c.FileDeleteDelay = modelRetention, time.Duration(random.IntN(2))*time.Minute
		c.MinCleanableDirtyRate = float64(random.IntN(2)) * 0.3
	})
	b.close()
	b.options = func(o *ManagerOptions) {
		o.SkipTransactionVerification = true
		o.ProducerIDExpiration = 1000 * time.Hour
		o.Cleaner.IOBufferBytes = 1
		if random.IntN(3) == 0 {
			o.Cleaner.DedupeBufferBytes = 24 * int64(3+random.IntN(10)) // too small for all keys at once
		}
	}
	b.open()
	return &cleanModel{bench: b, random: random, open: map[int64]*modelTxn{}, sequences: map[int64]int32{}}
}

func (m *cleanModel) note(format string, args ...any) {
	m.steps = append(m.steps, fmt.Sprintf(format, args...))
}

func (m *cleanModel) fail(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s\nafter:\n  %s\nlogged:\n%s", fmt.Sprintf(format, args...), strings.Join(m.steps, "\n  "), m.sink)
}

func (m *cleanModel) step() {
	switch n := m.random.IntN(100); {
	case n < 45:
		m.write(-1)
	case n < 70:
		m.write(100 + m.random.Int64N(3))
	case n < 80:
		m.endTransaction()
	case n < 84:
		m.roll(m.log())
	case n < 88:
		d := time.Duration(m.random.IntN(100)) * time.Minute
		m.note("advance the clock by %s", d)
		m.advance(d)
	case n < 90:
		m.deleteRecords()
	case n < 93:
		m.note("restart")
		m.restart()
		m.checkProducers()
	default:
		m.roll(m.log())
		m.cleanOnce()
	}
}

// advance moves the clock without the background's help: the test decides when it is cleaned.
func (m *cleanModel) advance(d time.Duration) {
	disabled := func(v bool) { m.m.UpdateSettings(func(o *ManagerOptions) { o.Cleaner.Disabled = v }) }
	disabled(true)
	m.clock.Advance(d)
	disabled(false)
}

// write appends a batch, in the transaction of a producer if one is given.
func (m *cleanModel) write(producer int64) {
	l := m.log()
	var txn *modelTxn
	builder := record.NewBuilder(record.Codec(m.random.IntN(5)))
	if producer >= 0 {
		txn = m.open[producer]
		if txn == nil {
			txn = &modelTxn{producer: producer}
			m.open[producer] = txn
		}
		builder.Transactional = true
	} else if m.random.IntN(3) == 0 {
		producer = 7 // idempotent
	}
	count := 1 + m.random.IntN(5)
	if producer >= 0 {
		builder.ProducerID, builder.ProducerEpoch, builder.BaseSequence = producer, 0, m.sequences[producer]
		m.sequences[producer] += int32(count)
	}
	var added []*modelRecord
	for i := range count {
		r := &modelRecord{
			offset: l.LogEndOffset() + int64(i), key: fmt.Sprint("key", m.random.IntN(15)), timestamp: m.clock.Now().UnixMilli() - m.random.Int64N(3), txn: txn,
		}
		if m.random.IntN(4) > 0 {
			r.value = fmt.Sprint(r.offset, strings.Repeat("v", m.random.IntN(40)))
		}
		rec := record.Record{Timestamp: r.timestamp, Key: []byte(r.key), Headers: []record.Header{{Key: "h", Value: []byte(r.value)}}}
		if r.value != "" {
			rec.Value = []byte(r.value)
		}
		if err := builder.Append(&rec); err != nil {
			m.fail("%v", err)
		}
		added = append(added, r)
	}
	batch, err := builder.Build()
	if err != nil {
		m.fail("%v", err)
	}
	m.note("write %d records at %d by producer %d, in a transaction: %v", count, l.LogEndOffset(), producer, txn != nil)
	if _, err := l.Append(batch, AppendOptions{}); err != nil {
		m.fail("%v", err)
	}
	l.SetHighWatermark(l.LogEndOffset())
	m.records = append(m.records, added...)
}

func (m *cleanModel) endTransaction() {
	if len(m.open) == 0 {
		return
	}
	ids := make([]int64, 0, 3)
	for id := range m.open {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	txn := m.open[ids[m.random.IntN(len(ids))]]
	delete(m.open, txn.producer)
	txn.ended, txn.committed = true, m.random.IntN(2) == 0
	kind := record.ControlAbort
	if txn.committed {
		kind = record.ControlCommit
	}
	l := m.log()
	m.note("end the transaction of %d with %s at %d", txn.producer, kind, l.LogEndOffset())
	batch := record.AppendMarkerBatch(nil, txn.producer, 0, record.Marker{Type: kind}, m.clock.Now().UnixMilli())
	if _, err := l.Append(batch, AppendOptions{Origin: OriginCoordinator}); err != nil {
		m.fail("%v", err)
	}
	l.SetHighWatermark(l.LogEndOffset())
}

func (m *cleanModel) deleteRecords() {
	l := m.log()
	if m.random.IntN(4) > 0 || l.LogEndOffset() == 0 {
		return
	}
	offset := l.LogStartOffset() + m.random.Int64N(l.LastStableOffset()-l.LogStartOffset()+1)
	offset = min(offset, l.LogStartOffset()+20)
	m.note("delete records before %d", offset)
	if err := l.DeleteRecordsBefore(offset); err != nil {
		m.fail("%v", err)
	}
	m.start = l.LogStartOffset()
}

func (m *cleanModel) cleanOnce() {
	l := m.log()
	before := l.cleanedTo.Load()
	worked := m.m.cleaner.cleanFilthiest(0)
	m.note("clean at %s: %v, from %d to %d", m.clock.Now().Sub(testStart), worked, before, l.cleanedTo.Load())
	if worked {
		m.cleanings++
		if stats := m.m.CleanerStats(); stats.Failed > 0 || stats.Aborted > 0 {
			m.fail("the cleaning failed: %+v", stats)
		}
	}
	m.compare(worked)
}

// compare holds the log against what is known of it.
func (m *cleanModel) compare(justCleaned bool) {
	l := m.log()
	if l.LogStartOffset() != m.start {
		m.fail("the log starts at %d, want %d", l.LogStartOffset(), m.start)
	}
	byOffset := map[int64]*modelRecord{}
	for _, r := range m.records {
		byOffset[r.offset] = r
	}
	seen := m.readAll(byOffset)
	visible := visible(m.t, l, l.LogStartOffset()) // by batches
	for offset := range visible {
		if !seen[offset] {
			delete(visible, offset)
		}
	}
	cleanedTo := l.cleanedTo.Load()
	last := map[string]*modelRecord{}      // of each key
	lastClean := map[string]*modelRecord{} // below the cleaner's checkpoint
	for _, r := range m.records {
		if r.offset >= l.LastStableOffset() {
			continue
		}
		if visible[r.offset] && !r.committed() {
			m.fail("the aborted record at %d is visible", r.offset)
		}
		if r.committed() {
			last[r.key] = r
			if r.offset < cleanedTo {
				lastClean[r.key] = r
			}
		}
		if r.offset >= max(cleanedTo, m.start) && !seen[r.offset] && r.committed() {
			m.fail("the record at %d is gone although it was never cleaned", r.offset)
		}
	}
	for key, r := range last {
		if r.offset >= m.start && !visible[r.offset] && (r.value != "" || m.clock.Now().UnixMilli()-r.timestamp < modelRetention.Milliseconds()) {
			m.fail("the last record of %s, at %d, is gone", key, r.offset)
		}
	}
	for offset := range visible {
		if r := byOffset[offset]; justCleaned && offset < cleanedTo && lastClean[r.key] != r {
			m.fail("the record of %s at %d is still there after cleaning up to %d, and %d replaces it", r.key, offset, cleanedTo, lastClean[r.key].offset)
		}
	}
}

// readAll reads every record, also those of aborted transactions, and compares each with what was appended.
func (m *cleanModel) readAll(byOffset map[int64]*modelRecord) map[int64]bool {
	seen := map[int64]bool{}
	next := int64(0)
	for _, b := range batches(m.t, m.log(), m.start) {
		if b.BaseOffset() < next {
			m.fail("the batch at %d comes after offset %d", b.BaseOffset(), next-1)
		}
		next = b.NextOffset()
		if b.IsControl() {
			continue
		}
		records, err := b.Records(0)
		if err != nil {
			m.fail("%v", err)
		}
		largest := record.NoTimestamp
		for _, r := range records {
			offset := b.BaseOffset() + int64(r.OffsetDelta)
			want := byOffset[offset]
			if want == nil || want.key != string(r.Key) || want.value != string(r.Value) || (want.value == "") != (r.Value == nil) || want.timestamp != r.Timestamp ||
				len(r.Headers) != 1 || string(r.Headers[0].Value) != want.value {
				m.fail("offset %d holds %+v, want %+v", offset, r, want)
			}
			if b.IsTransactional() != (want.txn != nil) || want.txn != nil && b.ProducerID() != want.txn.producer {
				m.fail("offset %d is of another producer or kind: %d", offset, b.ProducerID())
			}
			seen[offset] = true
			largest = max(largest, r.Timestamp)
		}
		if len(records) > 0 && b.MaxTimestamp() != largest {
			m.fail("the batch at %d has the largest timestamp %d, its records %d", b.BaseOffset(), b.MaxTimestamp(), largest)
		}
	}
	if next != m.log().LogEndOffset() && next != 0 {
		m.fail("the last batch ends before %d, the log at %d", next, m.log().LogEndOffset())
	}
	return seen
}

// checkProducers compares what is known of producers with the model, as it is found from the batches alone.
func (m *cleanModel) checkProducers() {
	l := m.log()
	if m.random.IntN(2) == 0 && m.start == 0 { // else their last batches may have been deleted, and only snapshots know of them
		l.mu.Lock()
		l.producers.unload()
		err := l.producers.removeSnapshots(0, math.MaxInt64)
		l.mu.Unlock()
		if err != nil {
			m.fail("%v", err)
		}
	}
	states, err := l.ActiveProducers()
	if err != nil {
		m.fail("%v", err)
	}
	for _, s := range states {
		if open := m.open[s.ProducerID] != nil; open != (s.CurrentTxnFirstOffset >= 0) {
			m.fail("producer %d has a transaction open: %v, want %v", s.ProducerID, !open, open)
		}
		if want := m.sequences[s.ProducerID] - 1; s.LastSequence != want && s.LastSequence >= 0 {
			m.fail("producer %d is at sequence %d, want %d", s.ProducerID, s.LastSequence, want)
		}
	}
	if m.start == 0 && len(states) != len(m.sequences) {
		m.fail("%d producers are known, want %d", len(states), len(m.sequences))
	}
}

func TestCleaningAgainstAModel(t *testing.T) {
	seeds := uint64(60)
	if n, err := strconv.ParseUint(os.Getenv("OTTLA_CLEAN_SEEDS"), 10, 64); err == nil {
		seeds = n
	}
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			m := newCleanModel(t, seed)
			for range 150 {
				m.step()
			}
			for len(m.open) > 0 {
				m.endTransaction()
			}
			m.roll(m.log())
			for range 30 {
				m.cleanOnce()
			}
			if m.cleanings == 0 {
				m.fail("nothing was cleaned")
			}
			m.restart()
			m.compare(false)
			m.close()
			m.sound()
		})
	}
}
