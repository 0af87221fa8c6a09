package storage

import (
	"path"
	"testing"

	"ottla.dev/ottla/internal/vfs"
)

// TestWhatAStopSyncs counts what a clean stop costs for each partition that has been written to: its batches, two indexes, the snapshot of its
// producers, its leader epochs and its topic id, each file once, and their names together.
func TestWhatAStopSyncs(t *testing.T) {
	b := newBench(t, defaultTopic())
	const partitions = 20
	for p := range int32(partitions) {
		l := b.logOf(TopicPartition{"topic", p})
		b.append(l, "x")
		if p%2 == 1 {
			must(t, l.Flush())
		}
	}
	files, dirs := map[string]int{}, map[string]int{}
	b.mem.Inject(func(op vfs.Op, name string) vfs.Fault {
		switch op {
		case vfs.OpSync:
			files[name]++
		case vfs.OpSyncDir:
			dirs[name]++
		}
		return vfs.Fault{}
	})
	b.close()
	b.mem.Inject(nil)
	of := map[string]int{}
	for name, n := range files {
		if n > 1 {
			t.Errorf("%s is synced %d times", name, n)
		}
		of[path.Dir(name)] += n
	}
	for p := range int32(partitions) {
		dir := "/data/" + TopicPartition{"topic", p}.String()
		most := 6
		if p%2 == 1 {
			most = 3 // what the flush has left: the snapshot, and the time index with its last entry
		}
		if of[dir] > most || dirs[dir] > 1 {
			t.Errorf("%s: %d syncs of files, %d of the directory", dir, of[dir], dirs[dir])
		}
	}
	b.open()
	b.sound()
}
