package storage

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// readFileOf and writeFileOf reach around the storage, as a disk or an operator does.
func readFileOf(t testing.TB, fs vfs.FS, name string) []byte {
	t.Helper()
	data, err := readFile(fs, name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFileOf(t testing.TB, fs vfs.FS, name string, data []byte) {
	t.Helper()
	f, err := fs.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(data) == 0 {
		return
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedIndexesAreRebuilt(t *testing.T) {
	damages := map[string]func([]byte) []byte{
		"missing":                  nil,
		"empty":                    func([]byte) []byte { return nil },
		"cut inside an entry":      func(b []byte) []byte { return b[:len(b)-3] },
		"cut behind an entry":      func(b []byte) []byte { return b[:len(b)/24*12] },
		"filled with zeros":        func(b []byte) []byte { return append(b, make([]byte, 24*100)...) },
		"all zeros":                func(b []byte) []byte { return make([]byte, len(b)) },
		"last entry past the end":  func(b []byte) []byte { b[len(b)-4] = 0x7f; b[len(b)-8] = 0x7f; return b },
		"a wrong entry in between": func(b []byte) []byte { b[len(b)/48*24+5] ^= 0x40; return b },
		"a wrong position":         func(b []byte) []byte { b[len(b)/48*24+7] ^= 0x03; return b },
	}
	for _, suffix := range []string{indexSuffix, timeIndexSuffix} {
		for name, damage := range damages {
			for _, stop := range []string{"clean", "kill"} {
				t.Run(suffix+" "+name+" "+stop, func(t *testing.T) {
					b := newBench(t, defaultTopic(smallSegments(8000)))
					l := b.log()
					for n := l.LogEndOffset(); n < 150; n++ {
						b.append(l, valueAt(n))
						b.clock.Advance(1e6)
					}
					if stop == "clean" {
						b.close()
					} else {
						if err := l.Flush(); err != nil {
							t.Fatal(err)
						}
						if err := b.m.dirs[0].writeCheckpoints(); err != nil {
							t.Fatal(err)
						}
						b.m.settle() // what waits in memory would be lost with the process
						b.m.settle()
						b.abandon()
					}
					for _, file := range b.names("/data/topic-0", suffix) {
						path := "/data/topic-0/" + file
						if data := readFileOf(t, b.fs, path); damage != nil && len(data) > 0 {
							writeFileOf(t, b.fs, path, damage(data))
						} else if err := b.fs.Remove(path); err != nil {
							t.Fatal(err)
						}
					}
					b.open()
					l = b.log()
					holds(t, l, 0, 150)
					for n := int64(0); n < 150; n += 7 {
						found, ok, err := l.OffsetForTimestamp(testStart.UnixMilli() + n)
						if err != nil || suffix == indexSuffix && (!ok || found.Offset != n) {
							t.Errorf("the record of time +%d: %+v, %v, %v", n, found, ok, err)
						}
					}
					b.fill(l, 200)
					holds(t, l, 0, 200)
				})
			}
		}
	}
}

func TestMissingIndexesAreRebuiltSound(t *testing.T) {
	b := newBench(t, defaultTopic(smallSegments(8000)))
	l := b.log()
	for n := l.LogEndOffset(); n < 150; n++ {
		b.append(l, valueAt(n))
		b.clock.Advance(1e6)
	}
	b.close()
	before := map[string]string{}
	for _, file := range b.names("/data/topic-0", "index") {
		path := "/data/topic-0/" + file
		before[path] = string(readFileOf(t, b.fs, path))
		if err := b.fs.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	b.open()
	l = b.log()
	for n := int64(0); n < 150; n += 10 {
		if found, ok, err := l.OffsetForTimestamp(testStart.UnixMilli() + n); err != nil || !ok || found.Offset != n {
			t.Errorf("the record of time +%d: %+v, %v, %v", n, found, ok, err)
		}
	}
	b.logged("rebuilding the indexes")
	b.close()
	b.sound()
	for path, want := range before {
		if got := string(readFileOf(t, b.fs, path)); got != want {
			t.Errorf("%s has %d bytes and differs from before, with %d", path, len(got), len(want))
		}
	}
}

// Whatever is cut off or flipped in the batches after the recovery point: the log opens, and has a first part of what was
// appended, nothing else.
func TestDamagedBatchesAreCut(t *testing.T) {
	for seed := range uint64(120) {
		random := rand.New(rand.NewPCG(seed, 3))
		b := newBench(t, defaultTopic(smallSegments(1500)))
		b.fill(b.log(), 60)
		segments := b.log().list()
		damaged := segments[random.IntN(len(segments))]
		name := damaged.path(logSuffix)
		all := readFileOf(t, b.fs, name)
		victim, at := record.Batch(all), 0 // one of the batches, and where it stands
		for n := random.IntN(6); n > 0 && at+victim.Size() < len(all); n-- {
			at += victim.Size()
			victim = all[at:]
		}
		b.abandon()
		if random.IntN(2) == 0 {
			// The base offset and the leader epoch, which a broker writes, are not covered by the CRC.
			covered := append([]int64{8, 9, 10, 11}, random.Int64N(int64(victim.Size())-16)+16)
			flipBit(t, b.fs, name, int64(at)+covered[random.IntN(len(covered))])
		} else {
			writeFileOf(t, b.fs, name, all[:random.IntN(len(all))])
		}
		b.open()
		l := b.log()
		if l.LogEndOffset() > damaged.base+20 || l.LogEndOffset() < damaged.base || l.LogEndOffset() == 60 {
			t.Fatalf("seed %d: the log ends at %d, the damaged segment begins at %d", seed, l.LogEndOffset(), damaged.base)
		}
		b.logged("level=WARN")
		end := l.LogEndOffset()
		holds(t, l, 0, end)
		b.fill(l, end+10)
		b.restart()
		holds(t, b.log(), 0, end+10)
		b.close()
		b.sound()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// A batch below the recovery point is not read at a start. Its damage is found by whoever reads whole batches.
func TestDamageBelowTheRecoveryPointIsFoundByCheckAndReaders(t *testing.T) {
	b := newBench(t, defaultTopic())
	b.fill(b.log(), 20)
	at := int64(len(batches(t, b.log(), 0)[0]))*5 + 70
	b.close()
	name := "/data/topic-0/" + fileName(0, logSuffix)
	flipBit(t, b.fs, name, at)
	problems, err := CheckDir(b.fs, "/data")
	if err != nil || len(problems) != 1 || problems[0].Path != name || problems[0].Position != at-70 || !strings.Contains(problems[0].Message, "CRC") {
		t.Errorf("CheckDir found %v, %v", problems, err)
	}
	b.open()
	l := b.log()
	if err := l.ReadBatches(0, 20, nothing); !errors.Is(err, ErrCorrupt) || ErrorCode(err) != protocol.CorruptMessage {
		t.Errorf("ReadBatches: %v, %v", err, ErrorCode(err))
	}
	if _, err := l.Append(batchOf(t, testStart, "x"), AppendOptions{}); err != nil {
		t.Errorf("the log takes no more: %v", err)
	}
}

func TestDamagedSmallFiles(t *testing.T) {
	for _, name := range []string{
		recoveryPointCheckpointName, highWatermarkCheckpointName, startOffsetCheckpointName,
		"topic-0/" + epochCheckpointName, "topic-0/" + partitionMetadataName,
	} {
		for _, text := range []string{"", "garbage", "7\n1\ntopic 0 5\n", "0\n2\ntopic 0 5\n", "0\n1\ntopic 0 5\ntopic 1 5\n", "0\n-1\n", "0\n1\ntopic 0 99999999999999999999\n"} {
			t.Run(fmt.Sprintf("%s %q", name, text), func(t *testing.T) {
				b := newBench(t, defaultTopic())
				b.fill(b.log(), 20)
				b.close()
				writeFileOf(t, b.fs, "/data/"+name, []byte(text))
				if problems, err := CheckDir(b.fs, "/data"); err != nil || len(problems) != 1 || !strings.Contains(problems[0].Path, name) {
					t.Errorf("CheckDir found %v, %v", problems, err)
				}
				b.open()
				holds(t, b.log(), 0, 20)
				if epoch, ok := b.log().LatestEpoch(); epoch != 0 || !ok {
					t.Errorf("the latest epoch is %d, %v", epoch, ok)
				}
				b.fill(b.log(), 25)
				b.close()
				b.sound()
			})
		}
	}
}

func nothing(record.Batch) error { return nil }
