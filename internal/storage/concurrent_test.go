package storage

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// TestReadsBesideEverything reads while records are appended, synced, rolled and removed by retention, with fewer open files than
// segments. Every read must see whole, consecutive, sound batches below its bound, or be told that the records are gone.
func TestReadsBesideEverything(t *testing.T) {
	for _, disk := range []struct {
		name string
		fs   vfs.FS
		dir  string
	}{{"os", vfs.OS, t.TempDir()}, {"mem", vfs.NewMem(), "/data"}} {
		t.Run(disk.name, func(t *testing.T) {
			topic := defaultTopic(smallSegments(4000), func(c *config.Topic) { c.RetentionBytes, c.FileDeleteDelay = 20000, time.Millisecond })
			m, err := OpenManager(context.Background(), ManagerOptions{
				FS: disk.fs, Clock: clock.Real{}, Logger: slog.New(slog.DiscardHandler), Dirs: []string{disk.dir}, Default: topic, MaxOpenFiles: 4,
			})
			if err != nil {
				t.Fatal(err)
			}
			l, err := m.GetOrCreate(testPartition, CreateOptions{Config: topic})
			if err != nil {
				t.Fatal(err)
			}
			const until = 1500
			var done atomic.Bool
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() { readUntil(t, l, &done) })
			}
			wg.Go(func() {
				for !done.Load() {
					if _, err := l.ApplyRetention(); err != nil {
						t.Error(err)
						return
					}
					wait := make(chan error, 1)
					l.WaitDurable(l.LogEndOffset(), func(err error) { wait <- err })
					if err := <-wait; err != nil {
						t.Error(err)
						return
					}
				}
			})
			for (l.LogEndOffset() < until || l.LogStartOffset() == 0 && l.LogEndOffset() < 100*until) && !t.Failed() {
				info, err := l.Append(batchOf(t, time.Now(), "some value", "and another one that is a little longer"), AppendOptions{})
				if err != nil {
					t.Error(err)
					break
				}
				l.SetHighWatermark(info.LastOffset + 1)
			}
			done.Store(true)
			wg.Wait()
			if l.LogStartOffset() == 0 {
				t.Error("retention removed nothing")
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func readUntil(t *testing.T, l *Log, done *atomic.Bool) {
	next := int64(0)
	for last := false; !last; {
		last = done.Load()
		bound := l.HighWatermark()
		slice, err := l.Read(max(next, l.LogStartOffset()), 1500, bound, true)
		if errors.Is(err, ErrOffsetOutOfRange) {
			next = l.LogStartOffset()
			continue
		}
		if err != nil {
			t.Error(err)
			return
		}
		data := make([]byte, slice.Len())
		if _, err := slice.ReadAt(data, 0); err != nil && !(err == io.EOF && len(data) == 0) {
			t.Errorf("reading %d bytes: %v", len(data), err)
		}
		slice.Release()
		for {
			batch, rest, err := record.Next(data)
			if err != nil {
				break // the end, or a cut batch
			}
			if err := batch.CheckCRC(); err != nil || batch.LastOffset() >= bound {
				t.Errorf("batch %d to %d below %d: %v", batch.BaseOffset(), batch.LastOffset(), bound, err)
				return
			}
			if batch.BaseOffset() > next && batch.BaseOffset() > l.LogStartOffset() {
				t.Errorf("after offset %d came %d", next-1, batch.BaseOffset())
				return
			}
			next, data = batch.NextOffset(), rest
		}
	}
}
