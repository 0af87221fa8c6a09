//go:build interop

package clienttools

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var everything = []string{
	"--formatter-property", "print.key=true", "--formatter-property", "print.headers=true", "--formatter-property", "print.partition=true",
	"--formatter-property", "print.offset=true", "--formatter-property", "print.epoch=true", "--formatter-property", "print.timestamp=true",
	"--formatter-property", "print.delivery=true",
}

// What either producer writes reads the same with either consumer.
func TestConsoleProducer(t *testing.T) {
	long := strings.Repeat("all work and no play makes jack a dull boy ", 2000)
	cases := []struct {
		name, lines string
		args        []string
	}{
		{"lines", "a\n\nb\r\nc", nil},
		{"keys", "k\tv\n\tv2\n", []string{"--reader-property", "parse.key=true"}},
		{"headers", "h:1,g:2\tk\tv\nN\tN\tN\na:N\tk\tv\n", []string{"--property", "parse.headers=true", "--property", "parse.key=true", "--property", "null.marker=N"}},
		{"ignored errors", "plain\nk|v\n", []string{"--reader-property", "parse.key=true", "--reader-property", "key.separator=|", "--reader-property", "ignore.error=true"}},
		{"gzip", long + "\nshort\n", []string{"--compression-codec"}},
		{"snappy", long + "\nshort\n", []string{"--compression-codec", "snappy", "--request-required-acks", "1"}},
		{"lz4", long + "\nshort\n", []string{"--compression-codec=lz4", "--sync", "--timeout", "1"}},
		{"zstd", long + "\nshort\n", []string{"--compression-codec", "zstd", "--batch-size", "100"}},
		{"no key on the second line", "k\tv\nbad\nk\tw\n", []string{"--reader-property", "parse.key=true"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			topics := []string{createTopic(t, "1"), createTopic(t, "1")}
			args := func(topic string) []string {
				return append([]string{"--bootstrap-server", "BROKER", "--topic", topic}, c.args...)
			}
			theirs := apache(t, classes["kafka-console-producer"], c.lines, args(topics[0])...)
			mine := ours(t, "kafka-console-producer", c.lines, args(topics[1])...)
			compare(t, same, theirs, mine)
			if theirs.code != 0 && firstException(theirs.stderr) != firstException(mine.stderr) {
				t.Errorf("error\nhave %s\nwant %s", mine.stderr, theirs.stderr)
			}
			var read []string
			for _, topic := range topics {
				args := append([]string{"--bootstrap-server", "BROKER", "--topic", topic, "--from-beginning"}, everything...)
				if count := records(t, topic); count > 0 { // no wait for a silence, which a busy machine breaks
					args = append(args, "--timeout-ms", "30000", "--max-messages", strconv.FormatInt(count, 10))
				} else {
					args = append(args, "--timeout-ms", "1500")
				}
				_, r := both(t, noTimes, "kafka-console-consumer", "", args...)
				read = append(read, noTimes(r.stdout))
			}
			if read[0] != read[1] {
				t.Errorf("Apache's producer wrote\n%sours\n%s", clip(read[0]), clip(read[1]))
			}
		})
	}
}

// records is how many records a topic of one partition holds.
func records(t *testing.T, topic string) int64 {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(target.address))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(t.Context(), topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	end, _ := ends.Lookup(topic, 0)
	return end.Offset
}

