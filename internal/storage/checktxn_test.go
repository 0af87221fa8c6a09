package storage

import (
	"strings"
	"testing"

	"ottla.dev/ottla/internal/record"
)

// checkedTransactions is a closed directory with two segments: an aborted transaction in each, and an open one that spans both.
func checkedTransactions(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, defaultTopic())
	l := b.log()
	b.append(l, "plain")             // 0
	b.begin(l, 1)                    // 1, open for ever
	b.abort(l, 2)                    // 2, 3
	b.begin(l, 3)                    // 4
	if err := l.Roll(); err != nil { // at 5
		t.Fatal(err)
	}
	b.end(l, 3, record.ControlAbort) // 5
	b.begin(l, 2)                    // 6
	b.end(l, 2, record.ControlCommit)
	b.close()
	b.sound()
	return b
}

func TestCheckOfTransactions(t *testing.T) {
	first, second := "/data/topic-0/"+fileName(0, txnIndexSuffix), "/data/topic-0/"+fileName(5, txnIndexSuffix)
	snapshot := "/data/topic-0/" + fileName(5, snapshotSuffix)
	index := func(list ...AbortedTransaction) (data []byte) {
		for _, a := range list {
			data = AppendTransactionIndexEntry(data, a)
		}
		return data
	}
	snapshotOf := func(t *testing.T, b *bench, change func(*producerEntry) bool) []byte {
		list, err := ReadProducerSnapshot(b.fs, snapshot)
		if err != nil || len(list) != 3 {
			t.Fatal(list, err)
		}
		var entries []*producerEntry
		for i := range list {
			if e := list[i].entry(); change(e) {
				entries = append(entries, e)
			}
		}
		return appendSnapshot(nil, entries)
	}
	for name, c := range map[string]struct {
		file string
		data func(*testing.T, *bench) []byte // nil: the file is removed
		want string
	}{
		"as it is":       {first, func(*testing.T, *bench) []byte { return index(AbortedTransaction{2, 2, 3, 1}) }, ""},
		"no index":       {second, nil, "is missing: its records are shown"},
		"an empty index": {second, func(*testing.T, *bench) []byte { return nil }, "is missing: its records are shown"},
		"another start":  {first, func(*testing.T, *bench) []byte { return index(AbortedTransaction{2, 1, 3, 1}) }, "byte 0: it says"},
		"another stable": {first, func(*testing.T, *bench) []byte { return index(AbortedTransaction{2, 2, 3, 4}) }, "byte 0: it says"},
		"one too many": {first, func(*testing.T, *bench) []byte {
			return index(AbortedTransaction{2, 2, 3, 1}, AbortedTransaction{3, 2, 4, 1})
		}, "byte 34: it says"},
		"a committed one": {second, func(*testing.T, *bench) []byte {
			return index(AbortedTransaction{3, 4, 5, 1}, AbortedTransaction{2, 6, 7, 1})
		}, "byte 34: it says"},
		"half an entry": {first, func(*testing.T, *bench) []byte {
			return index(AbortedTransaction{2, 2, 3, 1}, AbortedTransaction{3, 2, 4, 1})[:40]
		}, "byte 34: corrupt"},
		"a strange entry": {first, func(*testing.T, *bench) []byte { return index(AbortedTransaction{2, 3, 3, 1}) }, "byte 0: corrupt"},
		"a snapshot as is": {snapshot, func(t *testing.T, b *bench) []byte {
			return snapshotOf(t, b, func(*producerEntry) bool { return true })
		}, ""},
		"a snapshot without an open transaction": {snapshot, func(t *testing.T, b *bench) []byte {
			return snapshotOf(t, b, func(e *producerEntry) bool { return e.id != 1 })
		}, "producer 1 is missing, whose transaction is open from offset 1 on"},
		"a snapshot that knows none": {snapshot, func(t *testing.T, b *bench) []byte {
			return snapshotOf(t, b, func(e *producerEntry) bool { e.txnFirstOffset = -1; return true })
		}, "the transaction of producer 1 begins at offset -1, and the batches say 1"},
		"a snapshot that knows one too many": {snapshot, func(t *testing.T, b *bench) []byte {
			return snapshotOf(t, b, func(e *producerEntry) bool { e.txnFirstOffset = 2; return e.id == 2 || e.id == 3 })
		}, "the transaction of producer 2 begins at offset 2, and the batches say -1"},
		"a snapshot with another epoch": {snapshot, func(t *testing.T, b *bench) []byte {
			return snapshotOf(t, b, func(e *producerEntry) bool { e.epoch++; return true })
		}, "has the epoch 1, and the batches say 0"},
		"a snapshot with another sequence": {snapshot, func(t *testing.T, b *bench) []byte {
			return snapshotOf(t, b, func(e *producerEntry) bool { e.batches[0].lastSequence++; return true })
		}, "the last batch of producer 1 ends at offset 1 with sequence 1"},
		"a snapshot of a producer that never was": {snapshot, func(t *testing.T, b *bench) []byte {
			return snapshotOf(t, b, func(e *producerEntry) bool {
				if e.id == 2 {
					e.id = 77
				}
				return true
			})
		}, "producer 77 has a batch at offset 2, and the log has none of it"},
	} {
		t.Run(name, func(t *testing.T) {
			b := checkedTransactions(t)
			if c.data == nil {
				if err := b.fs.Remove(c.file); err != nil {
					t.Fatal(err)
				}
			} else {
				writeFileOf(t, b.fs, c.file, c.data(t, b))
			}
			problems, err := CheckDir(b.fs, "/data")
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" && len(problems) == 0 {
				return
			}
			for _, p := range problems {
				if p.Path == c.file && strings.Contains(p.String(), c.want) && c.want != "" {
					return
				}
			}
			t.Errorf("the problems are %v, want %q", problems, c.want)
		})
	}
}
