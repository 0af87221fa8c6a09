package storage

import (
	"errors"
	"fmt"
	"maps"
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

// crashModel is what a test knows of one partition: everything that was appended and not truncated, and what of it was
// acknowledged as durable.
type crashModel struct {
	tp       TopicPartition
	batches  map[int64]string // by base offset
	start    int64
	end      int64
	durable  int64
	sequence int32  // the next of its producer
	last     []byte // what the producer sent last
	lastBase int64  // and where it went

	transactional bool
}

func (m *crashModel) cut(end int64) {
	maps.DeleteFunc(m.batches, func(offset int64, _ string) bool { return offset >= end })
	m.end, m.durable, m.start = end, min(m.durable, end), min(m.start, end)
}

// crashRun plays random operations, cuts the power, opens what is left and compares, again and again.
type crashRun struct {
	*bench
	random *rand.Rand
	models []*crashModel
	steps  []string // what was done, for the report of a failure

	keepRecords bool // none are deleted
}

func (r *crashRun) note(format string, args ...any) {
	r.steps = append(r.steps, fmt.Sprintf(format, args...))
}

func (r *crashRun) fail(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("%s\nafter:\n  %s\nlogged:\n%s", fmt.Sprintf(format, args...), strings.Join(r.steps, "\n  "), r.sink)
}

func (r *crashRun) model() *crashModel { return r.models[r.random.IntN(len(r.models))] }

func (r *crashRun) step() {
	m := r.model()
	l := r.logOf(m.tp)
	switch n := r.random.IntN(100); {
	case n < 60:
		r.appendRandom(m, l)
	case n < 66:
		r.note("flush %s to %d", m.tp, m.end)
		r.must(l.Flush())
		m.durable = m.end
	case n < 74:
		r.waitDurable(m, l)
	case n < 78:
		r.note("roll %s at %d", m.tp, m.end)
		r.must(l.Roll())
	case n < 82:
		offset := m.start + r.random.Int64N(m.end-m.start+1)
		r.note("truncate %s (%d to %d) to %d", m.tp, m.start, m.end, offset)
		r.must(l.TruncateTo(offset))
		m.cut(l.LogEndOffset())
		m.sequence, m.last = -1, nil
	case n < 86 && r.keepRecords:
	case n < 86:
		offset := m.start + r.random.Int64N(m.end-m.start+1)
		r.note("delete records of %s (%d to %d) before %d", m.tp, m.start, m.end, offset)
		r.must(l.DeleteRecordsBefore(offset))
		m.start = l.LogStartOffset()
	case n < 97:
		d := time.Duration(r.random.IntN(20)) * time.Second
		r.note("advance the clock by %s", d)
		r.clock.Advance(d)
	default:
		r.note("restart in order")
		r.restart()
		for _, m := range r.models {
			if m.end > 0 {
				m.durable = m.end
			}
		}
	}
}

func (r *crashRun) must(err error) {
	r.t.Helper()
	if err != nil {
		r.fail("%v", err)
	}
}

func (r *crashRun) appendRandom(m *crashModel, l *Log) {
	if m.transactional {
		r.transactionalStep(m, l)
		return
	}
	values := make([]string, 1+r.random.IntN(4))
	for i := range values {
		values[i] = strings.Repeat("v", r.random.IntN(300))
	}
	idempotent := m.tp.Partition%2 == 0
	if idempotent && m.sequence < 0 { // after a truncation a producer bumps its epoch; here it asks
		states, err := l.ActiveProducers()
		r.must(err)
		m.sequence = 0
		if len(states) > 0 {
			m.sequence = states[0].LastSequence + 1
		}
	}
	batch := batchWith(r.t, r.clock.Now(), func(b *record.Builder) {
		b.Codec = record.Codec(r.random.IntN(5))
		if idempotent {
			b.ProducerID, b.ProducerEpoch, b.BaseSequence = 42, 0, m.sequence
		}
	}, values...)
	sent := slices.Clone(batch)
	epoch, _ := l.LatestEpoch()
	epoch = max(epoch, 0) + int32(r.random.IntN(20)/19)
	info, err := l.Append(batch, AppendOptions{LeaderEpoch: epoch})
	r.note("append %d records to %s at %d in epoch %d: %v", len(values), m.tp, m.end, epoch, err)
	r.must(err)
	if info.FirstOffset != m.end || info.Duplicate {
		r.fail("the append went to %+v, want offset %d", info, m.end)
	}
	m.batches[m.end], m.end = string(batch), info.LastOffset+1
	l.SetHighWatermark(m.end)
	if idempotent {
		m.sequence += int32(len(values))
		m.last, m.lastBase = sent, info.FirstOffset
	}
}

func (r *crashRun) waitDurable(m *crashModel, l *Log) {
	r.note("wait until %s is durable to %d", m.tp, m.end)
	done := make(chan error)
	go l.WaitDurable(m.end, func(err error) { done <- err })
	r.must(<-done)
	m.durable = m.end
}

// crash cuts the power and opens what is left of the disk.
func (r *crashRun) crash() {
	r.note("power cut")
	clone := r.mem.CrashClone(r.random)
	r.abandon()
	r.mem, r.fs = clone, clone
	m, err := r.tryOpen()
	r.must(err)
	r.m = m
	for _, m := range r.models {
		r.compare(m)
	}
}

// compare holds a recovered log against what is known of it.
func (r *crashRun) compare(m *crashModel) {
	l, err := r.m.Get(m.tp)
	if errors.Is(err, ErrNotFound) && m.durable == 0 {
		m.batches, m.start, m.end, m.sequence, m.last = map[int64]string{}, 0, 0, 0, nil
		return
	}
	r.must(err)
	r.logOf(m.tp) // as a broker does, with the topic's id
	r.note("%s recovered as %s, of %d to %d, durable to %d", m.tp, l, m.start, m.end, m.durable)
	if l.LogEndOffset() < m.durable || l.LogEndOffset() > m.end || l.LogStartOffset() > m.start {
		r.fail("acknowledged records are missing, or records are there that were never appended")
	}
	next := l.LogStartOffset()
	for _, batch := range batches(r.t, l, next) {
		want, ok := m.batches[batch.BaseOffset()]
		if ok && want != string(batch) || !ok && batch.BaseOffset() >= m.start {
			r.fail("%s: the batch at offset %d is another", m.tp, batch.BaseOffset())
		}
		if next >= m.start && batch.BaseOffset() > next {
			r.fail("%s: from offset %d to %d there is nothing", m.tp, next, batch.BaseOffset())
		}
		next = batch.NextOffset()
	}
	if m.end > l.LogEndOffset() {
		m.cut(l.LogEndOffset())
		// A log that ended before its start begins anew there, and that may be inside a batch that was.
		maps.DeleteFunc(m.batches, func(_ int64, batch string) bool { return record.Batch(batch).LastOffset() >= m.end })
		m.sequence, m.last = -1, nil
	}
	m.start = l.LogStartOffset()
	l.SetHighWatermark(m.end) // as the only replica does
	if m.transactional {
		r.compareTransactions(m, l)
	}
	if m.last == nil || m.lastBase < m.start {
		return // nothing is left of it
	}
	info, err := l.Append(slices.Clone(m.last), AppendOptions{LeaderEpoch: 1000})
	if err != nil || !info.Duplicate || info.LastOffset != m.end-1 {
		r.fail("%s: the last batch, sent again, was not recognized: %+v, %v", m.tp, info, err)
	}
}

func playCrashes(t *testing.T, seed uint64, transactional bool) {
	random := rand.New(rand.NewPCG(seed, 1))
	b := newBench(t, defaultTopic(smallSegments(2000), func(c *config.Topic) {
		c.FileDeleteDelay = 5 * time.Second
		if random.IntN(3) == 0 {
			c.FlushMessages = 10
		}
	}))
	r := &crashRun{bench: b, random: random, keepRecords: transactional && random.IntN(2) == 0}
	for partition := range int32(1 + random.IntN(3)) {
		r.models = append(r.models, &crashModel{tp: TopicPartition{"crash", partition}, batches: map[int64]string{}, transactional: transactional})
	}
	for range 4 {
		for range 10 + random.IntN(60) {
			r.step()
		}
		r.crash()
	}
	r.close()
	r.sound()
	if t.Failed() {
		r.fail("the directory is not sound")
	}
}

// TestPowerCuts compares every acknowledged batch after power cuts at random moments.
func TestPowerCuts(t *testing.T) {
	eachCrashSeed(t, func(t *testing.T, seed uint64) { playCrashes(t, seed, false) })
}

func eachCrashSeed(t *testing.T, play func(*testing.T, uint64)) {
	seeds := uint64(150)
	if n, err := strconv.ParseUint(os.Getenv("OTTLA_CRASH_SEEDS"), 10, 64); err == nil {
		seeds = n
	}
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			play(t, seed)
		})
	}
}

// TestPowerCutsNeedTheSyncs shows that the test above can fail: with a disk that forgets what it was told to keep, records
// are missed.
func TestPowerCutsNeedTheSyncs(t *testing.T) {
	b := newBench(t, defaultTopic())
	l := b.log()
	b.fill(l, 50)
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	b.fill(l, 100)
	for seed := range uint64(50) {
		b.abandon()
		clone := b.mem.CrashClone(rand.New(rand.NewPCG(seed, 2)))
		b.mem, b.fs = clone, clone
		b.open()
		if end := b.log().LogEndOffset(); end < 50 {
			t.Fatalf("seed %d: synced records are gone, the log ends at %d", seed, end)
		} else if end < 100 {
			return // as it should be: what was not synced is lost sooner or later
		}
	}
	t.Error("nothing was ever lost: the disk does not forget")
}
