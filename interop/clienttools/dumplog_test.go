//go:build interop

package clienttools

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Every log, index and snapshot of the broker's own directory prints the same.
func TestDumpLog(t *testing.T) {
	if target.dataDir == "" {
		t.Skip("the data directory of the broker is not known")
	}
	topic := createTopic(t, "1")
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		line := "h:1\tkey\t" + strings.Repeat(codec, 50) + "\n"
		apache(t, classes["kafka-console-producer"], strings.Repeat(line, 20), "--bootstrap-server", "BROKER", "--topic", topic, "--compression-codec", codec,
			"--reader-property", "parse.key=true", "--reader-property", "parse.headers=true")
	}
	transactions := []string{"--transaction-duration-ms", "5"}
	if ottla() {
		transactions = nil // it has none yet
	}
	ours(t, "kafka-producer-perf-test", "", append(transactions, "--bootstrap-server", "BROKER", "--topic", topic, "--num-records", "200",
		"--record-size", "500", "--throughput", "-1")...)
	ours(t, "kafka-console-consumer", "", "--bootstrap-server", "BROKER", "--topic", topic, "--group", topic, "--from-beginning", "--max-messages", "10")
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
	}
	if transactions != nil {
		cases = append(cases, []string{"--transaction-log-decoder", "--files", segments("__transaction_state-*/*.log")})
	}
	for _, args := range cases {
		t.Run(args[0], func(t *testing.T) {
			theirs, mine := both(t, same, "kafka-dump-log", "", args...)
			want, have := theirs.stderr, mine.stderr
			if theirs.code != 0 { // an exception and its stack
				want, have = fault(want), fault(have)
			}
			if want != have {
				t.Errorf("standard error\nhave %s\nwant %s", clip(have), clip(want))
			}
		})
	}
	t.Run("metadata", dumpMetadata)
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
