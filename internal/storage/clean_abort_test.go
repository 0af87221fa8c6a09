package storage

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/vfs"
)

// hookClock calls a function whenever the cleaner rests, which a tiny rate makes it do after each read and write.
type hookClock struct {
	*clock.Fake
	mu     sync.Mutex // guards the rest
	armed  bool
	extra  time.Duration
	during func(n int)
	count  int
}

func (h *hookClock) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.armed {
		h.extra += time.Second
	}
	return h.Fake.Now().Add(h.extra)
}

func (h *hookClock) AfterFunc(d time.Duration, f func()) clock.Timer {
	h.mu.Lock()
	hook := h.during
	mine := h.armed && d > 50*time.Minute && d < time.Hour
	if mine {
		h.count++
		h.extra += d
	}
	n := h.count
	h.mu.Unlock()
	if mine {
		hook(n)
		d = 0
		go f()
	}
	return h.Fake.AfterFunc(d, func() {
		if !mine {
			f()
		}
	})
}

// hooked is a bench with a log of 30 records under 5 keys in several segments, and a clock with a hook.
func hooked(t *testing.T) (*bench, *hookClock) {
	b := compactBench(t, func(c *config.Topic) { c.SegmentBytes = 500 })
	h := &hookClock{Fake: b.clock}
	b.close()
	b.options = func(o *ManagerOptions) {
		o.Clock = h
	}
	b.open()
	b.m.UpdateSettings(func(o *ManagerOptions) { o.Cleaner.MaxBytesPerSecond = 0.001 })
	l := b.log()
	for i := range 30 {
		b.put(l, nil, kv{fmt.Sprint("key", i%5), fmt.Sprint(i)})
	}
	b.roll(l)
	b.put(l, nil, kv{"active", "1"})
	return b, h
}

// atEveryMoment cleans a log again and again, and lets something happen at one moment after the other.
func atEveryMoment(t *testing.T, happen func(b *bench, l *Log), check func(t *testing.T, b *bench, l *Log, n int)) {
	for n := 1; ; n++ {
		b, h := hooked(t)
		l := b.log()
		happened := false
		h.during = func(i int) {
			if i == n {
				h.mu.Lock()
				h.armed = false // what happens now reads the clock too
				h.mu.Unlock()
				happen(b, l)
				h.mu.Lock()
				h.armed = true
				h.mu.Unlock()
				happened = true
			}
		}
		h.armed = true
		b.m.cleaner.cleanFilthiest(0)
		h.armed = false
		b.m.UpdateSettings(func(o *ManagerOptions) { o.Cleaner.MaxBytesPerSecond = 0 })
		if !happened {
			if n < 8 {
				t.Fatalf("only %d moments", n)
			}
			return
		}
		check(t, b, l, n)
		if t.Failed() {
			t.Fatalf("moment %d:\n%s", n, b.sink)
		}
	}
}

func lastOf(t *testing.T, l *Log) map[string]string {
	t.Helper()
	got := kept(t, l)
	last := map[string]string{}
	for offset := l.LogStartOffset(); offset < l.LogEndOffset(); offset++ {
		if key, value, ok := strings.Cut(got[offset], "="); ok {
			last[key] = value
		}
	}
	return last
}

func noStrayFiles(t *testing.T, b *bench, dir string) {
	t.Helper()
	entries, err := b.fs.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if strings.HasSuffix(e.Name, cleanedSuffix) || strings.HasSuffix(e.Name, swapSuffix) {
			t.Errorf("%s is left", e.Name)
		}
	}
}

