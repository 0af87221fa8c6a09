//go:build interop

package clienttools

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Every log, index and snapshot of the broker's own directory prints the same.
func TestDumpLog(t *testing.T) {
	if target.dataDir == "" {
		t.Skip("the data directory of the broker is not known")
	}
	topic := createTopic(t, "1", "segment.bytes=1048576") // several segments, hence snapshots of producers
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		line := "h:1\tkey\t" + strings.Repeat(codec, 50) + "\n"
		apache(t, classes["kafka-console-producer"], strings.Repeat(line, 20), "--bootstrap-server", "BROKER", "--topic", topic, "--compression-codec", codec,
			"--reader-property", "parse.key=true", "--reader-property", "parse.headers=true")
	}
	ours(t, "kafka-producer-perf-test", "", "--transaction-duration-ms", "5", "--bootstrap-server", "BROKER", "--topic", topic, "--num-records", "200",
		"--record-size", "500", "--throughput", "-1")
	ours(t, "kafka-console-consumer", "", "--bootstrap-server", "BROKER", "--topic", topic, "--group", topic, "--from-beginning", "--max-messages", "10")
	transact(t, topic)
	segments := func(pattern string) string {
		files, err := filepath.Glob(filepath.Join(target.dataDir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		return strings.Join(files, ",")
	}
	cases := [][]string{
		{"--files", segments(topic + "-0/*.log")},
		{"--deep-iteration", "--files", segments(topic + "-0/*.log")},
		{"--print-data-log", "--files", segments(topic + "-0/*.log")},
		{"--print-data-log", "--skip-record-metadata", "--files", segments(topic + "-0/*.log")},
		{"--max-bytes", "3000", "--files", segments(topic + "-0/*.log")},
		{"--files", segments(topic+"-0/*.index") + "," + segments(topic+"-0/*.timeindex")},
		{"--index-sanity-check", "--files", segments(topic+"-0/*.index") + "," + segments(topic+"-0/*.timeindex")},
		{"--offsets-decoder", "--files", segments("__consumer_offsets-*/*.log")},
		{"--transaction-log-decoder", "--files", segments("__transaction_state-*/*.log")},
		{"--files", segments(topic + "-0/*.txnindex")},
		{"--files", segments(topic + "-0/*.snapshot")},
	}
	for _, args := range cases {
		t.Run(args[0], func(t *testing.T) {
			theirs, mine := both(t, same, "kafka-dump-log", "", args...)
			want, have := sortedFiles(theirs.stderr), sortedFiles(mine.stderr)
			if theirs.code != 0 { // an exception and its stack
				want, have = fault(want), fault(have)
			}
			if strings.Contains(args[len(args)-1], ".txnindex") && strings.Count(theirs.stdout, "producerId: ") < 2 {
				t.Errorf("no aborted transactions in\n%s", clip(theirs.stdout))
			}
			if want != have {
				t.Errorf("standard error\nhave %s\nwant %s", clip(have), clip(want))
			}
		})
	}
	t.Run("metadata", dumpMetadata)
}

// sortedFiles sorts what is told of several files: Apache's tool keeps them in a hash table.
func sortedFiles(stderr string) string {
	const title = "Non-consecutive offsets in "
	before, rest, found := strings.Cut(stderr, title)
	if !found {
		return stderr
	}
	files := strings.Split(rest, title)
	slices.Sort(files)
	return before + title + strings.Join(files, title)
}

// transact fills more than one segment with transactions that commit or abort records and offsets.
func transact(t *testing.T, topic string) {
	t.Helper()
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(target.address), kgo.TransactionalID(topic), kgo.ConsumerGroup(topic+"-transactions"),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for i := range 9 {
		for { // a poll may bring nothing but an error that passes, of a coordinator that has just been made
			fetches := session.PollRecords(t.Context(), 5)
			if fetches.NumRecords() > 0 {
				break
			}
			if t.Context().Err() != nil || fetches.IsClientClosed() {
				t.Fatal("nothing to consume")
			}
			t.Logf("a poll without records: %v", fetches.Errors())
		}
		if err := session.Begin(); err != nil {
			t.Fatal(err)
		}
		if err := session.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: make([]byte, 400_000)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		commit := kgo.TransactionEndTry(i%3 != 1)
		if committed, err := session.End(t.Context(), commit); err != nil || committed != bool(commit) {
			t.Fatalf("transaction %d ended as %v, %v", i, committed, err)
		}
	}
}

// The metadata log grows all the time, so both tools read no more than it has now.
func dumpMetadata(t *testing.T) {
	file := filepath.Join(target.dataDir, "__cluster_metadata-0", "00000000000000000000.log")
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the broker has no metadata log")
	}
	if err != nil {
		t.Fatal(err)
	}
	both(t, same, "kafka-dump-log", "", "--cluster-metadata-decoder", "--max-bytes", strconv.FormatInt(info.Size(), 10), "--files", file)
}
