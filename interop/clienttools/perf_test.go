//go:build interop

package clienttools

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestProducerPerformance(t *testing.T) {
	topic := createTopic(t, "2")
	base := []string{"--bootstrap-server", "BROKER", "--topic", topic, "--num-records", "1000", "--throughput", "-1"}
	cases := [][]string{
		{"--record-size", "100"},
		{"--payload-monotonic", "--warmup-records", "100"},
		{"--record-size", "40000", "--command-property", "compression.type=zstd", "linger.ms=0"},
		{"--record-size", "10", "--producer-props", "acks=1"},
		{"--record-size", "10", "--transaction-duration-ms", "50"},
	}
	for _, args := range cases {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			both(t, shape, "kafka-producer-perf-test", "", append(base, args...)...)
		})
	}
}

func TestConsumerPerformance(t *testing.T) {
	topic := createTopic(t, "1")
	ours(t, "kafka-producer-perf-test", "", "--bootstrap-server", "BROKER", "--topic", topic, "--num-records", "5000", "--throughput", "-1", "--record-size", "100")
	cases := [][]string{
		{"--num-records", "5000"},
		{"--messages", "5000", "--hide-header"},
		{"--num-records", "6000", "--timeout", "5000", "--date-format", "yy-M-d"},
		{"--num-records", "5000", "--from-latest", "--timeout", "1500"},
	}
	for _, args := range cases {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			theirs, mine := both(t, shape, "kafka-consumer-perf-test", "", append([]string{"--bootstrap-server", "BROKER", "--topic", topic}, args...)...)
			if a, b := consumed(theirs.stdout), consumed(mine.stdout); a != b {
				t.Errorf("consumed %s, Apache's %s", b, a)
			}
		})
	}
}

// consumed gives the megabytes and the records of the last line.
func consumed(stdout string) string {
	columns := strings.Split(lastLine(stdout), ", ")
	if len(columns) < 6 {
		return stdout
	}
	return columns[2] + " MB, " + columns[4] + " records"
}

// events reads JSON lines without their times.
func events(t *testing.T, lines string) (out []map[string]any) {
	t.Helper()
	for line := range strings.Lines(logged.ReplaceAllString(lines, "")) {
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		delete(event, "timestamp")
		delete(event, "avg_throughput")
		out = append(out, event)
	}
	return out
}

func TestVerifiableClients(t *testing.T) {
	yesterday := time.Now().Add(-24 * time.Hour).UnixMilli()
	cases := [][]string{
		{"--max-messages", "5"},
		{"--max-messages", "4", "--value-prefix", "3", "--repeating-keys", "2", "--acks", "1"},
		{"--max-messages", "2", "--message-create-time", strconv.FormatInt(yesterday, 10)}, // retention must not take them before they are read
	}
	for _, args := range cases {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			topics := []string{createTopic(t, "1"), createTopic(t, "1")}
			theirs := apache(t, classes["kafka-verifiable-producer"], "", append([]string{"--bootstrap-server", "BROKER", "--topic", topics[0]}, args...)...)
			mine := ours(t, "kafka-verifiable-producer", "", append([]string{"--bootstrap-server", "BROKER", "--topic", topics[1]}, args...)...)
			mine.stdout = strings.ReplaceAll(mine.stdout, topics[1], topics[0])
			sameEvents(t, theirs, mine)
			consume := []string{"--bootstrap-server", "BROKER", "--topic", topics[0], "--max-messages", "2", "--verbose", "--group-id"}
			theirs = apache(t, classes["kafka-verifiable-consumer"], "", append(consume, topics[0])...)
			mine = ours(t, "kafka-verifiable-consumer", "", append(consume, topics[1])...)
			sameEvents(t, theirs, mine)
		})
	}
}

func sameEvents(t *testing.T, theirs, mine result) {
	t.Helper()
	want, have := events(t, theirs.stdout), events(t, mine.stdout)
	if theirs.code != mine.code || !reflect.DeepEqual(want, have) {
		t.Errorf("code %d, Apache's %d\nhave %v\nwant %v\nstandard error %s", mine.code, theirs.code, have, want, clip(mine.stderr))
	}
}

// Wrong command lines end with the same code and name the same fault.
func TestUsageErrors(t *testing.T) {
	cases := []struct {
		name string
		args []string
	}{
		{"kafka-console-producer", []string{"--topic", "x"}},
		{"kafka-console-producer", []string{"--bootstrap-server", "BROKER"}},
		{"kafka-console-producer", []string{"--topic", "x", "--bootstrap-server", "nowhere"}},
		{"kafka-console-producer", []string{"--nonsense"}},
		{"kafka-console-consumer", []string{"--bootstrap-server", "BROKER"}},
		{"kafka-console-consumer", []string{"--topic", "x"}},
		{"kafka-console-consumer", []string{"--topic", "x", "--include", "y", "--bootstrap-server", "BROKER"}},
		{"kafka-console-consumer", []string{"--topic", "x", "--offset", "3", "--bootstrap-server", "BROKER"}},
		{"kafka-console-consumer", []string{"--topic", "x", "--partition", "0", "--offset", "-3", "--bootstrap-server", "BROKER"}},
		{"kafka-console-consumer", []string{"--topic", "x", "--partition", "0", "--group", "g", "--bootstrap-server", "BROKER"}},
		{"kafka-console-consumer", []string{"--topic", "x", "--formatter", "nope", "--bootstrap-server", "BROKER"}},
		{"kafka-console-consumer", []string{"--topic", "x", "--from-beginning", "--command-property", "auto.offset.reset=latest", "--bootstrap-server", "BROKER"}},
		{"kafka-consumer-perf-test", []string{"--topic", "x", "--bootstrap-server", "BROKER"}},
		{"kafka-consumer-perf-test", []string{"--topic", "x", "--num-records", "1"}},
		{"kafka-producer-perf-test", []string{"--topic", "x", "--num-records", "1", "--record-size", "1"}},
		{"kafka-producer-perf-test", []string{"--topic", "x", "--num-records", "0", "--throughput", "-1", "--record-size", "1", "--bootstrap-server", "BROKER"}},
		{"kafka-producer-perf-test", []string{"--topic", "x", "--num-records", "5", "--throughput", "-1", "--record-size", "1"}},
		{"kafka-verifiable-producer", []string{"--topic", "x", "--bootstrap-server", "BROKER", "--acks", "7"}},
		{"kafka-verifiable-consumer", []string{"--topic", "x", "--bootstrap-server", "BROKER"}},
		{"kafka-dump-log", []string{"--print-data-log"}},
	}
	for _, c := range cases {
		t.Run(c.name+" "+strings.Join(c.args, " "), func(t *testing.T) {
			theirs, mine := apache(t, classes[c.name], "", c.args...), ours(t, c.name, "", c.args...)
			if theirs.code != mine.code || fault(theirs.stderr) != fault(mine.stderr) {
				t.Errorf("code %d, Apache's %d\nhave %q\nwant %q", mine.code, theirs.code, fault(mine.stderr), fault(theirs.stderr))
			}
		})
	}
}

// fault is the message of an error: what follows "error:", without the blanks at which the option library wraps it, else the
// first line, without the class of an exception that nobody caught.
func fault(stderr string) string {
	if _, after, ok := strings.Cut(stderr, "error:"); ok {
		return strings.Join(strings.Fields(after), "")
	}
	first, _, _ := strings.Cut(stderr, "\n")
	if uncaught, ok := strings.CutPrefix(first, `Exception in thread "main" `); ok {
		if _, message, ok := strings.Cut(uncaught, ": "); ok {
			return message
		}
	}
	return strings.TrimSpace(first)
}
