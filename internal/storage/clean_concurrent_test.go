package storage

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// TestCleaningBesideAppendsAndReads lets writers, readers and two cleaning threads loose on logs whose old files go at once. A value counts up
// for each key, so that who reads on must never see a smaller one, nor miss one that is the last.
func TestCleaningBesideAppendsAndReads(t *testing.T) {
	c := defaultTopic(compacted, smallSegments(2000), func(c *config.Topic) { c.FileDeleteDelay, c.DeleteRetention = 0, time.Millisecond })
	sink := &logSink{}
	m, err := OpenManager(context.Background(), ManagerOptions{
		FS: vfs.OS, Dirs: []string{t.TempDir()}, NodeID: 1, Default: c, Logger: slog.New(slog.NewTextHandler(sink, nil)), MaxOpenFiles: 8,
		Cleaner: CleanerOptions{Threads: 2, Backoff: time.Millisecond},
	})
	must(t, err)
	const keys, perLog = 9, 600
	var wg, readers sync.WaitGroup
	var done atomic.Bool
	var logs []*Log
	for partition := range int32(2) {
		l, err := m.GetOrCreate(TopicPartition{"beside", partition}, CreateOptions{Config: c})
		must(t, err)
		logs = append(logs, l)
		wg.Go(func() {
			for i := range perLog {
				builder := record.NewBuilder(record.Codec(i % 5))
				key, value := fmt.Sprint("key", i%keys), []byte(fmt.Sprint(i))
				must(t, builder.Append(&record.Record{Timestamp: time.Now().UnixMilli(), Key: []byte(key), Value: value}))
				batch, err := builder.Build()
				must(t, err)
				if _, err := l.Append(batch, AppendOptions{}); err != nil {
					t.Error(err)
					return
				}
				l.SetHighWatermark(l.LogEndOffset())
				if i%200 == 0 {
					must(t, l.Flush())
				}
			}
		})
		for range 2 {
			readers.Go(func() {
				for !done.Load() && !t.Failed() {
					readThrough(t, l, rand.Int64N(l.LogEndOffset()+1))
					if _, _, err := l.OffsetForTimestamp(testStart.UnixMilli()); err != nil {
						t.Errorf("a lookup by time: %v", err)
					}
				}
			})
		}
	}
	wg.Wait()
	deadline := time.Now().Add(20 * time.Second)
	for _, l := range logs {
		must(t, l.Roll())
		for l.cleanedTo.Load() < l.active().base && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
	}
	done.Store(true)
	readers.Wait()
	stats := m.CleanerStats()
	if stats.Failed > 0 || stats.Aborted > 0 || stats.Cleanings < 2 {
		t.Errorf("%+v", stats)
	}
	for _, l := range logs {
		if got := kept(t, l); len(got) != keys || got[perLog-1] != fmt.Sprintf("key%d=%d", (perLog-1)%keys, perLog-1) {
			t.Errorf("%s holds %v", l, got)
		}
	}
	must(t, m.Close())
	if problems, err := CheckDir(vfs.OS, m.dirs[0].path); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	if strings.Contains(sink.String(), "level=ERROR") || strings.Contains(sink.String(), "does not fit") {
		t.Error(sink)
	}
	t.Logf("%d cleanings, %d bytes read, %d written", stats.Cleanings, stats.BytesRead, stats.BytesWritten)
}

// readThrough reads from an offset to the end.
func readThrough(t *testing.T, l *Log, from int64) {
	last := -1
	for end := l.LogEndOffset(); from < end; {
		slice, err := l.Read(from, 4000, math.MaxInt64, true)
		if err != nil {
			t.Errorf("reading %s at %d: %v", l, from, err)
			return
		}
		data := make([]byte, slice.Len())
		n, err := slice.ReadAt(data, 0)
		slice.Release()
		if n != len(data) {
			t.Errorf("reading %s at %d: %d of %d bytes, %v", l, from, n, len(data), err)
			return
		}
		if len(data) == 0 {
			return
		}
		for len(data) > 0 {
			size, err := record.PeekSize(data)
			if err != nil || size > len(data) {
				break
			}
			b := record.Batch(data[:size:size])
			data = data[size:]
			records, recordsErr := b.Records(0)
			if b.CheckCRC() != nil || recordsErr != nil || b.LastOffset() < from {
				t.Errorf("reading at %d gave a batch from %d to %d: %v", from, b.BaseOffset(), b.LastOffset(), recordsErr)
				return
			}
			for _, r := range records {
				value, err := strconv.Atoi(string(r.Value))
				if err != nil || value <= last || int64(value) != b.BaseOffset()+int64(r.OffsetDelta) {
					t.Errorf("offset %d holds %q after %d", b.BaseOffset()+int64(r.OffsetDelta), r.Value, last)
					return
				}
				last = value
			}
			from = b.NextOffset()
		}
	}
}
