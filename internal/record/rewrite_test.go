package record

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// TestRewriterAgainstBuilder takes records away from random batches, and compares what remains with a batch that was built of those records alone.
func TestRewriterAgainstBuilder(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var reader Reader
	var w Rewriter
	for range 500 {
		source, want := NewBuilder(Codec(random.IntN(5))), (*Builder)(nil)
		source.BaseOffset, source.LeaderEpoch = random.Int64N(1<<40), int32(random.IntN(100))
		source.ProducerID, source.ProducerEpoch, source.BaseSequence = random.Int64N(100), int16(random.IntN(9)), int32(random.IntN(1000))
		source.Transactional = random.IntN(2) == 0
		if random.IntN(3) == 0 {
			source.LogAppendTimeMs = 1_700_000_000_000
		}
		copied := *source
		want = &copied
		keep := map[int32]bool{}
		delta := int32(0)
		for range 1 + random.IntN(20) {
			r := &Record{Timestamp: 1_600_000_000_000 + random.Int64N(1000), Key: []byte(fmt.Sprint(delta)), Headers: []Header{{Key: "h", Value: nil}, {Key: "i", Value: []byte("x")}}}
			if random.IntN(3) > 0 {
				r.Value = bytes.Repeat([]byte("v"), random.IntN(200))
			}
			if err := source.AppendAt(delta, r); err != nil {
				t.Fatal(err)
			}
			if random.IntN(2) == 0 {
				keep[delta] = true
				kept := *r
				if source.LogAppendTimeMs != NoTimestamp {
					kept.Timestamp = source.LogAppendTimeMs
				}
				if err := want.AppendAt(delta, &kept); err != nil {
					t.Fatal(err)
				}
			}
			delta += 1 + int32(random.IntN(2))
		}
		batch, err := source.Build()
		if err != nil {
			t.Fatal(err)
		}
		if err := reader.Restart(batch, 0); err != nil {
			t.Fatal(err)
		}
		w.Begin(batch, NoTimestamp)
		for raw := (RawRecord{}); ; {
			if err := reader.NextRaw(&raw); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if keep[raw.OffsetDelta] {
				w.Keep(&raw)
			}
		}
		if w.NumRecords() != len(keep) {
			t.Fatalf("%d records, want %d", w.NumRecords(), len(keep))
		}
		if len(keep) == 0 {
			checkEmptied(t, batch)
			continue
		}
		got, err := w.AppendTo([]byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		want.lastDelta = batch.LastOffsetDelta()
		expected, err := want.Build()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got[6:], expected) {
			t.Fatalf("the batch that remains is\n%x, want\n%x", got[6:], expected)
		}
	}
}

func checkEmptied(t *testing.T, source Batch) {
	t.Helper()
	b := Batch(AppendEmptied(nil, source))
	records, err := b.Records(0)
	if err != nil || len(records) != 0 || b.CheckCRC() != nil || b.Size() != HeaderSize {
		t.Fatalf("%v, %v", records, err)
	}
	if b.BaseOffset() != source.BaseOffset() || b.LastOffset() != source.LastOffset() || b.LastSequence() != source.LastSequence() ||
		b.MaxTimestamp() != source.MaxTimestamp() || b.IsTransactional() != source.IsTransactional() || b.Codec() != CodecNone {
		t.Fatalf("%x does not stand for %x", b, source[:HeaderSize])
	}
}

func TestRewriterAllocatesNothingPerRecord(t *testing.T) {
	builder := NewBuilder(CodecNone)
	for i := range 1000 {
		if err := builder.Append(&Record{Timestamp: int64(i), Key: []byte("key"), Value: []byte("value"), Headers: []Header{{Key: "h"}}}); err != nil {
			t.Fatal(err)
		}
	}
	batch, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	var reader Reader
	var w Rewriter
	var out []byte
	var raw RawRecord
	if n := testing.AllocsPerRun(50, func() {
		if err := reader.Restart(batch, 0); err != nil {
			t.Fatal(err)
		}
		w.Begin(batch, 5)
		for i := 0; reader.NextRaw(&raw) == nil; i++ {
			if i%2 == 0 {
				w.Keep(&raw)
			}
		}
		out, err = w.AppendTo(out[:0])
	}); n > 0 || err != nil {
		t.Errorf("%v allocations, %v", n, err)
	}
	if ms, ok := Batch(out).DeleteHorizon(); !ok || ms != 5 || Batch(out).MaxTimestamp() != 998 {
		t.Errorf("%d, %v, %d", ms, ok, Batch(out).MaxTimestamp())
	}
}
