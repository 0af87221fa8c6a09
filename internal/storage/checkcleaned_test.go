package storage

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
)

// TestTransactionsInCleanedLogs plays random transactions on a compacted topic that is cleaned in between, and compares the last committed value of each
// key that a read_committed reader finds. The checker must find the directory sound, although less of it can be proven.
func TestTransactionsInCleanedLogs(t *testing.T) {
	eachCrashSeed(t, func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 17))
		b := compactBench(t, func(c *config.Topic) { c.DeleteRetention = time.Duration(random.IntN(3)) * time.Minute })
		r := &cleanTxnRun{bench: b, random: random, puts: map[int64]*cleanPut{}, open: map[int64]bool{}}
		for range 300 {
			r.step()
		}
		r.compare()
		if r.cleanings == 0 || len(kept(t, r.log())) > len(r.puts)*9/10 {
			t.Errorf("%d cleanings left %d of %d records", r.cleanings, len(kept(t, r.log())), len(r.puts))
		}
		b.close()
		b.sound()
	})
}

type cleanTxnRun struct {
	*bench
	random *rand.Rand
	puts   map[int64]*cleanPut // by offset
	open   map[int64]bool      // the producers with open transactions
	steps  int

	cleanings int
}

// cleanPut is a record that was appended.
type cleanPut struct {
	kv
	producer  int64 // in whose open transaction; 0: in none
	committed bool
}

func (r *cleanTxnRun) step() {
	r.steps++
	l := r.log()
	id := int64(1 + r.random.IntN(3))
	key, value := fmt.Sprint("k", r.random.IntN(8)), fmt.Sprint("v", r.steps)
	switch n := r.random.IntN(20); {
	case n < 4:
		info := r.put(l, nil, kv{key, value})
		r.puts[info.FirstOffset] = &cleanPut{kv: kv{key, value}, committed: true}
	case n < 12:
		r.putIn(l, id, kv{key, value})
	case n < 16:
		commit := r.random.IntN(2) == 0
		r.end(l, id, map[bool]record.ControlType{true: record.ControlCommit, false: record.ControlAbort}[commit])
		for _, p := range r.puts {
			if p.producer == id {
				p.producer, p.committed = 0, commit
			}
		}
		delete(r.open, id)
	case n < 17:
		r.clock.Advance(40 * time.Second)
	case n < 18:
		r.roll(l)
		r.cleanings += r.clean()
		r.compare()
	case n < 19 && r.random.IntN(3) == 0:
		r.restart()
		r.compare()
	case r.random.IntN(3) == 0:
		r.kill()
		r.commit(r.log())
		r.compare()
	}
}

func (r *cleanTxnRun) putIn(l *Log, id int64, records kv) {
	sequence := int32(0)
	states, err := l.ActiveProducers()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, s := range states {
		if s.ProducerID == id {
			sequence = s.LastSequence + 1
		}
	}
	guard, err := l.StartVerification(id, 0, sequence, false)
	if err != nil {
		r.t.Fatal(err)
	}
	batch := batchKeyed(r.t, r.clock.Now(), id, sequence, records)
	info, err := l.Append(batch, AppendOptions{Guard: guard})
	if err != nil {
		r.t.Fatal(err)
	}
	r.commit(l)
	r.open[id] = true
	r.puts[info.FirstOffset] = &cleanPut{kv: records, producer: id}
}

func batchKeyed(t testing.TB, at time.Time, id int64, sequence int32, r kv) []byte {
	t.Helper()
	b := record.NewBuilder(record.CodecNone)
	b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Transactional = id, 0, sequence, true
	if err := b.Append(&record.Record{Timestamp: at.UnixMilli(), Key: []byte(r.key), Value: []byte(r.value)}); err != nil {
		t.Fatal(err)
	}
	batch, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// compare reads as a read_committed reader does: of each key the committed record with the largest offset counts.
func (r *cleanTxnRun) compare() {
	r.t.Helper()
	l := r.log()
	stable := l.LastStableOffset()
	for id := range r.open {
		if open, err := l.HasOpenTransaction(id); err != nil || !open {
			r.t.Fatalf("after %d steps the transaction of producer %d is not open, %v", r.steps, id, err)
		}
	}
	newest, want := map[string]int64{}, map[string]string{}
	for offset, p := range r.puts {
		if at, ok := newest[p.key]; p.committed && offset < stable && (!ok || offset > at) {
			newest[p.key], want[p.key] = offset, p.key+"="+p.value
		}
	}
	seen := visible(r.t, l, 0)
	found, got := map[string]int64{}, map[string]string{}
	for offset, pair := range kept(r.t, l) {
		p := r.puts[offset]
		if p == nil || p.key+"="+p.value != pair {
			r.t.Fatalf("after %d steps offset %d holds %s, and was %+v", r.steps, offset, pair, p)
		}
		if offset >= stable || !seen[offset] {
			continue
		}
		if !p.committed {
			r.t.Fatalf("after %d steps offset %d is visible, and was not committed", r.steps, offset)
		}
		if at, ok := found[p.key]; !ok || offset > at {
			found[p.key], got[p.key] = offset, pair
		}
	}
	if !maps.Equal(got, want) {
		r.t.Fatalf("after %d steps a reader finds %v, want %v", r.steps, got, want)
	}
}
