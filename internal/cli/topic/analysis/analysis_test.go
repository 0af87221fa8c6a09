package analysis

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ottla.dev/ottla/internal/record"
)

// partition builds the bytes of a partition.
type partition struct {
	t    *testing.T
	log  []byte
	next int64
}

type rec struct {
	key, value string // "-": none
	atMs       int64
}

func (p *partition) batch(codec record.Codec, producerID int64, records ...rec) int {
	p.t.Helper()
	b := record.NewBuilder(codec)
	b.BaseOffset = p.next
	if producerID >= 0 {
		b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Transactional = producerID, 0, 0, true
	}
	for _, r := range records {
		one := record.Record{Timestamp: r.atMs}
		if r.key != "-" {
			one.Key = []byte(r.key)
		}
		if r.value != "-" {
			one.Value = []byte(r.value)
		}
		if err := b.Append(&one); err != nil {
			p.t.Fatal(err)
		}
	}
	before := len(p.log)
	log, err := b.AppendTo(p.log)
	if err != nil {
		p.t.Fatal(err)
	}
	p.log, p.next = log, p.next+int64(len(records))
	return len(log) - before
}

func (p *partition) marker(producerID int64, kind record.ControlType) {
	from := len(p.log)
	p.log = record.AppendMarkerBatch(p.log, producerID, 0, record.Marker{Type: kind}, 1)
	record.Batch(p.log[from:]).SetBaseOffset(p.next)
	p.next++
}

var now = time.UnixMilli(100_000)

// analyze gives the log in pieces of a few bytes more than a batch, cut inside of batches as fetches are.
func (p *partition) analyze(from, until int64, o Options) (total, one Report) {
	p.t.Helper()
	topic := NewTopic(o)
	a := topic.Partition(7, from, until)
	rest, at := p.log, from
	for at < until && len(rest) > 0 {
		piece := rest[:min(len(rest), 700)]
		if size, err := record.PeekSize(rest); err == nil {
			piece = rest[:min(len(rest), max(700, size))]
		}
		next, err := a.Add(piece, at)
		if err != nil {
			p.t.Fatal(err)
		}
		for len(rest) > 0 { // what a broker does that is asked for next
			b, after, err := record.Next(rest)
			if err != nil || b.LastOffset() >= next {
				break
			}
			rest = after
		}
		at = next
	}
	topic.Done(a, now)
	total, parts := topic.Reports(now)
	return total, parts[0]
}

var exact = Options{MaxKeys: 1000, Top: 3}

func TestCountsOfASmallLog(t *testing.T) {
	p := &partition{t: t}
	first := p.batch(record.CodecNone, -1, rec{"a", "12345", 1000}, rec{"b", "1", 2000}, rec{"-", "xyz", 500})
	second := p.batch(record.CodecGzip, -1, rec{"a", "-", 3000}, rec{"c", "1", 9000})
	p.next += 10 // compacted away
	third := p.batch(record.CodecNone, -1, rec{"b", "22", 4000})
	total, one := p.analyze(0, p.next, exact)
	if one.Partition != 7 || total.Partition != -1 {
		t.Errorf("partitions %d and %d", one.Partition, total.Partition)
	}
	for name, r := range map[string]Report{"total": total, "partition": one} {
		k := r.Keys
		if r.Records != 6 || r.MissingOffsets != 10 || r.WithoutKey != 1 || r.Tombstones != 1 || r.Batches != 3 || r.LargestBatchRecords != 3 {
			t.Errorf("%s: %+v", name, r)
		}
		if r.LogBytes != int64(first+second+third) || r.DataBytes != 6+2+3+1+2+3 || r.LargestRecordBytes != 6 {
			t.Errorf("%s: sizes %+v", name, r)
		}
		if r.Oldest.TimestampMs != 500 || r.Oldest.Offset != 2 || r.Newest.TimestampMs != 9000 || r.Newest.Offset != 4 {
			t.Errorf("%s: oldest %+v, newest %+v", name, r.Oldest, r.Newest)
		}
		if k.Distinct != 3 || k.Estimated || k.Superseded != 2 || k.SupersededBytes != 6+2+2*recordOverhead {
			t.Errorf("%s: keys %+v", name, k)
		}
		if want := float64(second+third) / float64(first+second+third); k.DirtyRatio != want {
			t.Errorf("%s: dirty ratio %f, want %f", name, k.DirtyRatio, want)
		}
		if k.OldestSuperseded != 1000 || k.CompactionLagMs != 99_000 {
			t.Errorf("%s: compaction lag %+v", name, k)
		}
		if c := r.Compression["gzip"]; c == nil || c.Batches != 1 || c.Records != 2 || c.DataBytes != 3 || c.LogBytes != int64(second) {
			t.Errorf("%s: gzip %+v", name, c)
		}
	}
	if one.Keys.DirtyFrom != 3 {
		t.Errorf("dirty from %d", one.Keys.DirtyFrom)
	}
	if top := total.Keys.Top; len(top) != 3 || top[0].Key != "a" || top[0].Records != 2 || top[1].Key != "b" || top[2].Records != 1 {
		t.Errorf("top %+v", top)
	}
}

