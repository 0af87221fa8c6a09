package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	compactionPartitions = 2
	compactionKeys       = 150
	deleteRetention      = 6 * time.Second
)

// compactedTopic has settings that make the cleaner work all the time.
var compactedTopic = []string{
	"cleanup.policy", "compact", "segment.ms", "700", "segment.bytes", "1048576", "min.cleanable.dirty.ratio", "0.01", "min.compaction.lag.ms", "0",
	"delete.retention.ms", fmt.Sprint(deleteRetention.Milliseconds()), "file.delete.delay.ms", "1000",
}

// put is one write to a key; no value deletes it.
type put struct {
	key, value string
	deleted    bool
	acked      time.Time
}

// ledger is everything that was written, by where it stands.
type ledger struct {
	mu      sync.Mutex      // guards the fields
	puts    map[place]put   // committed ones
	never   map[string]bool // values of aborted transactions
	perhaps map[string]put  // values of transactions whose commit was not answered
	open    map[string]int  // writes to a key that were begun and not yet answered: nobody knows whether they are there
}

// begin notes that records are being written; the returned function notes that it is known what became of them.
func (l *ledger) begin(records []*kgo.Record) (end func()) {
	add := func(n int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, r := range records {
			if l.open[string(r.Key)] += n; l.open[string(r.Key)] == 0 {
				delete(l.open, string(r.Key))
			}
		}
	}
	add(1)
	return func() { add(-1) }
}

func (l *ledger) committed(records []*kgo.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range records {
		l.puts[place{r.Topic, r.Partition, r.Offset}] = put{string(r.Key), string(r.Value), r.Value == nil, time.Now()}
	}
}

// compaction writes, deletes and rewrites keys, plainly and in transactions, while the cleaner works and the node is killed, and looks again
// and again at what a reader from the beginning gets.
func compaction(c c, w work) {
	topic := newTopic(c, "compacted", compactionPartitions, compactedTopic...)
	l := &ledger{puts: map[place]put{}, never: map[string]bool{}, perhaps: map[string]put{}, open: map[string]int{}}
	problems := make(chan string, 1000)
	stop, end := context.WithCancel(c)
	defer end()
	var writing sync.WaitGroup
	for i := range 2 {
		random := w.random(uint64(400 + i))
		guarded(&writing, problems, func() { plainPuts(c, stop, topic, random, l, fmt.Sprintf("plain%d", i)) })
		inTransactions := w.random(uint64(500 + i))
		guarded(&writing, problems, func() { transactionalPuts(c, stop, topic, inTransactions, l, fmt.Sprintf("txn%d", i)) })
	}
	var looking sync.WaitGroup
	guarded(&looking, problems, func() {
		for looks := 0; stop.Err() == nil; looks++ {
			look(c, topic, l, true)
			time.Sleep(time.Second)
		}
	})
	killAtRandom(c, w, 2)
	end()
	writing.Wait()
	looking.Wait()
	wantNothingOpen(c, topic)
	look(c, topic, l, false)
	wantCompacted(c, topic, l)
	close(problems)
	var told []string
	for p := range problems {
		told = append(told, p)
	}
	wantNone(c, "writers and readers", told)
}

// nextPut picks a key and what becomes of it; partitions follow keys, so that each key has one order.
func nextPut(random *rand.Rand, topic, writer string, n int) *kgo.Record {
	key := random.IntN(compactionKeys)
	r := &kgo.Record{Topic: topic, Partition: int32(key % compactionPartitions), Key: fmt.Appendf(nil, "key-%d", key)}
	if random.IntN(4) > 0 {
		r.Value = fmt.Appendf(nil, "%s-%d-%0*d", writer, n, random.IntN(400), n)
	}
	return r
}

func plainPuts(c c, stop context.Context, topic string, random *rand.Rand, l *ledger, name string) {
	cl := client(c, generations[1], kgo.ProducerLinger(0))
	defer cl.Close()
	for n := 0; stop.Err() == nil; {
		var records []*kgo.Record
		for range 1 + random.IntN(10) {
			n++
			records = append(records, nextPut(random, topic, name, n))
		}
		end := l.begin(records)
		c.Must(cl.ProduceSync(c, records...).FirstErr(), "write") // idempotent: written once, whatever happens on the way
		l.committed(records)
		end()
		time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
	}
}

func transactionalPuts(c c, stop context.Context, topic string, random *rand.Rand, l *ledger, name string) {
	connect := func() *kgo.Client {
		return client(c, generations[random.IntN(2)], kgo.TransactionalID(topic+name), kgo.TransactionTimeout(transactionTimeout), kgo.ProducerLinger(0))
	}
	cl := connect()
	defer func() { cl.Close() }()
	for n := 0; stop.Err() == nil; {
		// Some transactions stay open while the cleaner passes, which must leave alone what may still be aborted, and what that supersedes. They
		// have keys of their own, which nobody else gives a new value before we look.
		long := random.IntN(8) == 0
		var records []*kgo.Record
		for range 1 + random.IntN(10) {
			n++
			r := nextPut(random, topic, name, n)
			if long {
				r.Key = fmt.Appendf(nil, "%s-key-%d", name, random.IntN(20))
				r.Partition = int32(n % compactionPartitions)
				r.Key = fmt.Appendf(r.Key, "-%d", r.Partition)
			}
			if r.Value == nil {
				r.Value = []byte(fmt.Sprintf("%s-%d-instead-of-a-tombstone", name, n)) // a tombstone does not tell which transaction it is of
			}
			records = append(records, r)
		}
		abort := random.IntN(3) == 0
		end := l.begin(records)
		err := cl.BeginTransaction()
		if err == nil {
			err = cl.ProduceSync(c, records...).FirstErr()
		}
		if long {
			time.Sleep(time.Duration(1000+random.IntN(2000)) * time.Millisecond)
		}
		asked := err == nil && !abort
		if asked {
			err = cl.EndTransaction(c, kgo.TryCommit)
		}
		switch {
		case asked && err == nil:
			l.committed(records)
		case asked:
			l.mu.Lock()
			for _, r := range records {
				l.perhaps[string(r.Value)] = put{key: string(r.Key), value: string(r.Value)}
			}
			l.mu.Unlock()
		default:
			l.mu.Lock()
			for _, r := range records {
				l.never[string(r.Value)] = true
			}
			l.mu.Unlock()
			if err == nil {
				err = cl.EndTransaction(c, kgo.TryAbort)
			}
		}
		end()
		if err != nil {
			cl.Close()
			cl = connect()
		}
		time.Sleep(time.Duration(random.IntN(30)) * time.Millisecond)
	}
}

