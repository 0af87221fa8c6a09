package record

import (
	"bytes"
	"fmt"
	"testing"
)

// raceEnabled is set by a file that is compiled with the race detector, under which pools drop things at random.
var raceEnabled bool

// TestValidateAllocates nothing per record, nor per batch in the usual case, with pools warm.
func TestValidateAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("pools keep less under the race detector")
	}
	for _, c := range allCodecs {
		produced := build(t, c, textRecords(200, 100)...)
		for _, appendTime := range []bool{false, true} {
			rules := openRules()
			rules.LogAppendTime = appendTime
			batch := produced.clone()
			var result Result
			allocs := testing.AllocsPerRun(50, func() {
				copy(batch, produced)
				var err error
				if result, err = Validate(batch, rules); err != nil {
					t.Fatal(err)
				}
			})
			if !bytes.Equal(result.Batches, batch) {
				t.Error("not in place")
			}
			// A collection may empty a pool in between, which AllocsPerRun's average hides for less than one per run.
			if allocs >= 1 {
				t.Errorf("%s, append time %v: %v allocations for a batch of 200 records", c, appendTime, allocs)
			}
		}
	}
}

// TestReaderAllocates at most its own few objects, and nothing per record without headers.
func TestReaderAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("pools keep less under the race detector")
	}
	for _, c := range allCodecs {
		batch := build(t, c, textRecords(200, 100)...)
		var one Record
		allocs := testing.AllocsPerRun(50, func() {
			r, err := NewReader(batch, 0)
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				err = r.Next(&one)
			}
			r.Close()
		})
		if allocs > 2 {
			t.Errorf("%s: %v allocations for a batch of 200 records", c, allocs)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	for _, size := range []int{100, 1000} {
		for _, c := range allCodecs {
			b.Run(fmt.Sprintf("%s/%dB", c, size), func(b *testing.B) {
				records := textRecords(100_000/size, size)
				batch := build(b, c, records...)
				rules := openRules()
				b.SetBytes(int64(100_000))
				b.ReportAllocs()
				for b.Loop() {
					batch.SetBaseOffset(0)
					if _, err := Validate(batch, rules); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkRecompress(b *testing.B) {
	for _, c := range allCodecs[1:] {
		b.Run(c.String(), func(b *testing.B) {
			batch := build(b, CodecNone, textRecords(100, 1000)...)
			rules := openRules()
			rules.Compression = c
			b.SetBytes(int64(len(batch)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Validate(batch, rules); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