func aborted(t *testing.T, b *bench) {
	t.Helper()
	if s := b.m.CleanerStats(); s.Aborted != 1 || s.Failed != 0 || s.Cleanings != 0 || len(s.Uncleanable) != 0 || len(s.Running) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestDeletingAPartitionWhileItIsCleaned(t *testing.T) {
	atEveryMoment(t, func(b *bench, l *Log) {
		must(b.t, b.m.Delete(testPartition))
		b.put(b.log(), nil, kv{"a", "of another topic"}) // under the same name
	}, func(t *testing.T, b *bench, l *Log, n int) {
		aborted(t, b)
		noStrayFiles(t, b, "/data/topic-0")
		b.restart()
		wantKept(t, b.log(), map[int64]string{0: "a=of another topic"})
		b.sound()
	})
}

func TestTruncatingALogWhileItIsCleaned(t *testing.T) {
	atEveryMoment(t, func(b *bench, l *Log) {
		must(b.t, l.TruncateTo(7))
		b.put(l, nil, kv{"key0", "new"})
	}, func(t *testing.T, b *bench, l *Log, n int) {
		aborted(t, b)
		noStrayFiles(t, b, "/data/topic-0")
		if l.cleanedTo.Load() > 7 {
			t.Errorf("the checkpoint is %d", l.cleanedTo.Load())
		}
		for range 2 {
			// What a record had replaced that is cut off below the high watermark may be gone with it.
			got := lastOf(t, b.log())
			for key, value := range map[string]string{"key1": "6", "key2": "2", "key3": "3", "key4": "4"} {
				if got[key] != value && (got[key] != "" || n < 7) {
					t.Errorf("%v", got)
				}
			}
			if got["key0"] != "new" || b.log().LogEndOffset() != 8 {
				t.Errorf("%v", got)
			}
			b.kill()
		}
		b.sound()
	})
}

func TestEmptyingALogWhileItIsCleaned(t *testing.T) {
	atEveryMoment(t, func(b *bench, l *Log) {
		must(b.t, l.TruncateFullyAndStartAt(100))
		b.put(l, nil, kv{"key0", "new"})
	}, func(t *testing.T, b *bench, l *Log, n int) {
		aborted(t, b)
		noStrayFiles(t, b, "/data/topic-0")
		b.kill()
		wantKept(t, b.log(), map[int64]string{100: "key0=new"})
		b.sound()
	})
}

func TestChangingThePolicyWhileALogIsCleaned(t *testing.T) {
	atEveryMoment(t, func(b *bench, l *Log) {
		l.UpdateConfig(defaultTopic(smallSegments(500)))
	}, func(t *testing.T, b *bench, l *Log, n int) {
		noStrayFiles(t, b, "/data/topic-0")
		b.topic = l.Config()
		if s := b.m.CleanerStats(); s.Aborted+s.Cleanings != 1 || s.Failed != 0 {
			t.Errorf("%+v", s)
		}
		want := lastOf(t, l)
		b.kill()
		if got := lastOf(t, b.log()); fmt.Sprint(got) != fmt.Sprint(want) || len(got) != 6 || got["key4"] != "29" {
			t.Errorf("%v", got)
		}
		b.sound()
	})
}

func TestDeletingRecordsWhileALogIsCleaned(t *testing.T) {
	atEveryMoment(t, func(b *bench, l *Log) {
		must(b.t, l.DeleteRecordsBefore(27))
	}, func(t *testing.T, b *bench, l *Log, n int) {
		if s := b.m.CleanerStats(); s.Failed != 0 || len(s.Uncleanable) != 0 {
			t.Errorf("%+v", s)
		}
		noStrayFiles(t, b, "/data/topic-0")
		b.clean()
		b.m.checkpoint((*logDir).writeStartOffsets)
		for range 2 {
			wantKept(t, b.log(), map[int64]string{27: "key2=27", 28: "key3=28", 29: "key4=29", 30: "active=1"})
			b.kill()
		}
		b.sound()
	})
}

func TestAppendingWhileALogIsCleaned(t *testing.T) {
	atEveryMoment(t, func(b *bench, l *Log) {
		b.put(l, nil, kv{"key0", "new"})
		b.roll(l)
		b.put(l, nil, kv{"key1", "newer"})
	}, func(t *testing.T, b *bench, l *Log, n int) {
		if s := b.m.CleanerStats(); s.Cleanings != 1 {
			t.Errorf("%+v", s)
		}
		for range 2 {
			wantKept(t, b.log(), map[int64]string{25: "key0=25", 26: "key1=26", 27: "key2=27", 28: "key3=28", 29: "key4=29", 30: "active=1", 31: "key0=new", 32: "key1=newer"})
			b.kill()
		}
		b.sound()
	})
}

func TestStoppingWhileALogIsCleaned(t *testing.T) {
	atEveryMoment(t, func(b *bench, l *Log) {
		b.m.stopTimers()
	}, func(t *testing.T, b *bench, l *Log, n int) {
		noStrayFiles(t, b, "/data/topic-0")
		b.kill()
		if got := lastOf(t, b.log()); len(got) != 6 || got["key4"] != "29" {
			t.Errorf("%v", got)
		}
		b.sound()
	})
}

func TestALogDirectoryFailsWhileALogIsCleaned(t *testing.T) {
	atEveryMoment(t, func(b *bench, l *Log) {
		l.dir.takeOffline("testing", errors.New("gone"))
	}, func(t *testing.T, b *bench, l *Log, n int) {
		if s := b.m.CleanerStats(); s.Failed != 0 || len(s.Uncleanable) != 0 || s.Cleanings != 0 {
			t.Errorf("%+v", s)
		}
		b.kill()
		if got := lastOf(t, b.log()); len(got) != 6 || got["key4"] != "29" {
			t.Errorf("%v", got)
		}
	})
}

func TestAFullDiskWhileALogIsCleaned(t *testing.T) {
	atEveryMoment(t, func(b *bench, l *Log) {
		b.mem.Inject(func(op vfs.Op, name string) vfs.Fault {
			if op == vfs.OpWrite || op == vfs.OpCreate || op == vfs.OpRename && strings.HasSuffix(name, cleanedSuffix) {
				return vfs.Fault{Err: syscall.ENOSPC, ShortBytes: 3}
			}
			return vfs.Fault{}
		})
	}, func(t *testing.T, b *bench, l *Log, n int) {
		b.mem.Inject(nil)
		if l.dir.online() != nil {
			t.Fatal("the directory is offline")
		}
		if s := b.m.CleanerStats(); s.Failed+s.Cleanings != 1 || len(s.Uncleanable) != 0 {
			t.Errorf("%+v", s)
		}
		noStrayFiles(t, b, "/data/topic-0")
		if b.clean() != 0 {
			t.Error("tried again at once")
		}
		b.clock.Advance(2 * retryAfter)
		if s := b.m.CleanerStats(); s.Cleanings == 0 {
			t.Errorf("never tried again: %+v", s)
		}
		if got := lastOf(t, b.log()); len(got) != 6 || got["key4"] != "29" {
			t.Errorf("%v", got)
		}
		b.sound()
	})
}
