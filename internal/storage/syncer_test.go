package storage

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"ottla.dev/ottla/internal/vfs"
)

// holdSyncs makes the syncs of a test's disk wait until they are let go, and counts them.
func holdSyncs(b *bench, suffix string) (entered chan string, letGo func(), count *atomic.Int32) {
	entered, gate, count := make(chan string, 100), make(chan struct{}), new(atomic.Int32)
	b.fs = &heldFS{FS: b.mem, suffix: suffix, entered: entered, gate: gate, count: count}
	return entered, sync.OnceFunc(func() { close(gate) }), count
}

// heldFS is a file system whose syncs of some files take as long as a test wants.
type heldFS struct {
	vfs.FS
	suffix  string
	entered chan string
	gate    chan struct{}
	count   *atomic.Int32
}

func (h *heldFS) hold(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &heldFile{f, h}, nil
}

func (h *heldFS) Create(name string) (vfs.File, error) { return h.hold(h.FS.Create(name)) }
func (h *heldFS) OpenReadWrite(name string) (vfs.File, error) {
	return h.hold(h.FS.OpenReadWrite(name))
}

type heldFile struct {
	vfs.File
	fs *heldFS
}

func (f *heldFile) Sync() error {
	if name := f.Name(); len(name) > len(f.fs.suffix) && name[len(name)-len(f.fs.suffix):] == f.fs.suffix {
		f.fs.count.Add(1)
		f.fs.entered <- name
		<-f.fs.gate
	}
	return f.File.Sync()
}

// TestOneSyncServesAllWhoCameBefore: whoever comes while a sync is under way shares the next one.
func TestOneSyncServesAllWhoCameBefore(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.close()
	entered, letGo, count := holdSyncs(b, logSuffix)
	defer letGo()
	b.open()
	l := b.log()
	var wg sync.WaitGroup
	wait := func() {
		wg.Add(1)
		l.WaitDurable(l.LogEndOffset(), func(err error) {
			defer wg.Done()
			if err != nil {
				t.Error(err)
			}
		})
	}
	b.fill(l, 1)
	wait()
	<-entered // the sync of the first record has begun
	const latecomers = 50
	for i := range int64(latecomers) {
		b.fill(l, i+2)
		wait()
	}
	letGo()
	wg.Wait()
	if n := count.Load(); n != 2 {
		t.Errorf("%d syncs served %d waiters, want 2", n, latecomers+1)
	}
	if l.DurableOffset() != latecomers+1 {
		t.Errorf("durable up to %d", l.DurableOffset())
	}
}

// TestDeletionWaitsForTheFlush: a flush that is under way must not write into the directory of a partition that has got the
// name of the deleted one.
func TestDeletionWaitsForTheFlush(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.close()
	entered, letGo, _ := holdSyncs(b, logSuffix)
	defer letGo()
	b.open()
	l := b.log()
	if err := l.AssignEpoch(77, 0); err != nil {
		t.Fatal(err)
	}
	b.fill(l, 1)
	flushed, deleted := make(chan error, 1), make(chan error, 1)
	go func() { flushed <- l.Flush() }()
	<-entered
	go func() {
		err := b.m.Delete(testPartition)
		if err == nil {
			_, err = b.m.GetOrCreate(testPartition, CreateOptions{TopicID: [16]byte{9}, Config: b.topic})
		}
		deleted <- err
	}()
	for i := 0; i < 10000 && len(deleted) == 0; i++ {
		runtime.Gosched() // if it does not wait it is through now
	}
	letGo()
	if err := <-flushed; err != nil {
		t.Error(err)
	}
	if err := <-deleted; err != nil {
		t.Error(err)
	}
	b.kill()
	fresh, err := b.m.Get(testPartition)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := fresh.EpochEntries(); err != nil || len(entries) != 0 {
		t.Errorf("the new partition has the epochs %v of the deleted one, %v", entries, err)
	}
}

// TestCloseWaitsForTheSyncer: once Close has returned, the directory may be another's.
func TestCloseWaitsForTheSyncer(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.close()
	entered, letGo, _ := holdSyncs(b, logSuffix)
	defer letGo()
	b.open()
	l := b.log()
	b.fill(l, 1)
	served := make(chan error, 1)
	l.WaitDurable(1, func(err error) { served <- err })
	<-entered
	go letGo()
	b.close()
	select {
	case err := <-served:
		if err != nil {
			t.Error(err)
		}
	default:
		t.Error("Close returned before the waiter was served")
	}
}
