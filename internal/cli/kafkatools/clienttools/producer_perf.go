package clienttools

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// payloadSource makes the records' values: drawn from a list, random letters of a size, or the record's number.
type payloadSource struct {
	list [][]byte
	size int
}

// largest is the size of the largest value, as far as it is known.
func (p payloadSource) largest() int {
	n := max(p.size, 20)
	for _, b := range p.list {
		n = max(n, len(b))
	}
	return n
}

// next writes a value into buf, or gives one of the list.
func (p payloadSource) next(buf []byte, random *rand.PCG, number int64) []byte {
	switch {
	case p.list != nil:
		return p.list[random.Uint64()%uint64(len(p.list))]
	case p.size > 0:
		return randomLetters(buf[:p.size], random)
	}
	return strconv.AppendInt(buf[:0], number, 10)
}

// randomLetters fills b with letters A to Z, each from one byte of a random number: data that compresses as Java's does,
// eight letters per draw.
func randomLetters(b []byte, random *rand.PCG) []byte {
	var word [8]byte
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(word[:], random.Uint64())
		for j := range word {
			word[j] = 'A' + byte(uint16(word[j])*26>>8)
		}
		copy(b[i:], word[:])
	}
	return b
}

// runProducerPerf is kafka-producer-perf-test.
func runProducerPerf(ctx context.Context, s tool.IO, args []string) int {
	o := newProducerPerfOptions()
	if len(args) == 0 {
		s.Println(o.parser.HelpText())
		return 0
	}
	plan, err := o.plan(s, args)
	if err == nil {
		err = runProducerPerfPlan(ctx, s, plan)
	}
	if interrupted(err) {
		return exitInterrupted
	}
	return tool.Finish(s, o.parser, err)
}

func runProducerPerfPlan(ctx context.Context, s tool.IO, plan producerPerfPlan) error {
	log := newLogger(s.Stderr)
	opts := []kgo.Opt{kgo.WithLogger(clientLogger{log, "Producer clientId=" + plan.properties["client.id"]})}
	metrics := newClientMetrics("producer", plan.properties["client.id"])
	if plan.printMetrics {
		opts = append(opts, kgo.WithHooks(metrics))
	}
	usual := batchOverhead + maxRecordOverhead + plan.payloads.largest() + 16
	out, err := newSender(plan.settings, usual, opts...)
	if err != nil {
		return err
	}
	if err := out.initTransactions(ctx); err != nil {
		out.close()
		return err
	}
	if plan.warmup > 0 {
		s.Printf("Warmup first %d records. Steady state results will print after the complete test summary.\n", plan.warmup)
	}
	p := newPerfProducer(s, plan, out)
	err = p.run(ctx)
	out.flush()
	p.printTotals(time.Now())
	if plan.printMetrics && err == nil {
		metrics.print(s.Stdout)
	}
	out.close()
	return err
}

// perfProducer sends the records of one test.
type perfProducer struct {
	plan   producerPerfPlan
	out    *sender
	io     tool.IO
	pool   sync.Pool
	random *rand.PCG

	// mu guards the counts below: records are acknowledged on the client's goroutines.
	mu     sync.Mutex
	stats  *perfStats
	steady *perfStats

	transactionStart time.Time
	inTransaction    bool
}

// perfRecord is a record with its own buffer and promise; all are used again once the record is acknowledged, so that
// sending allocates nothing.
type perfRecord struct {
	record  kgo.Record
	promise func(*kgo.Record, error)
	buf     []byte
	sentAt  time.Time
	steady  *perfStats // nil during the warm-up, and without one
}

func newPerfProducer(s tool.IO, plan producerPerfPlan, out *sender) *perfProducer {
	p := &perfProducer{plan: plan, out: out, io: s, random: rand.NewPCG(0, 0)}
	p.stats = newPerfStats(s.Stdout, plan.numRecords, plan.interval, false, time.Now())
	size := max(plan.payloads.size, 20)
	p.pool.New = func() any {
		r := &perfRecord{buf: make([]byte, size)}
		r.promise = func(_ *kgo.Record, err error) { p.acknowledged(r, err) }
		return r
	}
	return p
}

func (p *perfProducer) run(ctx context.Context) error {
	limit := newThrottle(p.plan.throughput, time.Now())
	for i := range p.plan.numRecords {
		if ctx.Err() != nil {
			return errInterrupted
		}
		now := time.Now()
		if err := p.begin(now); err != nil {
			return err
		}
		r := p.next(i, now)
		p.out.send(ctx, &r.record, r.promise)
		if err := p.commit(ctx, now, false); err != nil {
			return err
		}
		if !limit.wait(ctx, i, now) {
			return errInterrupted
		}
	}
	return p.commit(ctx, time.Time{}, true)
}

// next prepares record number i.
func (p *perfProducer) next(i int64, now time.Time) *perfRecord {
	if i == p.plan.warmup && i > 0 {
		p.mu.Lock()
		p.steady = newPerfStats(p.io.Stdout, p.plan.numRecords-i, p.plan.interval, true, now)
		p.stats.quiet = true
		p.mu.Unlock()
	}
	r := p.pool.Get().(*perfRecord)
	r.record = kgo.Record{Topic: p.plan.topic, Value: p.plan.payloads.next(r.buf, p.random, i), Timestamp: now}
	r.sentAt = now
	r.steady = p.steady
	return r
}

// acknowledged counts a record. One that failed is told of and not counted; its buffer is left to the collector, since a
// request that carries it may still be on its way.
func (p *perfProducer) acknowledged(r *perfRecord, err error) {
	if err != nil {
		if !interrupted(err) {
			p.io.Errorln(tool.Describe(err))
		}
		return
	}
	now := time.Now()
	latency := now.UnixMilli() - r.sentAt.UnixMilli()
	p.mu.Lock()
	p.stats.record(latency, len(r.record.Value), now)
	if r.steady != nil {
		r.steady.record(latency, len(r.record.Value), now)
	}
	p.mu.Unlock()
	p.pool.Put(r)
}

func (p *perfProducer) begin(now time.Time) error {
	if p.plan.transactionDuration == 0 || p.inTransaction {
		return nil
	}
	p.inTransaction, p.transactionStart = true, now
	return p.out.client.BeginTransaction()
}

// commit ends a transaction that has lasted long enough, or any at the end.
func (p *perfProducer) commit(ctx context.Context, now time.Time, last bool) error {
	if !p.inTransaction || (!last && now.Sub(p.transactionStart) < p.plan.transactionDuration) {
		return nil
	}
	p.inTransaction = false
	if err := p.out.client.Flush(ctx); err != nil {
		return errInterrupted
	}
	return p.out.client.EndTransaction(ctx, kgo.TryCommit)
}

func (p *perfProducer) printTotals(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.printTotal(now)
	if p.steady != nil {
		p.steady.printTotal(now)
	}
}
