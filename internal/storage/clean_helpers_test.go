package storage

import (
	"maps"
	"testing"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
)

// compacted makes a topic compacted, and willing to be cleaned.
func compacted(c *config.Topic) {
	c.CleanupCompact, c.CleanupDelete, c.MinCleanableDirtyRate = true, false, 0
}

// compactBench is a bench whose topic is compacted and has small segments.
func compactBench(t testing.TB, changes ...func(*config.Topic)) *bench {
	return newBench(t, defaultTopic(append([]func(*config.Topic){compacted, smallSegments(1000)}, changes...)...))
}

// kv is a record's key and value; no value is a tombstone.
type kv struct{ key, value string }

// put appends a batch of records, and commits it.
func (b *bench) put(l *Log, set func(*record.Builder), records ...kv) AppendInfo {
	b.t.Helper()
	builder := record.NewBuilder(record.CodecNone)
	if set != nil {
		set(builder)
	}
	for _, r := range records {
		rec := record.Record{Timestamp: b.clock.Now().UnixMilli(), Key: []byte(r.key)}
		if r.value != "" {
			rec.Value = []byte(r.value)
		}
		if err := builder.Append(&rec); err != nil {
			b.t.Fatal(err)
		}
	}
	batch, err := builder.Build()
	if err != nil {
		b.t.Fatal(err)
	}
	return b.appendBatch(l, batch)
}

// roll begins a new segment, so that all before may be cleaned.
func (b *bench) roll(l *Log) {
	b.t.Helper()
	if err := l.Roll(); err != nil {
		b.t.Fatal(err)
	}
}

// clean cleans logs as long as one wants it, and returns how many cleanings that were.
func (b *bench) clean() (n int) {
	for b.m.cleaner.cleanFilthiest(0) {
		n++
		if n > 100 {
			b.t.Fatal("cleaning never ends")
		}
	}
	return n
}

// kept reads all records of a log, as "key=value" by offset.
func kept(t testing.TB, l *Log) map[int64]string {
	t.Helper()
	got := map[int64]string{}
	for _, b := range batches(t, l, l.LogStartOffset()) {
		if b.IsControl() {
			continue
		}
		records, err := b.Records(0)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			got[b.BaseOffset()+int64(r.OffsetDelta)] = string(r.Key) + "=" + string(r.Value)
		}
	}
	return got
}

func wantKept(t testing.TB, l *Log, want map[int64]string) {
	t.Helper()
	if got := kept(t, l); !maps.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", l, got, want)
	}
}
