package coordinator

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/coordinator/memlog"
	"ottla.dev/ottla/internal/protocol"
)

func TestLoading(t *testing.T) {
	b := newBench(t)
	b.want(b.write("a", "1"), protocol.NotCoordinator)
	b.runtime.Load(0, 1, b.log)
	for i := range 100 {
		b.want(b.write(fmt.Sprint("key", i%7), fmt.Sprint(i)), nil)
	}
	want := b.values()

	b.runtime.Unload(0, 2)
	b.want(b.write("a", "1"), protocol.NotCoordinator)
	if !b.last.unloaded || b.log.Listeners() != 0 {
		t.Fatalf("unloaded: %v, %d listeners left", b.last.unloaded, b.log.Listeners())
	}

	b.hold = true
	b.runtime.Load(0, 3, b.log)
	b.want(b.write("a", "1"), protocol.CoordinatorLoadInProgress)
	b.loads[0]()
	if got := b.values(); !maps.Equal(got, want) || !b.last.loaded {
		t.Fatalf("loaded %v, want %v", got, want)
	}
	if len(b.last.offsets) != 100 {
		t.Fatalf("replayed %d records", len(b.last.offsets))
	}
}

func TestUnloadTellsWhoWaits(t *testing.T) {
	b := newBench(t)
	b.log.ManualHighWatermark = true
	b.runtime.Load(0, 5, b.log)
	waiting := b.write("a", "1")
	b.runtime.Unload(0, 4) // news of an older epoch
	b.wantPending(waiting)
	b.runtime.Unload(0, 6)
	b.want(waiting, protocol.NotCoordinator)
	b.log.Commit(1)
	if b.clock.Pending() != 0 {
		t.Fatalf("%d timers are left", b.clock.Pending())
	}
}

func TestUnloadWhileLoading(t *testing.T) {
	b := newBench(t)
	b.hold = true
	b.runtime.Load(0, 1, b.log)
	b.runtime.Unload(0, -1)
	b.runtime.Load(0, 3, b.log)
	b.want(b.write("a", "1"), protocol.CoordinatorLoadInProgress)
	b.loads[0]() // does both; what the first brings is not wanted any more
	b.want(b.write("a", "1"), nil)
	if b.log.Listeners() != 1 {
		t.Fatalf("%d shards listen", b.log.Listeners())
	}
}

func TestLoadsAreBounded(t *testing.T) {
	b := newBench(t)
	b.hold = true
	logs := make([]memlog.Log, 10)
	for i := range logs {
		b.runtime.Load(int32(i), 1, &logs[i])
	}
	if len(b.loads) != defaultMaxLoads {
		t.Fatalf("%d loads at a time", len(b.loads))
	}
	for _, load := range b.loads {
		load()
	}
	for partition := range int32(len(logs)) {
		b.runtime.Read(partition, func(*dictionary) {}, func(err error) { t.Errorf("partition %d: %v", partition, err) })
	}
}

func TestElectedAgainWhileBeingUnloaded(t *testing.T) {
	b := newBench(t)
	b.runtime.Load(0, 1, b.log)
	b.do(func(*dictionary, time.Time) machine.Result {
		// Both come while the shard is busy, so that the second meets the shard that the first will end.
		b.runtime.Unload(0, 2)
		b.runtime.Load(0, 3, b.log)
		return machine.Result{}
	})
	b.want(b.write("a", "1"), nil)
}

func TestSameLeaderInANewerEpoch(t *testing.T) {
	b := newBench(t)
	b.log.ManualHighWatermark = true
	b.runtime.Load(0, 1, b.log)
	waiting := b.write("a", "1")
	next := b.log.Clone()
	b.runtime.Load(0, 2, next)
	b.wantPending(waiting)
	next.Commit(1)
	b.want(waiting, nil)
	b.runtime.Load(0, 1, b.log) // old news
	b.write("a", "2")
	if len(next.Batches()) != 2 || len(b.log.Batches()) != 1 || b.log.Listeners() != 0 {
		t.Fatalf("%d batches in the new log, %d in the old", len(next.Batches()), len(b.log.Batches()))
	}
}

func TestFailedLoad(t *testing.T) {
	b := newBench(t)
	b.runtime.Load(0, 1, b.log)
	b.want(b.write("a", "1"), nil)
	b.runtime.Unload(0, -1)
	b.log.FailReads(errors.New("disk on fire"))
	b.runtime.Load(0, 2, b.log)
	b.want(b.write("b", "2"), protocol.NotCoordinator)
	b.log.FailReads(nil)
	b.runtime.Load(0, 3, b.log)
	b.want(b.write("b", "2"), nil)
	if got := b.values(); len(got) != 2 {
		t.Fatalf("values %v", got)
	}
}

func TestPoisonedLogIsNotServed(t *testing.T) {
	b := newBench(t)
	b.runtime.Load(0, 1, b.log)
	// A machine that writes what it cannot read has a mistake: it must not go on with half of it.
	b.want(b.write("a", "1", "poison", "2"), protocol.NotCoordinator)
	b.want(b.write("a", "1"), protocol.NotCoordinator)
	b.runtime.Load(0, 2, b.log)
	b.want(b.write("a", "1"), protocol.NotCoordinator)
}
