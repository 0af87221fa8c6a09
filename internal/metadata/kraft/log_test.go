package kraft

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"ottla.dev/ottla/internal/config/storageformat"
	"ottla.dev/ottla/internal/record"
)

func TestKafkasLogTellsWhatKafkaTold(t *testing.T) {
	told, err := os.ReadFile("testdata/told.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(string(told), "producer ids after 0\n", "", 1)
	for _, test := range []struct {
		name    string
		without []string
	}{
		{"the newest snapshot and the rest of the log", nil}, {"an older snapshot", []string{fixtureNewest}}, {"no snapshot", []string{fixtureNewest, fixtureFirst}},
	} {
		l := read(t, fixture(t, test.without...))
		if got := tell(l.State); got != want {
			t.Errorf("%s: got\n%swant\n%s", test.name, got, want)
		}
		if l.State.NextProducerID != 1000 || l.Epoch != 1 || l.TornBytes != 0 || l.OpenTransaction != 0 {
			t.Errorf("%s: next producer id %d, epoch %d, %d torn bytes, open transaction of %d", test.name, l.State.NextProducerID, l.Epoch, l.TornBytes, l.OpenTransaction)
		}
		if len(l.State.Credentials) != 2 || l.State.Brokers[1] == nil || len(l.State.Brokers[1].LogDirs) != 1 {
			t.Errorf("%s: %d credentials, broker 1 %+v", test.name, len(l.State.Credentials), l.State.Brokers[1])
		}
	}
}

func TestSnapshotsAndTheLogAgree(t *testing.T) {
	all, newest := read(t, fixture(t, fixtureNewest, fixtureFirst)), read(t, fixture(t))
	if all.End != newest.End || newest.Snapshot == nil || newest.Snapshot.Offset != 190 {
		t.Fatalf("ends %d and %d, snapshot %+v", all.End, newest.End, newest.Snapshot)
	}
	for id, topic := range all.State.Topics {
		other := newest.State.Topics[id]
		for i, p := range topic.Partitions {
			if o := other.Partitions[i]; o == nil || o.LeaderEpoch != p.LeaderEpoch || o.PartitionEpoch != p.PartitionEpoch || o.Leader != p.Leader || !reflect.DeepEqual(o.Directories, p.Directories) {
				t.Errorf("%s-%d: %+v in the log, %+v with the snapshot", topic.Name, i, p, o)
			}
		}
	}
}

// A crash cuts the last write anywhere. Everything before it counts.
func TestTornEnd(t *testing.T) {
	whole := fixture(t, fixtureNewest, fixtureFirst)[fixtureLog].Data
	last, end := lastBatch(t, whole)
	for cut := last + 1; cut < len(whole); cut++ {
		l := read(t, fstest.MapFS{fixtureLog: {Data: whole[:cut]}})
		if l.End != end || l.TornBytes != cut-last {
			t.Fatalf("cut at %d: the log ends at %d, %d bytes torn; want %d and %d", cut, l.End, l.TornBytes, end, cut-last)
		}
	}
	garbled := bytes.Clone(whole)
	garbled[len(garbled)-1] ^= 1
	if l := read(t, fstest.MapFS{fixtureLog: {Data: garbled}}); l.End != end {
		t.Fatalf("a garbled last batch: the log ends at %d, want %d", l.End, end)
	}
	zeros := append(bytes.Clone(whole), make([]byte, 5000)...)
	if l := read(t, fstest.MapFS{fixtureLog: {Data: zeros}}); l.TornBytes != 5000 {
		t.Fatalf("%d bytes torn, want the zeros", l.TornBytes)
	}
}

func lastBatch(t *testing.T, data []byte) (position int, base int64) {
	t.Helper()
	for rest := data; len(rest) > 0; {
		batch, next, err := record.Next(rest)
		if err != nil {
			t.Fatal(err)
		}
		position, base, rest = len(data)-len(rest), batch.BaseOffset(), next
	}
	return position, base
}

// What a crash cannot do is damage: no byte before the last batch may be wrong without a word.
func TestDamage(t *testing.T) {
	whole := fixture(t, fixtureNewest, fixtureFirst)[fixtureLog].Data
	last, _ := lastBatch(t, whole)
	for at := 0; at < last; at += 7 {
		data := bytes.Clone(whole)
		data[at] ^= 0x55
		_, err := Read(fstest.MapFS{fixtureLog: {Data: data}})
		if leaderEpoch(t, whole, at) {
			continue // outside the checksum, and of no meaning here
		}
		var damaged *DamagedError
		if !errors.As(err, &damaged) || !strings.Contains(err.Error(), fixtureLog) {
			t.Fatalf("byte %d: got %v, want an error that names the file", at, err)
		}
	}
}

// leaderEpoch tells whether a byte is one of a batch's leader epoch.
func leaderEpoch(t *testing.T, data []byte, at int) bool {
	t.Helper()
	for rest := data; len(rest) > 0; {
		batch, next, err := record.Next(rest)
		if err != nil {
			t.Fatal(err)
		}
		if start := len(data) - len(rest); at < start+batch.Size() {
			return at >= start+12 && at < start+16
		}
		rest = next
	}
	return false
}

func TestDamagedFiles(t *testing.T) {
	snapshot := fixture(t)[fixtureNewest].Data
	log := fixture(t)[fixtureLog].Data
	footer, _ := lastBatch(t, snapshot)
	flipped := bytes.Clone(snapshot)
	flipped[len(flipped)/2] ^= 1
	var gap written
	gap.add(t, level(30))
	gap.offset++
	gap.add(t, topic("a", 1))
	later := strings.Replace(fixtureLog, "000.log", "300.log", 1)
	tests := []struct {
		name string
		dir  fstest.MapFS
		want string
	}{
		{"snapshot without its end", fstest.MapFS{fixtureNewest: {Data: snapshot[:footer]}}, "was not written to its end"},
		{"empty snapshot", fstest.MapFS{fixtureNewest: {}}, "was not written to its end"},
		{"snapshot with a wrong byte", fstest.MapFS{fixtureNewest: {Data: flipped}}, "no sound batch"},
		{"snapshot with more", fstest.MapFS{fixtureNewest: {Data: append(bytes.Clone(snapshot), snapshot...)}}, "something follows its end"},
		{"log that begins later", fstest.MapFS{later: {Data: log}}, "begins at offset 300"},
		{"hole in the offsets", gap.log(), "offset 2 stands where 1 should"},
		{"torn segment that is not the last", fstest.MapFS{fixtureLog: {Data: log[:len(log)-3]}, later: {}}, "no sound batch"},
	}
	for _, test := range tests {
		_, err := Read(test.dir)
		var damaged *DamagedError
		if !errors.As(err, &damaged) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}

func TestALaterKafkaIsNoDamage(t *testing.T) {
	for _, value := range [][]byte{{1, 99, 0, 0}, {1, 2, 9, 0}} {
		var w written
		w.batch(t, false, record.Record{Value: value})
		_, err := Read(w.log())
		var unknown *UnknownError
		var damaged *DamagedError
		if !errors.As(err, &unknown) || errors.As(err, &damaged) {
			t.Errorf("%v: %v", value, err)
		}
	}
}

func TestTransactions(t *testing.T) {
	var w written
	w.add(t, level(30), &BeginTransactionRecord{Name: text("x")}, topic("kept", 1))
	w.add(t, partition(1, 0, []int32{1}, []int32{1}))
	w.add(t, &EndTransactionRecord{})
	w.add(t, &BeginTransactionRecord{}, topic("dropped", 2))
	w.add(t, &AbortTransactionRecord{Reason: text("no")}, &ConfigRecord{ResourceType: 2, ResourceName: "kept", Name: "a", Value: text("1")})
	w.add(t, &BeginTransactionRecord{}, topic("open", 3), partition(3, 0, []int32{1}, []int32{1}))
	l := read(t, w.log())
	if l.OpenTransaction != 2 || len(l.State.Topics) != 1 || l.State.Topic("kept") == nil || l.End != w.offset {
		t.Fatalf("%d records open, topics %v, end %d", l.OpenTransaction, l.State.SortedTopics(), l.End)
	}
	for name, records := range map[string][]Record{"twice": {&BeginTransactionRecord{}, &BeginTransactionRecord{}}, "none": {&EndTransactionRecord{}}} {
		var w written
		w.add(t, records...)
		if _, err := Read(w.log()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What is written as a snapshot reads back the same, voters included, and is what Apache Kafka's own would be.
func TestSnapshotReadsBack(t *testing.T) {
	l := read(t, fixture(t))
	l.KRaftVersion, l.Voters = 1, []storageformat.Voter{{ID: 1, DirectoryID: "bRwkCA6FSiOAbsoYBlZQkA", Listener: "CONTROLLER", Host: "h", Port: 9}}
	data, err := l.AppendSnapshot(nil, time.UnixMilli(1))
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadSnapshot(bytes.NewReader(data), SnapshotID{Offset: l.End, Epoch: l.Epoch})
	if err != nil {
		t.Fatal(err)
	}
	again.Snapshot, l.Snapshot = nil, nil
	if !reflect.DeepEqual(again, l) {
		t.Fatalf("got  %+v\nwant %+v", again, l)
	}
}

func TestAnEmptyDirectorySaysNothing(t *testing.T) {
	if l := read(t, fstest.MapFS{"quorum-state": {}, "00000000000000000000.index": {}}); !l.State.Empty() || l.End != 0 {
		t.Fatalf("%+v", l)
	}
	data, err := storageformat.EncodeVoters(1, []storageformat.Voter{{ID: 1, DirectoryID: "bRwkCA6FSiOAbsoYBlZQkA"}}, time.UnixMilli(1))
	if err != nil {
		t.Fatal(err)
	}
	l := read(t, fstest.MapFS{SnapshotID{}.FileName(): {Data: data}})
	if !l.State.Empty() || l.KRaftVersion != 1 || len(l.Voters) != 1 {
		t.Fatalf("a formatted directory: %+v", l)
	}
}
