package run

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/storage"
	"ottla.dev/ottla/internal/vfs"
)

var topicID = [16]byte{1}

func settings(t *testing.T, overrides map[string]string) *config.Topic {
	t.Helper()
	s, _, err := config.Load(config.LoadOptions{Fallback: config.Standalone("data")})
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Topic(overrides)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t *testing.T, overrides map[string]string) (*Manager, *Partition) {
	t.Helper()
	logs, err := storage.OpenManager(t.Context(), storage.ManagerOptions{FS: vfs.NewMem(), Dirs: []string{"data"}, NodeID: 1, Default: settings(t, nil)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = logs.Close() })
	m := NewManager(logs, slog.New(slog.DiscardHandler))
	if err := m.Become("topic", topicID, settings(t, overrides), []Replica{{Index: 0, LeaderEpoch: 3}, {Index: 2, LeaderEpoch: 3}}); err != nil {
		t.Fatal(err)
	}
	p, err := m.Partition("topic", 0)
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

func batch(t *testing.T, values ...string) []byte {
	t.Helper()
	b := record.NewBuilder(record.CodecNone)
	for _, v := range values {
		b.Append(&record.Record{Timestamp: 1, Value: []byte(v)})
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func appendTo(t *testing.T, p *Partition, values ...string) storage.AppendInfo {
	t.Helper()
	info, _, err := p.Append(batch(t, values...), storage.AppendOptions{Origin: storage.OriginClient})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestHighWatermarkFollowsTheAppend(t *testing.T) {
	_, p := open(t, nil)
	appendTo(t, p, "a", "b")
	if hw := p.Log().HighWatermark(); hw != 2 {
		t.Fatalf("the high watermark is %d after two records", hw)
	}
	if p.Advance(1, 0); p.Log().HighWatermark() != 2 {
		t.Fatal("the high watermark went back: appends finish in any order")
	}
	if epoch, ok := p.Log().LatestEpoch(); !ok || epoch != 3 {
		t.Fatalf("the log's epoch is %d", epoch)
	}
}

func TestDurableTopicShowsRecordsOnlyWhenTheyAreSafe(t *testing.T) {
	_, p := open(t, map[string]string{"ottla.flush.before.ack": "true"})
	info, durable, err := p.Append(batch(t, "a"), storage.AppendOptions{Origin: storage.OriginClient})
	if err != nil || !durable {
		t.Fatalf("durable %v, error %v", durable, err)
	}
	if hw := p.Log().HighWatermark(); hw != 0 {
		t.Fatalf("the high watermark is %d before the records are on stable storage", hw)
	}
	done := make(chan error, 1)
	p.AwaitDurable(info, func(err error) { done <- err })
	if err := <-done; err != nil || p.Log().HighWatermark() != 1 || p.Log().DurableOffset() < 1 {
		t.Fatalf("error %v, high watermark %d, durable up to %d", err, p.Log().HighWatermark(), p.Log().DurableOffset())
	}
}

func TestWaiterFiresOnceWhenEnoughHasArrived(t *testing.T) {
	_, p := open(t, nil)
	size := int64(len(batch(t, "a")))
	var fired atomic.Int32
	w := NewWaiter(2*size, func() { fired.Add(1) })
	w.Watch(p, 0)
	if appendTo(t, p, "a"); fired.Load() != 0 {
		t.Fatal("fired at half of what was asked for")
	}
	appendTo(t, p, "a")
	appendTo(t, p, "a")
	if w.Fire() || fired.Load() != 1 {
		t.Fatalf("fired %d times", fired.Load())
	}
	w.Stop()
	if p.waiting.Load() != 0 || p.waiters != nil {
		t.Fatal("a stopped waiter stays with its partition")
	}
}

func TestWaiterCountsWhatCameBeforeItWatched(t *testing.T) {
	_, p := open(t, nil)
	size := int64(len(batch(t, "a")))
	read := p.ArrivedBytes()
	appendTo(t, p, "a") // between reading and watching
	var fired atomic.Int32
	w := NewWaiter(size, func() { fired.Add(1) })
	if w.Watch(p, read); fired.Load() != 1 {
		t.Fatal("enough came between reading and watching, and nobody was told")
	}
	w.Stop()

	w = NewWaiter(2*size, func() { fired.Add(1) })
	if w.Watch(p, read); fired.Load() != 1 {
		t.Fatal("fired at half of what was asked for")
	}
	if appendTo(t, p, "a"); fired.Load() != 2 {
		t.Fatalf("not fired although all has come, %d bytes missing", w.missing.Load())
	}
	w.Stop()
}

func TestStoppedWaiterTakesNoPartition(t *testing.T) {
	_, p := open(t, nil)
	w := NewWaiter(1, func() {})
	w.Stop()
	if w.Watch(p, 0); p.waiting.Load() != 0 {
		t.Fatal("a waiter that was stopped while it registered stays with a partition")
	}
}

func TestDeletedTopicWakesAndIsGone(t *testing.T) {
	m, p := open(t, nil)
	var fired atomic.Int32
	w := NewWaiter(1, func() { fired.Add(1) })
	w.Watch(p, 0)
	if err := m.Delete(topicID); err != nil {
		t.Fatal(err)
	}
	if fired.Load() != 1 {
		t.Fatal("who waits for a deleted topic is not woken")
	}
	late := NewWaiter(1, func() { fired.Add(1) })
	if late.Watch(p, 0); fired.Load() != 2 {
		t.Fatal("who begins to wait for a deleted topic waits for ever")
	}
	if _, err := m.Partition("topic", 0); !errors.Is(err, protocol.UnknownTopicOrPartition) {
		t.Errorf("the partition: %v", err)
	}
	if byName, byID := m.TopicByName([]byte("topic")), m.TopicByID(topicID); byName != nil || byID != nil {
		t.Errorf("the topic: %v, %v", byName, byID)
	}
	if _, _, err := p.Append(batch(t, "a"), storage.AppendOptions{Origin: storage.OriginClient}); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("an append that found the partition before it was deleted: %v", err)
	}
}

func TestPartitionsThatAreNotHere(t *testing.T) {
	m, _ := open(t, nil)
	for _, test := range []struct {
		index int32
		want  protocol.Code
	}{{-1, protocol.UnknownTopicOrPartition}, {3, protocol.UnknownTopicOrPartition}, {1, protocol.KafkaStorageError}} {
		if _, err := m.Partition("topic", test.index); !errors.Is(err, test.want) {
			t.Errorf("partition %d: %v, want %v", test.index, err, test.want)
		}
	}
}

func TestCheckEpoch(t *testing.T) {
	_, p := open(t, nil)
	for epoch, want := range map[int32]protocol.Code{-1: protocol.None, 3: protocol.None, 2: protocol.FencedLeaderEpoch, 4: protocol.UnknownLeaderEpoch, -2: protocol.FencedLeaderEpoch} {
		if got := p.CheckEpoch(epoch); got != want {
			t.Errorf("epoch %d: %v, want %v", epoch, got, want)
		}
	}
}

func TestOnAdvance(t *testing.T) {
	_, p := open(t, nil)
	calls := 0
	cancel := p.OnAdvance(func() { calls++ })
	appendTo(t, p, "a")
	cancel()
	if appendTo(t, p, "a"); calls != 1 {
		t.Fatalf("called %d times, want once before it was cancelled", calls)
	}
}

func TestFindingAPartitionCostsNoAllocation(t *testing.T) {
	m, _ := open(t, nil)
	name := []byte("topic")
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := m.TopicByName(name).Partition(0); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Fatalf("%v allocations", allocs)
	}
}

// TestAWaiterMayStopItselfWhenItFires: an answer to a connection that has ended is thrown away at once, and takes its waiter off the
// partitions, in the very call that fired it. The append that did must not wait for itself.
func TestAWaiterMayStopItselfWhenItFires(t *testing.T) {
	m, p := open(t, nil)
	for _, test := range []struct {
		name string
		fire func()
	}{
		{"records arrive", func() { appendTo(t, p, "a") }},
		{"the partition's state changes", p.Interrupt},
		{"the topic is deleted", func() {
			if err := m.Delete(p.TopicID); err != nil {
				t.Error(err)
			}
		}},
	} {
		fired := make(chan struct{})
		var w *Waiter
		w = NewWaiter(1, func() {
			w.Stop()
			close(fired)
		})
		w.Watch(p, p.Log().HighWatermark())
		done := make(chan struct{})
		go func() {
			defer close(done)
			test.fire()
		}()
		select {
		case <-done:
			<-fired
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: who fired the waiter waits for itself", test.name)
		}
	}
}