func TestAPartOfALog(t *testing.T) {
	p := &partition{t: t}
	p.batch(record.CodecNone, -1, rec{"a", "1", 1}, rec{"a", "2", 2}, rec{"b", "3", 3})
	p.batch(record.CodecNone, -1, rec{"a", "4", 4}, rec{"c", "5", 5}, rec{"c", "6", 6})
	_, r := p.analyze(2, 5, exact)
	if r.Records != 3 || r.Keys.Distinct != 3 || r.Keys.Superseded != 0 || r.Keys.DirtyFrom != -1 || r.Keys.CompactionLagMs != -1 || r.MissingOffsets != 0 {
		t.Errorf("%+v", r)
	}
}

func TestNothing(t *testing.T) {
	total, _ := (&partition{t: t}).analyze(5, 5, exact)
	if total.Records != 0 || total.Keys.DirtyRatio != 0 || total.Oldest != nil || total.Keys.Top != nil {
		t.Errorf("%+v", total)
	}
}

func TestTransactions(t *testing.T) {
	p := &partition{t: t}
	p.batch(record.CodecNone, 1, rec{"a", "1", 1}, rec{"b", "1", 1})
	p.batch(record.CodecNone, 2, rec{"a", "1", 1})
	p.marker(1, record.ControlCommit)
	p.batch(record.CodecNone, 2, rec{"a", "1", 1}, rec{"a", "1", 1})
	p.batch(record.CodecNone, -1, rec{"z", "1", 1})
	p.marker(2, record.ControlAbort)
	p.batch(record.CodecNone, 1, rec{"a", "1", 1})
	p.marker(3, record.ControlAbort) // of a transaction whose records are gone
	_, r := p.analyze(0, p.next, exact)
	want := Transactional{Records: 6, Committed: 2, Aborted: 3, Open: 1, CommitMarkers: 1, AbortMarkers: 2}
	if r.Transactional != want || r.ControlRecords != 3 || r.MissingOffsets != 0 || r.Records != 7 {
		t.Errorf("%+v, control records %d, missing %d", r.Transactional, r.ControlRecords, r.MissingOffsets)
	}
}

func TestDamageIsTold(t *testing.T) {
	p := &partition{t: t}
	p.batch(record.CodecNone, -1, rec{"a", "1", 1})
	p.batch(record.CodecNone, -1, rec{"a", "1", 1})
	p.log[len(p.log)-1]++
	_, err := NewTopic(exact).Partition(3, 0, p.next).Add(p.log, 0)
	if err == nil || !strings.Contains(err.Error(), "partition 3, batch at offset 1") {
		t.Errorf("%v", err)
	}
}