// look reads the topic from the beginning and holds it against the ledger. While writers work, what they wrote meanwhile is not judged.
func look(c c, topic string, l *ledger, busy bool) {
	l.mu.Lock()
	before, open := maps.Clone(l.puts), maps.Clone(l.open)
	l.mu.Unlock()
	began := time.Now()
	seen, end := scanTo(c, topic, compactionPartitions, kgo.ReadCommitted())
	l.mu.Lock()
	defer l.mu.Unlock()
	var problems []string
	at := map[place]bool{}
	newest := map[string]*kgo.Record{}
	for _, r := range seen {
		where := place{r.Topic, r.Partition, r.Offset}
		at[where] = true
		newest[string(r.Key)] = r
		p, known := l.puts[where]
		switch {
		case l.never[string(r.Value)]:
			problems = append(problems, fmt.Sprintf("an aborted record is visible: %.40q at %v", r.Value, where))
		case known && (p.key != string(r.Key) || p.value != string(r.Value) || p.deleted != (r.Value == nil)):
			problems = append(problems, fmt.Sprintf("offset %v has moved: written was %s=%.40q, there is %s=%.40q", where, p.key, p.value, r.Key, r.Value))
		case !known && !busy && l.perhaps[string(r.Value)].key == "":
			problems = append(problems, fmt.Sprintf("a record that nobody wrote: %s=%.40q at %v", r.Key, r.Value, where))
		}
	}
	latest := map[string]place{} // of each key, as of the beginning of the look
	for where, p := range before {
		if where.offset >= end[where.partition] {
			continue // behind a transaction that was open
		}
		if old, ok := latest[p.key]; !ok || old.offset < where.offset {
			latest[p.key] = where
		}
	}
	for key, where := range latest {
		p := before[where]
		if at[where] || newest[key] != nil && newest[key].Offset > where.offset {
			continue
		}
		if open[key] > 0 || l.open[key] > 0 || l.latest(key).offset > where.offset {
			continue // what came while we read may have superseded it, and the cleaner may have been faster
		}
		switch age := began.Sub(p.acked); {
		case !p.deleted:
			problems = append(problems, fmt.Sprintf("the last value of %s is gone: %.40q at %v; a reader gets %v", key, p.value, where, describe(newest[key])))
		case age < deleteRetention:
			problems = append(problems, fmt.Sprintf("the tombstone of %s at %v lived less than %v, promised are %v", key, where, age, deleteRetention))
		case newest[key] != nil:
			problems = append(problems, fmt.Sprintf("%s was deleted at %v; a reader gets what was before, %v", key, where, describe(newest[key])))
		}
	}
	slices.Sort(problems)
	wantNone(c, fmt.Sprintf("a reader of %d records", len(seen)), problems)
}

// latest returns where the newest committed write to a key stands. The caller holds the lock.
func (l *ledger) latest(key string) (newest place) {
	newest.offset = -1
	for where, p := range l.puts {
		if p.key == key && where.offset > newest.offset {
			newest = where
		}
	}
	return newest
}

func describe(r *kgo.Record) string {
	if r == nil {
		return "nothing"
	}
	return fmt.Sprintf("%.40q at %d", r.Value, r.Offset)
}

// wantCompacted waits until the cleaner has caught up: at most the active segment holds more than one record of a key, and old tombstones
// are gone. A write now and then rolls the segment, which time alone does not.
func wantCompacted(c c, topic string, l *ledger) {
	cl := client(c, generations[1])
	defer cl.Close()
	written := len(l.puts)
	for n := 0; ; n++ {
		for p := range int32(compactionPartitions) {
			r := &kgo.Record{Topic: topic, Partition: p, Key: fmt.Appendf(nil, "key-%d", p), Value: fmt.Appendf(nil, "nudge-%d", n)}
			c.Must(cl.ProduceSync(c, r).FirstErr(), "write")
			l.committed([]*kgo.Record{r})
		}
		time.Sleep(time.Second)
		look(c, topic, l, false)
		seen := scan(c, topic, compactionPartitions, kgo.ReadUncommitted())
		tombstones := 0
		for _, r := range seen {
			if r.Value == nil {
				tombstones++
			}
		}
		if len(seen) <= compactionKeys+80+20 && tombstones <= 2 {
			fmt.Printf("%d records were compacted to %d, %d of them tombstones\n", written, len(seen), tombstones)
			return
		}
		if c.Err() != nil || n > 90 {
			c.Fatalf("of %d records there are still %d for %d keys, %d of them tombstones: the cleaner does not keep up", written, len(seen), compactionKeys, tombstones)
		}
	}
}
