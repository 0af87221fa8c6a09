package storage

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/config"
)

// overlapping is a partition that Apache Kafka 4.3.1 wrote, in testdata/apachetxn: four segments with transactions of three producers that overlap,
// under transaction.version 2; the last of one producer is open. answers.txt is what Kafka answered to read_committed fetches from
// every offset with three limits (the aborted lists), and to DescribeProducers.
var overlapping = TopicPartition{"overlap", 0}

func TestTransactionsOfApacheKafka(t *testing.T) {
	snapshotsAt := []int64{9, 18, 27, 35}
	indexesAt := []int64{9, 18, 27}
	remove := func(t *testing.T, b *bench, offset int64, suffix string) {
		t.Helper()
		if err := b.fs.Remove(join("/data/"+overlapping.String(), fileName(offset, suffix))); err != nil {
			t.Fatal(err)
		}
	}
	for name, prepare := range map[string]func(*testing.T, *bench){
		"closed in order": func(t *testing.T, b *bench) {
			writeFileOf(t, b.fs, "/data/"+cleanShutdownName, []byte(cleanShutdownText))
		},
		"killed": func(t *testing.T, b *bench) { remove(t, b, 35, snapshotSuffix) },
		"never flushed": func(t *testing.T, b *bench) {
			if err := b.fs.Remove("/data/" + recoveryPointCheckpointName); err != nil {
				t.Fatal(err)
			}
			for _, offset := range snapshotsAt {
				remove(t, b, offset, snapshotSuffix)
			}
			for _, offset := range indexesAt {
				remove(t, b, offset, txnIndexSuffix)
			}
		},
		"with damaged indexes": func(t *testing.T, b *bench) {
			writeFileOf(t, b.fs, "/data/"+cleanShutdownName, []byte(cleanShutdownText))
			for _, offset := range indexesAt {
				flipBit(t, b.fs, join("/data/"+overlapping.String(), fileName(offset, txnIndexSuffix)), 0)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := diskFrom(t, "testdata/apachetxn", defaultTopic(func(c *config.Topic) { c.IndexIntervalBytes = 150 }))
			b.sound()
			prepare(t, b)
			b.open()
			l, err := b.m.Get(overlapping)
			if err != nil {
				t.Fatal(err)
			}
			l.SetHighWatermark(l.LogEndOffset())
			answersOfKafka(t, l)
			b.abort(l, 99)
			b.restart()
			b.close()
			b.sound()
		})
	}
}

// answersOfKafka compares with everything in answers.txt.
func answersOfKafka(t *testing.T, l *Log) {
	t.Helper()
	file, err := os.Open("testdata/apachetxn/answers.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var producers []string
	fetches := 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		line := scanner.Text()
		var n int64
		switch {
		case strings.HasPrefix(line, "producer"):
			producers = append(producers, line)
		case strings.HasPrefix(line, "fetch"):
			fetches++
			if got := fetchOf(t, l, line); got != line {
				t.Errorf("%q, want %q", got, line)
			}
		case strings.HasPrefix(line, "end"):
			if fmt.Sscanf(line, "end %d", &n); n != l.LogEndOffset() {
				t.Errorf("the log ends at %d: %s", l.LogEndOffset(), line)
			}
		case strings.HasPrefix(line, "lso"):
			if fmt.Sscanf(line, "lso %d", &n); n != l.LastStableOffset() {
				t.Errorf("the last stable offset is %d: %s", l.LastStableOffset(), line)
			}
		}
	}
	states, err := l.ActiveProducers()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range states {
		got = append(got, fmt.Sprintf("producer %d epoch %d sequence %d coordinator %d open %d", s.ProducerID, s.ProducerEpoch, s.LastSequence, s.CoordinatorEpoch, s.CurrentTxnFirstOffset))
	}
	slices.Sort(producers)
	if fetches < 80 || !slices.Equal(got, producers) {
		t.Errorf("after %d fetches the producers are\n%s, want\n%s", fetches, strings.Join(got, "\n"), strings.Join(producers, "\n"))
	}
}

// fetchOf does what a line of answers.txt asks for, and returns the line that comes of it.
func fetchOf(t *testing.T, l *Log, line string) string {
	t.Helper()
	var from int64
	var maxBytes int
	if _, err := fmt.Sscanf(line, "fetch %d %d:", &from, &maxBytes); err != nil {
		t.Fatal(err)
	}
	slice, err := l.Read(from, maxBytes, l.LastStableOffset(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer slice.Release()
	list, err := slice.AbortedTransactions(nil, from)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("fetch %d %d:", from, maxBytes)
	for _, a := range list {
		got += fmt.Sprintf(" %d@%d", a.ProducerID, a.FirstOffset)
	}
	return got
}