// TestEstimates compares a set that knows a hundredth of the keys with one that knows all.
func TestEstimates(t *testing.T) {
	const keys, records = 50_000, 200_000
	random := rand.New(rand.NewPCG(1, 2))
	small, all := newKeySet(500), newKeySet(keys)
	for range records {
		key := fmt.Appendf(nil, "key-%d", int(math.Sqrt(random.Float64())*keys))
		for _, s := range []*keySet{small, all} {
			s.put(hashKey(key), 100, 1)
		}
	}
	if len(small.keys) > 500 || small.exact() || !all.exact() {
		t.Fatalf("%d keys are known", len(small.keys))
	}
	for name, pair := range map[string][2]int64{"distinct": {small.distinct(), all.distinct()}, "bytes": {small.latestBytes(), all.latestBytes()}} {
		if off := float64(pair[0])/float64(pair[1]) - 1; math.Abs(off) > 0.15 { // four standard errors of 250 to 500 samples are 0.18 to 0.25
			t.Errorf("%s: %d instead of %d", name, pair[0], pair[1])
		}
	}
}

// TestTopKeysAmongMany has a few keys come often among many more than are counted.
func TestTopKeysAmongMany(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	top := newTopKeys()
	right := map[string]int64{}
	for i := range 300_000 {
		key := fmt.Sprintf("rare-%d", i)
		if random.IntN(10) == 0 {
			key = fmt.Sprintf("often-%d", random.IntN(5))
		}
		right[key]++
		top.add(hashKey([]byte(key)), []byte(key))
	}
	if len(top.counters) != topCounters {
		t.Fatalf("%d counters", len(top.counters))
	}
	for _, c := range top.best(5) {
		key := string(c.key)
		if !strings.HasPrefix(key, "often-") || c.count < right[key] || c.count-c.tooHigh > right[key] {
			t.Errorf("%s: %d, too high by %d at most, is %d", key, c.count, c.tooHigh, right[key])
		}
	}
}

func TestKeysThatAreNoTextOrLong(t *testing.T) {
	p := &partition{t: t}
	long := strings.Repeat("k", topKeyBytes+1)
	p.batch(record.CodecNone, -1, rec{"\xff", "1", 1}, rec{long, "1", 1}, rec{long, "1", 1})
	total, _ := p.analyze(0, p.next, exact)
	top := total.Keys.Top
	if len(top) != 2 || top[0].Key != long[:topKeyBytes] || !top[0].Cut || top[1].Key != "" || string(top[1].Base64) != "\xff" || top[1].Cut {
		t.Errorf("%+v", top)
	}
}

// TestMemoryIsBounded analyzes far more keys than may be remembered.
func TestMemoryIsBounded(t *testing.T) {
	topic := NewTopic(Options{MaxKeys: 100, Top: 5})
	a := topic.Partition(0, 0, 1<<40)
	p := &partition{t: t}
	for i := range 3000 {
		p.log = p.log[:0]
		p.batch(record.CodecNone, int64(i), rec{fmt.Sprint("k", i), "v", 1}, rec{fmt.Sprint("m", i), "v", 1})
		if _, err := a.Add(p.log, p.next-2); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.keys.keys) > 100 || len(topic.all.keys) > 100 || len(topic.top.counters) > topCounters {
		t.Errorf("%d and %d keys, %d counters", len(a.keys.keys), len(topic.all.keys), len(topic.top.counters))
	}
	topic.Done(a, now)
	total, _ := topic.Reports(now)
	if k := total.Keys; !k.Estimated || k.Distinct < 4000 || k.Distinct > 9000 {
		t.Errorf("%+v", k)
	}
}

func BenchmarkAdd(b *testing.B) {
	p := &partition{t: &testing.T{}}
	for i := range 1000 {
		records := make([]rec, 100)
		for j := range records {
			records[j] = rec{fmt.Sprint("key-", i*100+j), "some value of a record", 1}
		}
		p.batch(record.CodecNone, -1, records...)
	}
	b.SetBytes(int64(len(p.log)))
	for b.Loop() {
		if _, err := NewTopic(Options{MaxKeys: 50_000}).Partition(0, 0, p.next).Add(p.log, 0); err != nil {
			b.Fatal(err)
		}
	}
}
