package node_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

const brokenRecords, brokenBatch = 2000, 10

// writtenDir is the data directory of a node that was closed in order, with a topic of several segments, and the names of its files.
func writtenDir(t *testing.T) (dir, partition string) {
	t.Helper()
	dir = t.TempDir()
	v := startVictim(t, dir, map[string]string{"log.index.interval.bytes": "4096"})
	create(t, v, "broken", map[string]string{"segment.bytes": "1048576", "max.message.bytes": "1000000"})
	a := attack(t, v.b.Addr())
	for range brokenRecords / brokenBatch {
		if p := produced(a, "broken", batch(t, record.CodecNone, brokenBatch, 1500)); p.ErrorCode != 0 {
			t.Fatal(protocol.Code(p.ErrorCode).Name())
		}
	}
	if err := v.b.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, filepath.Join(dir, "broken-0")
}

func files(t *testing.T, dir, suffix string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(names)
	return names
}

// damage changes the bytes of a file.
func damage(t *testing.T, name string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func flip(at func(size int) int) func([]byte) []byte {
	return func(b []byte) []byte { b[at(len(b))] ^= 0x10; return b }
}

func cutTo(size func(int) int) func([]byte) []byte {
	return func(b []byte) []byte { return b[:size(len(b))] }
}

// unclean makes the directory look as after a crash, before anything was known to be on stable storage.
func unclean(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{".kafka_cleanshutdown", "recovery-point-offset-checkpoint"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHostileAuxiliaryFiles damages or removes everything that can be made again from the batches, after a clean stop and after a crash.
// Nothing is lost, and what is missing is made again.
func TestHostileAuxiliaryFiles(t *testing.T) {
	half := func(n int) int { return n / 2 }
	all := func(int) int { return 0 }
	for _, test := range []struct {
		name  string
		crash bool
		do    func(t *testing.T, dir, partition string)
	}{
		{"offset indexes missing", false, remove(".index")},
		{"time indexes missing", false, remove(".timeindex")},
		{"snapshots missing", false, remove(".snapshot")},
		{"epoch file missing", false, remove("leader-epoch-checkpoint")},
		{"partition metadata missing", false, remove("partition.metadata")},
		{"offset indexes of zeros", false, changeAll(".index", func(b []byte) []byte { return make([]byte, len(b)) })},
		{"offset indexes of ones", false, changeAll(".index", func(b []byte) []byte { return slices.Repeat([]byte{0xff}, len(b)) })},
		{"offset indexes cut in an entry", false, changeAll(".index", func(b []byte) []byte { return b[:max(0, len(b)-3)] })},
		{"offset indexes empty", false, changeAll(".index", cutTo(all))},
		{"offset indexes too long", false, changeAll(".index", func(b []byte) []byte { return append(b, b...) })},
		{"time indexes of ones", false, changeAll(".timeindex", func(b []byte) []byte { return slices.Repeat([]byte{0xff}, len(b)) })},
		{"time indexes of noise", false, changeAll(".timeindex", func(b []byte) []byte { return []byte("this is no index at all, not even of the right length") })},
		{"snapshots cut", false, changeAll(".snapshot", cutTo(half))},
		{"epoch file of noise", false, changeAll("leader-epoch-checkpoint", func([]byte) []byte { return []byte("noise\n\x00") })},
		{"checkpoints of noise", false, func(t *testing.T, dir, _ string) {
			for _, name := range files(t, dir, "-checkpoint") {
				damage(t, name, func([]byte) []byte { return []byte("0\nmany\n") })
			}
		}},
		{"checkpoints empty", false, func(t *testing.T, dir, _ string) {
			for _, name := range files(t, dir, "-checkpoint") {
				damage(t, name, cutTo(all))
			}
		}},
		{"crash and indexes missing", true, func(t *testing.T, dir, p string) { remove(".index")(t, dir, p); remove(".timeindex")(t, dir, p) }},
		{"crash and indexes of ones", true, changeAll(".index", func(b []byte) []byte { return slices.Repeat([]byte{0xff}, len(b)) })},
		{"crash and snapshots cut", true, changeAll(".snapshot", cutTo(half))},
		{"crash and strange files", true, func(t *testing.T, dir, p string) {
			for _, name := range []string{"notes.txt", "00000000000000000abc.log", "00000000000000000007.log.deleted", "00000000000000000000.log.cleaned"} {
				if err := os.WriteFile(filepath.Join(p, name), []byte("?"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, partition := writtenDir(t)
			if test.crash {
				unclean(t, dir)
			}
			test.do(t, dir, partition)
			v := startVictim(t, dir, nil)
			if n := recordsOf(t, v, "broken"); n != brokenRecords {
				t.Errorf("%d of %d records are read", n, brokenRecords)
			}
			if p := produced(attack(t, v.b.Addr()), "broken", batch(t, record.CodecNone, 1, 10)); p.ErrorCode != 0 || p.BaseOffset != brokenRecords {
				t.Errorf("the next batch gets %s at %d", protocol.Code(p.ErrorCode).Name(), p.BaseOffset)
			}
			if log := v.log.since(0); strings.Contains(log, "level=ERROR") {
				t.Errorf("errors in the log:\n%.2000s", log)
			}
		})
	}
}

func remove(suffix string) func(t *testing.T, dir, partition string) {
	return func(t *testing.T, _, partition string) {
		names := files(t, partition, suffix)
		if len(names) == 0 {
			t.Fatalf("there is no %s", suffix)
		}
		for _, name := range names {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func changeAll(suffix string, change func([]byte) []byte) func(t *testing.T, dir, partition string) {
	return func(t *testing.T, _, partition string) {
		for _, name := range files(t, partition, suffix) {
			damage(t, name, change)
		}
	}
}

// TestHostileSegments damages the batches themselves. What is not sound is never served; what is sound before it, is.
func TestHostileSegments(t *testing.T) {
	last := func(names []string) string { return names[len(names)-1] }
	first := func(names []string) string { return names[0] }
	for _, test := range []struct {
		name   string
		crash  bool
		file   func([]string) string
		change func([]byte) []byte
		// atLeast so many records are read by a consumer from the start.
		atLeast int64
		log     []string
	}{
		{"crash and torn tail", true, last, cutTo(func(n int) int { return n - 100 }), brokenRecords - brokenBatch, []string{"level=WARN", "cut a log"}},
		{"crash and garbage at the end", true, last, func(b []byte) []byte { return append(b, "garbage that a disk has left"...) }, brokenRecords, []string{"level=WARN", "cutBytes=28"}},
		{"crash and zeros at the end", true, last, func(b []byte) []byte { return append(b, make([]byte, 5000)...) }, brokenRecords, []string{"level=WARN", "cut a log"}},
		{"crash and flipped bit in the last batch", true, last, flip(func(n int) int { return n - 50 }), brokenRecords - brokenBatch, []string{"level=WARN", "cut a log"}},
		{"crash and flipped bit in the first segment", true, first, flip(func(n int) int { return n / 2 }), 200, []string{"level=WARN", "cut a log"}},
		{"clean stop and torn tail", false, last, cutTo(func(n int) int { return n - 100 }), brokenRecords - brokenBatch, []string{"level=WARN", "damaged"}},
		{"clean stop and garbage at the end", false, last, func(b []byte) []byte { return append(b, "garbage that a disk has left"...) }, brokenRecords, []string{"level=WARN", "damaged"}},
		{"clean stop and last segment emptied", false, last, cutTo(func(int) int { return 0 }), 500, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, partition := writtenDir(t)
			if test.crash {
				unclean(t, dir)
			}
			damage(t, test.file(files(t, partition, ".log")), test.change)
			v := startVictim(t, dir, nil)
			n := recordsOf(t, v, "broken")
			if n < test.atLeast || n > brokenRecords {
				t.Errorf("%d records are read, want %d to %d", n, test.atLeast, brokenRecords)
			}
			if test.log != nil {
				v.log.waitFor(t, 0, append(test.log, "broken-0")...)
			}
			if p := produced(attack(t, v.b.Addr()), "broken", batch(t, record.CodecNone, 1, 10)); p.ErrorCode != 0 || p.BaseOffset != n {
				t.Errorf("the next batch gets %s at %d, want offset %d", protocol.Code(p.ErrorCode).Name(), p.BaseOffset, n)
			}
			if got := recordsOf(t, v, "broken"); got != n+1 {
				t.Errorf("then %d records are read, want %d", got, n+1)
			}
		})
	}
}
