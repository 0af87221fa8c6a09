package storage

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ottla.dev/ottla/internal/vfs"
)

// heldFS is a file system on which an operation on files of one ending waits until a test lets it go.
type heldFS struct {
	vfs.FS
	op      vfs.Op // OpSync or OpCreate
	ending  string
	entered chan string // the name, when the operation has come
	gate    chan struct{}
	letGo   func()
	count   atomic.Int32
}

func newHeldFS(fs vfs.FS, op vfs.Op, ending string) *heldFS {
	h := &heldFS{FS: fs, op: op, ending: ending, entered: make(chan string, 100), gate: make(chan struct{})}
	h.letGo = sync.OnceFunc(func() { close(h.gate) })
	return h
}

func (h *heldFS) hold(op vfs.Op, name string) {
	if op == h.op && strings.HasSuffix(name, h.ending) {
		h.count.Add(1)
		h.entered <- name
		<-h.gate
	}
}

func (h *heldFS) Create(name string) (vfs.File, error) {
	h.hold(vfs.OpCreate, name)
	return h.wrap(h.FS.Create(name))
}

func (h *heldFS) OpenReadWrite(name string) (vfs.File, error) {
	return h.wrap(h.FS.OpenReadWrite(name))
}

func (h *heldFS) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &heldFile{f, h}, nil
}

type heldFile struct {
	vfs.File
	fs *heldFS
}

func (f *heldFile) Sync() error {
	f.fs.hold(vfs.OpSync, f.Name())
	return f.File.Sync()
}

// openHeld opens the bench's disk again with an operation held.
func (b *bench) openHeld(op vfs.Op, ending string) *heldFS {
	b.close()
	h := newHeldFS(b.mem, op, ending)
	b.fs = h
	b.t.Cleanup(h.letGo)
	b.open()
	return h
}

// giveTheOthersTime lets other goroutines come to where they wait, unless one has done what it should not.
func giveTheOthersTime(done func() bool) {
	for i := 0; i < 10000 && !done(); i++ {
		runtime.Gosched()
	}
}

// TestOneSyncServesAllWhoCameBefore: whoever comes while a sync is under way shares the next one.
func TestOneSyncServesAllWhoCameBefore(t *testing.T) {
	b := newBench(t, defaultTopic())
	h := b.openHeld(vfs.OpSync, logSuffix)
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
	<-h.entered // the sync of the first record has begun
	const latecomers = 50
	for i := range int64(latecomers) {
		b.fill(l, i+2)
		wait()
	}
	h.letGo()
	wg.Wait()
	if n := h.count.Load(); n != 2 {
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
	h := b.openHeld(vfs.OpCreate, epochCheckpointName+tmpSuffix)
	l := b.log()
	if _, err := l.Append(batchOf(t, b.clock.Now(), "value"), AppendOptions{LeaderEpoch: 77}); err != nil {
		t.Fatal(err)
	}
	flushed, deleted := make(chan error, 1), make(chan error, 1)
	go func() { flushed <- l.Flush() }()
	<-h.entered
	go func() {
		err := b.m.Delete(testPartition)
		if err == nil {
			_, err = b.m.GetOrCreate(testPartition, CreateOptions{TopicID: [16]byte{9}, Config: b.topic})
		}
		deleted <- err
	}()
	giveTheOthersTime(func() bool { return len(deleted) > 0 })
	h.letGo()
	if err := <-flushed; err != nil {
		t.Error(err)
	}
	if err := <-deleted; err != nil {
		t.Error(err)
	}
	fresh, err := b.m.Get(testPartition)
	if err != nil {
		t.Fatal(err)
	}
	b.fill(fresh, 3) // in epoch 0
	b.kill()
	if fresh, err = b.m.Get(testPartition); err != nil {
		t.Fatal(err)
	}
	if epoch, ok := fresh.LatestEpoch(); epoch != 0 || !ok {
		t.Errorf("the new partition has the epoch %d of the deleted one", epoch)
	}
}

// TestCloseWaitsForTheSyncer: once Close has returned, the directory may be another's.
func TestCloseWaitsForTheSyncer(t *testing.T) {
	b := newBench(t, defaultTopic())
	h := b.openHeld(vfs.OpSync, logSuffix)
	l := b.log()
	b.fill(l, 1)
	gate := make(chan struct{})
	var served, closed atomic.Bool
	l.WaitDurable(1, func(err error) {
		if err != nil {
			t.Error(err)
		}
		<-gate
		served.Store(true)
	})
	<-h.entered
	h.letGo()
	result := make(chan error)
	go func() {
		err := b.m.Close()
		closed.Store(true)
		result <- err
	}()
	giveTheOthersTime(closed.Load)
	if closed.Load() {
		t.Error("Close returned while a waiter was being served")
	}
	close(gate)
	if err := <-result; err != nil || !served.Load() {
		t.Errorf("served %v, %v", served.Load(), err)
	}
}
