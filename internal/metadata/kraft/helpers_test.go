package kraft

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/record"
)

// The files of testdata, which Apache Kafka 4.3.1 wrote: go run ./interop/takeover -fixture internal/metadata/kraft/testdata
const (
	fixtureLog    = "00000000000000000000.log"
	fixtureFirst  = "00000000000000000089-0000000001.checkpoint"
	fixtureNewest = "00000000000000000190-0000000001.checkpoint"
)

// fixture returns the files of testdata, without some.
func fixture(t testing.TB, without ...string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range []string{fixtureLog, fixtureFirst, fixtureNewest} {
		if slices.Contains(without, name) {
			continue
		}
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	return files
}

func read(t testing.TB, dir fs.FS) *Log {
	t.Helper()
	l, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// tell writes a state as testdata/told.txt has it: what a client of Kafka sees.
func tell(s *State) string {
	var lines []string
	for _, t := range s.SortedTopics() {
		lines = append(lines, fmt.Sprintf("topic %s %s %d", t.Name, t.ID, len(t.Partitions)))
	}
	for r, configs := range s.Configs {
		for name, value := range configs {
			lines = append(lines, fmt.Sprintf("config %d %q %s=%s", r.Type, r.Name, name, value))
		}
	}
	for name, level := range s.Features {
		lines = append(lines, fmt.Sprintf("feature %s %d", name, level))
	}
	lines = append(lines, fmt.Sprintf("quotas %d", len(s.Quotas)))
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}

// written are batches of a log under construction.
type written struct {
	data   []byte
	offset int64
}

func (w *written) batch(t testing.TB, control bool, records ...record.Record) {
	t.Helper()
	b := record.NewBuilder(record.CodecNone)
	b.BaseOffset, b.LeaderEpoch, b.Control = w.offset, 1, control
	for i := range records {
		if err := b.Append(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if w.data, err = b.AppendTo(w.data); err != nil {
		t.Fatal(err)
	}
	w.offset += int64(len(records))
}

// add appends a batch of metadata records in their highest versions.
func (w *written) add(t testing.TB, records ...Record) {
	t.Helper()
	var values []record.Record
	for _, r := range records {
		values = append(values, record.Record{Value: AppendRecord(nil, r, r.MaxVersion())})
	}
	w.batch(t, false, values...)
}

func (w *written) log() fstest.MapFS { return fstest.MapFS{fixtureLog: {Data: w.data}} }

func id(n byte) metadata.UUID { return metadata.UUID{0: 7, 15: n} }

func level(n int16) Record {
	return &FeatureLevelRecord{Name: metadata.MetadataVersion, FeatureLevel: n}
}

func topic(name string, n byte) Record { return &TopicRecord{Name: name, TopicID: id(n)} }

func partition(n byte, index int32, replicas, isr []int32, dirs ...metadata.UUID) *PartitionRecord {
	return &PartitionRecord{TopicID: id(n), PartitionID: index, Replicas: replicas, ISR: isr, Leader: isr[0], LeaderEpoch: 5, PartitionEpoch: 9, Directories: dirs}
}

func text(s string) *string { return &s }
