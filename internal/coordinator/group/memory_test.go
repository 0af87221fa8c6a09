package group

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
)

// heapBytes is what is in use after everything unused is gone.
func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// shelf is a machine whose log nobody keeps, to see what the machine keeps.
type shelf struct {
	t  *testing.T
	m  *Machine
	at int64
}

// commit commits an offset for each partition of the group, in a transaction when there is a producer.
func (s *shelf) commit(groupID string, partitions int32, producerID int64) {
	s.t.Helper()
	for p := range partitions {
		s.at++
		r := offsetRecord(groupID, "a-topic-with-a-usual-name", p, offset{committed: s.at, leaderEpoch: 3, commitMs: s.at, expireMs: -1})
		if err := s.m.replay(s.at, producerID, r); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *shelf) end(producerID int64, commit bool) {
	s.at++
	if err := s.m.CompleteTransaction(s.at, producerID, 0, commit); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) apply(result machine.Result) {
	s.t.Helper()
	for _, r := range result.Records {
		s.at++
		if err := s.m.Replay(s.at, r); err != nil {
			s.t.Fatal(err)
		}
	}
}

// TestMemoryIsThatOfWhatIsThere: a shard's memory follows the groups and offsets that there are, and not how often they
// were committed, in how many transactions, or what there once was.
func TestMemoryIsThatOfWhatIsThere(t *testing.T) {
	if testing.Short() {
		t.Skip("collects garbage many times")
	}
	const groups, partitions = 5_000, 4
	name := func(i int) string { return fmt.Sprintf("consumers-of-application-%d", i) }
	s := &shelf{t: t, m: emptyMachine()}
	empty := heapBytes()
	for i := range groups {
		s.commit(name(i), partitions, -1)
	}
	full := heapBytes() - empty
	perGroup := full / groups
	t.Logf("%d bytes per group with %d offsets", perGroup, partitions)
	if perGroup > 1400 {
		t.Errorf("a group with %d offsets takes %d bytes", partitions, perGroup)
	}
	within := func(when string, limit int64) {
		t.Helper()
		if now := heapBytes() - empty; now > limit {
			t.Errorf("%s the machine holds %d bytes, more than %d", when, now, limit)
		}
	}

	producer := int64(0)
	for range 5 {
		for i := range groups {
			s.commit(name(i), partitions, -1)
			s.commit(name(i), partitions, producer)
			s.commit(name(i), partitions, producer)
			s.end(producer, i%2 == 0)
			producer++ // each transaction by a producer that is never seen again
		}
	}
	within("after many commits", full+full/10)

	for i := range groups {
		s.commit(name(i), partitions, int64(i))
	}
	within("with a transaction open for each group", 3*full)
	for i := range groups {
		s.end(int64(i), false)
	}
	within("after the aborts", full+full/4)

	s.apply(s.m.cleanUp(time.UnixMilli(s.at).Add(8 * 24 * time.Hour)))
	if len(s.m.groups) != 0 || len(s.m.offsets) != 0 || len(s.m.pending.byProducer) != 0 || len(s.m.pending.producers) != 0 {
		t.Fatalf("after the expiry there are %d groups", len(s.m.groups))
	}
	// What is left is the room of the map of groups, which Go's maps keep.
	within("after the expiry", full/3)
	runtime.KeepAlive(s)
}
