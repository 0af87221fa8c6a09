package storage

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
)

// BenchmarkCleaning cleans a log of 64 MB on disk: batches of 100 records of 100 bytes, of which every second one is replaced by a later one.
func BenchmarkCleaning(b *testing.B) {
	for _, codec := range []record.Codec{record.CodecNone, record.CodecLz4, record.CodecZstd} {
		b.Run(codec.String(), func(b *testing.B) {
			const records = 640_000
			var read, written int64
			for range b.N {
				b.StopTimer()
				bench := onDisk(b)
				bench.topic = defaultTopic(compacted, func(c *config.Topic) { c.SegmentBytes = 16 << 20 })
				l := bench.log()
				fillForCleaning(b, l, codec, records)
				bench.roll(l)
				must(b, l.Flush())
				runtime.GC()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				b.StartTimer()
				if bench.clean() != 1 {
					b.Fatal(bench.sink)
				}
				b.StopTimer()
				runtime.ReadMemStats(&after)
				s := bench.m.CleanerStats().LastOfThread[0]
				read, written = read+s.BytesRead, written+s.BytesWritten
				b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(s.RecordsRead), "allocs/record")
				b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/(1<<20), "allocatedMB")
				b.ReportMetric(float64(s.MapBytes)/(1<<20), "mapMB")
				bench.close()
				b.StartTimer()
			}
			b.ReportMetric(float64(read)/(1<<20)/b.Elapsed().Seconds(), "MB/s")
			b.ReportMetric(float64(written)/float64(read), "kept")
		})
	}
}

func fillForCleaning(t testing.TB, l *Log, codec record.Codec, records int) {
	t.Helper()
	builder := record.NewBuilder(codec)
	value := make([]byte, 80)
	for i := 0; i < records; {
		builder.Reset()
		for range 100 {
			binary.BigEndian.PutUint64(value, uint64(i)*2654435761)
			copy(value[8:], fmt.Sprintf("%032d", i))
			key := fmt.Sprintf("key-%012d", i*7919%(records/2))
			if err := builder.Append(&record.Record{Timestamp: testStart.UnixMilli(), Key: []byte(key), Value: value}); err != nil {
				t.Fatal(err)
			}
			i++
		}
		batch, err := builder.Build()
		must(t, err)
		if _, err := l.Append(batch, AppendOptions{}); err != nil {
			t.Fatal(err)
		}
		l.SetHighWatermark(l.LogEndOffset())
	}
}
