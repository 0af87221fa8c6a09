package storage

import (
	"strings"
	"testing"
	"time"

	"ottla.dev/ottla/internal/vfs"
)

// CheckDir must find each of these, and name the file.
func TestCheckDirFinds(t *testing.T) {
	const dir = "/data/topic-0/"
	first := dir + fileName(0, ".")
	for _, c := range []struct {
		name   string
		damage func(*bench)
		path   string
		text   string
	}{
		{"a flipped bit in a batch", func(b *bench) { flipBit(b.t, b.fs, first+"log", 63) }, first + "log", "CRC"},
		{"a tail that is cut", func(b *bench) { cutFile(b, first+"log", 30) }, first + "log", "not whole batches"},
		{"a segment that begins too early", func(b *bench) {
			data := readFileOf(b.t, b.fs, first+"log")
			writeFileOf(b.t, b.fs, dir+fileName(1, logSuffix), data)
		}, dir + fileName(1, logSuffix), "the segment before it ends at"},
		{"an index that points beside a batch", func(b *bench) { flipBit(b.t, b.fs, first+"index", 7) }, first + "index", "where no batch begins"},
		{"an index of another batch", func(b *bench) { flipBit(b.t, b.fs, first+"index", 3) }, first + "index", "points at a batch that ends at"},
		{"an index that is cut", func(b *bench) { cutFile(b, first+"index", 3) }, first + "index", "inside an entry"},
		{"a time index past the end", func(b *bench) { flipBit(b.t, b.fs, first+"timeindex", 8) }, first + "timeindex", "the segment ends at"},
		{"a damaged snapshot", func(b *bench) {
			name := b.names("/data/topic-0", snapshotSuffix)[0]
			flipBit(b.t, b.fs, dir+name, 3)
		}, snapshotSuffix, "CRC"},
		{"an epoch past the end", func(b *bench) { writeFileOf(b.t, b.fs, dir+epochCheckpointName, []byte("0\n1\n3 5000\n")) }, dir + epochCheckpointName, "past the end"},
		{"epochs out of order", func(b *bench) { writeFileOf(b.t, b.fs, dir+epochCheckpointName, []byte("0\n2\n3 5\n2 7\n")) }, dir + epochCheckpointName, "does not follow"},
		{"records that were durable are gone", func(b *bench) {
			writeFileOf(b.t, b.fs, "/data/"+recoveryPointCheckpointName, []byte("0\n1\ntopic 0 5000\n"))
		}, "/data/" + recoveryPointCheckpointName, "records are missing"},
		{"a start past the end", func(b *bench) {
			writeFileOf(b.t, b.fs, "/data/"+startOffsetCheckpointName, []byte("0\n1\ntopic 0 5000\n"))
		}, "/data/" + startOffsetCheckpointName, "said to start"},
		{"properties that do not parse", func(b *bench) { writeFileOf(b.t, b.fs, "/data/"+metaPropertiesName, []byte("version=9\n")) }, "/data/" + metaPropertiesName, "version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, defaultTopic(smallSegments(1500)))
			for i := range int32(40) {
				b.clock.Advance(time.Second)
				b.sent(b.log(), 1, 0, i, 1, int64(i), false)
			}
			b.close()
			b.sound()
			c.damage(b)
			problems, err := CheckDir(b.fs, "/data")
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems {
				if strings.HasSuffix(p.Path, c.path) && strings.Contains(p.String(), c.text) {
					return
				}
			}
			t.Errorf("CheckDir found %v; want %q in %s", problems, c.text, c.path)
		})
	}
	if _, err := CheckDir(vfs.NewMem(), "/none"); err == nil {
		t.Error("a directory that is not there was found sound")
	}
}

// cutFile removes the last bytes of a file.
func cutFile(b *bench, name string, bytes int) {
	b.t.Helper()
	data := readFileOf(b.t, b.fs, name)
	writeFileOf(b.t, b.fs, name, data[:len(data)-bytes])
}