// firstException is the first line that names an exception.
func firstException(stderr string) string {
	for line := range strings.Lines(stderr) {
		if strings.Contains(line, "Exception: ") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func TestConsoleConsumer(t *testing.T) {
	topic := createTopic(t, "1")
	lines := "k1\t00000001\nk2\t00000002\nk3\t00000003\nk4\tfour\n"
	apache(t, classes["kafka-console-producer"], lines, "--bootstrap-server", "BROKER", "--topic", topic, "--reader-property", "parse.key=true")
	const serialization = "org.apache.kafka.common.serialization."
	cases := [][]string{
		{"--topic", topic, "--from-beginning", "--max-messages", "3"},
		{"--topic", topic, "--timeout-ms", "1500"},
		{"--topic", topic, "--partition", "0", "--offset", "2", "--timeout-ms", "4000"},
		{"--topic", topic, "--partition", "0", "--offset", "99", "--timeout-ms", "4000"},
		{"--topic", topic, "--partition", "0", "--offset", "earliest", "--max-messages", "1", "--isolation-level", "read_committed"},
		{"--include", topic[:len(topic)-1] + ".", "--from-beginning", "--max-messages", "4"},
		{"--include", topic[:len(topic)-1], "--from-beginning", "--timeout-ms", "4000"},
		{"--topic", topic, "--from-beginning", "--max-messages", "3", "--value-deserializer", serialization + "LongDeserializer"},
		{"--topic", topic, "--from-beginning", "--max-messages", "4", "--value-deserializer", serialization + "LongDeserializer", "--skip-message-on-error"},
		{"--topic", topic, "--from-beginning", "--max-messages", "4", "--value-deserializer", serialization + "IntegerDeserializer"},
		{"--topic", topic, "--from-beginning", "--max-messages", "2", "--formatter-property", "value.deserializer=" + serialization + "DoubleDeserializer"},
		{"--topic", topic, "--from-beginning", "--max-messages", "4", "--formatter-property", "value.deserializer=" + serialization + "BytesDeserializer"},
		{"--topic", topic, "--from-beginning", "--max-messages", "2", "--formatter-property", "print.key=true", "--formatter-property", "print.value=false"},
		{"--topic", topic, "--from-beginning", "--max-messages", "2", "--property", "line.separator=;", "--property", "print.key=true", "--property", "key.separator=="},
		{"--topic", topic, "--from-beginning", "--max-messages", "2", "--formatter", "org.apache.kafka.tools.consumer.NoOpMessageFormatter"},
		{"--topic", topic, "--from-beginning", "--max-messages", "2", "--enable-systest-events"},
		// Where the broker lacks the protocol both say so.
		{"--topic", topic, "--from-beginning", "--max-messages", "2", "--command-property", "group.protocol=consumer"},
	}
	for _, args := range cases {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			theirs, mine := both(t, same, "kafka-console-consumer", "", append([]string{"--bootstrap-server", "BROKER"}, args...)...)
			if lastLine(theirs.stderr) != lastLine(mine.stderr) {
				t.Errorf("standard error ends with %q, Apache's with %q", lastLine(mine.stderr), lastLine(theirs.stderr))
			}
		})
	}
}

// lastLine is the last line that is not part of a stack trace.
func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i := len(lines) - 1; i > 0; i-- {
		if !strings.HasPrefix(lines[i], "\tat ") {
			return lines[i]
		}
	}
	return lines[0]
}

// A group goes on where the other tool's member stopped, and both leave the same offsets.
func TestConsoleConsumerGroups(t *testing.T) {
	topic := createTopic(t, "2")
	ours(t, "kafka-console-producer", "a\nb\nc\nd\ne\n", "--bootstrap-server", "BROKER", "--topic", topic, "--reader-property", "parse.key=false")
	group := []string{"--bootstrap-server", "BROKER", "--topic", topic, "--group", topic, "--from-beginning"}
	first := ours(t, "kafka-console-consumer", "", append(group, "--max-messages", "2")...)
	second := apache(t, classes["kafka-console-consumer"], "", append(group, "--max-messages", "2")...)
	third := ours(t, "kafka-console-consumer", "", append(group, "--max-messages", "1")...)
	got := strings.Fields(first.stdout + second.stdout + third.stdout)
	slices.Sort(got)
	if want := []string{"a", "b", "c", "d", "e"}; !slices.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
	for _, name := range []string{"OffsetsMessageFormatter", "GroupMetadataMessageFormatter"} {
		args := []string{"--bootstrap-server", "BROKER", "--topic", "__consumer_offsets", "--from-beginning", "--timeout-ms", "6000",
			"--formatter", "org.apache.kafka.tools.consumer." + name}
		theirs := jsonObjects(t, apache(t, classes["kafka-console-consumer"], "", args...).stdout, topic)
		mine := jsonObjects(t, ours(t, "kafka-console-consumer", "", args...).stdout, topic)
		if len(theirs) < 3 || !slices.Equal(theirs, mine) {
			t.Errorf("%s\nhave %s\nwant %s", name, strings.Join(mine, "\n"), strings.Join(theirs, "\n"))
		}
	}
}

// jsonObjects splits objects that follow each other without separators, keeps those of a group and sorts them.
func jsonObjects(t *testing.T, text, group string) []string {
	t.Helper()
	text = logged.ReplaceAllString(text, "")
	decoder := json.NewDecoder(strings.NewReader(text))
	var out []string
	for decoder.More() {
		var object json.RawMessage
		if err := decoder.Decode(&object); err != nil {
			t.Logf("stopped at %v", err) // a log line behind the last object
			break
		}
		if strings.Contains(string(object), `"group":"`+group+`"`) {
			out = append(out, string(object))
		}
	}
	slices.Sort(out)
	return out
}
