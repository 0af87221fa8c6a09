package clienttools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// startCluster gives the address of a cluster inside the test, with a topic "t" of two partitions and "one" of one.
func startCluster(t *testing.T) string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "t"), kfake.SeedTopics(1, "one"), kfake.AllowAutoTopicCreation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()[0]
}

// runTool runs a tool of the package with everything on its standard input at once.
func runTool(t *testing.T, name, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runToolWith(t.Context(), t, name, strings.NewReader(stdin), args...)
}

func runToolWith(ctx context.Context, t *testing.T, name string, stdin io.Reader, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	found, ok := tool.Find(All(), name)
	if !ok {
		t.Fatalf("no tool %s", name)
	}
	var out, errOut lockedBuffer
	code = found.Run(ctx, tool.IO{Stdin: stdin, Stdout: &out, Stderr: &errOut}, args)
	return code, out.String(), errOut.String()
}

// lockedBuffer is a buffer that several goroutines write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func produce(t *testing.T, address, topic, lines string, args ...string) {
	t.Helper()
	code, _, stderr := runTool(t, "kafka-console-producer", lines, append([]string{"--bootstrap-server", address, "--topic", topic}, args...)...)
	if code != 0 || stderr != "" {
		t.Fatalf("producing ended with %d: %s", code, stderr)
	}
}

func consume(t *testing.T, address string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runTool(t, "kafka-console-consumer", "", append([]string{"--bootstrap-server", address}, args...)...)
}

func TestConsoleProducerAndConsumer(t *testing.T) {
	address := startCluster(t)
	produce(t, address, "one", "h:1\tk1\tv1\nh:2,i:\tk2\tNULL\n", "--reader-property", "parse.key=true",
		"--reader-property", "parse.headers=true", "--reader-property", "null.marker=NULL")
	code, stdout, stderr := consume(t, address, "--topic", "one", "--from-beginning", "--max-messages", "2",
		"--formatter-property", "print.key=true", "--formatter-property", "print.headers=true", "--formatter-property", "print.offset=true")
	if want := "Offset:0\th:1\tk1\tv1\nOffset:1\th:2,i:\tk2\tnull\n"; code != 0 || stdout != want {
		t.Errorf("code %d\nhave %q\nwant %q\n%s", code, stdout, want, stderr)
	}
	if !strings.HasSuffix(stderr, "Processed a total of 2 messages\n") || !strings.Contains(stderr, "KIP-848") {
		t.Errorf("stderr %s", stderr)
	}
}

func TestEveryCodecAndWayToSend(t *testing.T) {
	address := startCluster(t)
	big := strings.Repeat("0123456789", 5000) // larger than batch.size, and well compressed
	ways := [][]string{
		{"--compression-codec"}, {"--compression-codec", "snappy"}, {"--compression-codec", "lz4"}, {"--compression-codec", "zstd"},
		{"--compression-codec", "none"}, {"--sync"}, {"--request-required-acks", "1"}, {"--request-required-acks", "0"},
		{"--batch-size", "600", "--timeout", "0"}, {"--producer-property", "enable.idempotence=false"},
	}
	var want []string
	for i, way := range ways {
		lines := fmt.Sprintf("small %d\n%s\nafter %d\n", i, big, i)
		args := append([]string{"--bootstrap-server", address, "--topic", "one"}, way...)
		if code, _, stderr := runTool(t, "kafka-console-producer", lines, args...); code != 0 || stderr != "" {
			t.Fatalf("%v: code %d, %s", way, code, stderr)
		}
		want = append(want, fmt.Sprintf("small %d", i), big, fmt.Sprintf("after %d", i))
	}
	_, stdout, _ := consume(t, address, "--topic", "one", "--partition", "0", "--offset", "earliest", "--max-messages", fmt.Sprint(len(want)))
	if got := strings.Split(strings.TrimSpace(stdout), "\n"); !slices.Equal(got, want) {
		t.Errorf("%d lines, want %d in their order", len(got), len(want))
	}
}

func TestConsoleProducerFailures(t *testing.T) {
	address := startCluster(t)
	server := []string{"--bootstrap-server", address, "--topic", "one"}
	cases := []struct {
		name, stdin string
		args        []string
		code        int
		stderr      string
	}{
		{"too large", "0123456789\n", []string{"--command-property", "max.request.size=50"}, 0,
			"ERROR Error when sending message to topic one with key: null, value: 10 bytes with error: (org.apache.kafka.clients.producer.internals.ErrorLoggingCallback)\n" +
				"org.apache.kafka.common.errors.RecordTooLargeException: The message is 95 bytes when serialized which is larger than 50"},
		{"too large and waited for", "0123456789\n", []string{"--sync", "--command-property", "max.request.size=50"}, 1, "RecordTooLargeException"},
		{"a line without key", "x\n", []string{"--reader-property", "parse.key=true"}, 1, "KafkaException: No key separator found on line number 1: 'x'"},
		{"another reader", "", []string{"--line-reader", "my.Reader"}, 1, "java.lang.ClassNotFoundException: my.Reader"},
		{"an illegal topic", "x\n", []string{"--topic", "one"}, 1, "Found multiple arguments for option topic"},
		{"a bad number", "", []string{"--batch-size", "many"}, 1, "Cannot parse argument 'many' of option batch-size"},
		{"two faces of one option", "", []string{"--property", "a=b", "--reader-property", "a=b"}, 1, "Options --reader-property and --property cannot be specified together."},
		{"no codec", "x\n", []string{"--compression-codec", "rar"}, 1, "Invalid value rar for configuration compression.type"},
		{"no file", "", []string{"--command-config", "/nonexistent"}, 1, "/nonexistent"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, _, stderr := runTool(t, "kafka-console-producer", c.stdin, append(slices.Clone(server), c.args...)...)
			if code != c.code || !strings.Contains(stderr, c.stderr) {
				t.Errorf("code %d, stderr %s\nwant %d and %s", code, stderr, c.code, c.stderr)
			}
		})
	}
	for _, args := range [][]string{nil, {"--topic", "x"}, {"--bootstrap-server", "h:1"}, {"--topic", "x", "--bootstrap-server", "noport"}} {
		if code, _, stderr := runTool(t, "kafka-console-producer", "", args...); code != 1 || !strings.Contains(stderr, "--bootstrap-server") {
			t.Errorf("%v: code %d, stderr %s", args, code, stderr)
		}
	}
}

func TestTopicThatNeverComes(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	code, _, stderr := runTool(t, "kafka-console-producer", "x\n", "--bootstrap-server", cluster.ListenAddrs()[0], "--topic", "none", "--max-block-ms", "50", "--sync")
	if code != 1 || !strings.Contains(stderr, "TimeoutException: Topic none not present in metadata after 50 ms.") {
		t.Errorf("code %d, stderr %s", code, stderr)
	}
}

func TestDeprecatedOptionsWarnOnStandardOutput(t *testing.T) {
	address := startCluster(t)
	code, stdout, _ := runTool(t, "kafka-console-producer", "k\tv\n", "--bootstrap-server", address, "--topic", "one",
		"--property", "parse.key=true", "--producer-property", "linger.ms=0", "--max-partition-memory-bytes", "1000")
	if code != 0 || strings.Count(stdout, "is deprecated") != 3 {
		t.Errorf("code %d, %s", code, stdout)
	}
	code, stdout, _ = consume(t, address, "--topic", "one", "--from-beginning", "--max-messages", "1", "--property", "print.key=true")
	if want := "Option --property is deprecated and will be removed in a future version. Use --formatter-property instead.\nk\tv\n"; code != 0 || stdout != want {
		t.Errorf("code %d, %s", code, stdout)
	}
}

// An interrupt while the user has typed some lines and not ended the input: what was typed is sent.
func TestInterruptedProducerSendsWhatItHas(t *testing.T) {
	address := startCluster(t)
	ctx, cancel := context.WithCancel(t.Context())
	in, typed := io.Pipe()
	defer typed.Close()
	go func() {
		_, _ = io.WriteString(typed, "first\nsecond\n")
		_, _ = io.WriteString(typed, "third, without its end") // returns once the lines before were read
		cancel()
	}()
	code, _, stderr := runToolWith(ctx, t, "kafka-console-producer", in, "--bootstrap-server", address, "--topic", "one")
	if code != exitInterrupted {
		t.Errorf("code %d, %s", code, stderr)
	}
	// How many of the read lines were handed over before the interrupt is left to chance; order and wholeness are not.
	_, stdout, _ := consume(t, address, "--topic", "one", "--partition", "0", "--offset", "earliest", "--timeout-ms", "300")
	if !strings.HasPrefix("first\nsecond\n", stdout) {
		t.Errorf("sent %q", stdout)
	}
}

func TestConsoleConsumerInAGroup(t *testing.T) {
	address := startCluster(t)
	produce(t, address, "one", "a\nb\nc\n")
	group := []string{"--topic", "one", "--group", "g", "--command-property", "auto.offset.reset=earliest"}
	_, first, _ := consume(t, address, append(group, "--max-messages", "2")...)
	_, second, stderr := consume(t, address, append(group, "--max-messages", "1")...)
	if first != "a\nb\n" || second != "c\n" {
		t.Errorf("%q then %q\n%s", first, second, stderr)
	}
	if got := committed(t, address, "g"); got["one"][0].At != 3 {
		t.Errorf("committed %v", got)
	}
}

func committed(t *testing.T, address, group string) kadm.OffsetResponses {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	offsets, err := kadm.NewClient(client).FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	return offsets
}

// A group that found nothing still remembers that it stands at the end, as with the Java consumer.
func TestIdleGroupCommitsItsPositions(t *testing.T) {
	address := startCluster(t)
	produce(t, address, "one", "a\nb\n")
	code, stdout, stderr := consume(t, address, "--topic", "one", "--group", "idle", "--timeout-ms", "300")
	if code != 0 || stdout != "" || !strings.Contains(stderr, "ERROR Error processing message, terminating consumer process:") {
		t.Errorf("code %d, %q, %s", code, stdout, stderr)
	}
	if got := committed(t, address, "idle")["one"][0].At; got != 2 {
		t.Errorf("committed %d", got)
	}
	consume(t, address, "--topic", "one", "--timeout-ms", "200", "--from-beginning", "--command-property", "group.id=quiet", "--command-property", "enable.auto.commit=false")
	if got := committed(t, address, "quiet"); len(got) != 0 {
		t.Errorf("committed although told not to: %v", got)
	}
}

func TestConsoleConsumerStarts(t *testing.T) {
	address := startCluster(t)
	produce(t, address, "one", "a\nb\nc\n")
	produce(t, address, "other", "z\n")
	cases := []struct {
		args []string
		want string
	}{
		{[]string{"--topic", "one", "--partition", "0", "--offset", "1"}, "b\nc\n"},
		{[]string{"--topic", "one", "--partition", "0", "--from-beginning"}, "a\nb\nc\n"},
		{[]string{"--topic", "one", "--partition", "0"}, ""},
		{[]string{"--topic", "one", "--partition", "0", "--offset", "77"}, ""},
		{[]string{"--topic", "one", "--partition", "0", "--offset", "77", "--command-property", "auto.offset.reset=earliest"}, "a\nb\nc\n"},
		{[]string{"--include", "on.", "--from-beginning"}, "a\nb\nc\n"},
		{[]string{"--include", "o", "--from-beginning"}, ""},
		{[]string{"--topic", "one", "--from-beginning", "--isolation-level", "read_committed"}, "a\nb\nc\n"},
		{[]string{"--topic", "one", "--from-beginning", "--formatter", formatterPackage + "NoOpMessageFormatter"}, ""},
	}
	for _, c := range cases {
		code, stdout, stderr := consume(t, address, append(c.args, "--timeout-ms", "400")...)
		if code != 0 || stdout != c.want {
			t.Errorf("%v: code %d, %q, want %q\n%s", c.args, code, stdout, c.want, stderr)
		}
	}
}

func TestConsoleConsumerFailures(t *testing.T) {
	address := startCluster(t)
	produce(t, address, "one", "short\n12345678\n")
	server := []string{"--bootstrap-server", address}
	long := []string{"--topic", "one", "--from-beginning", "--value-deserializer", "org.apache.kafka.common.serialization.LongDeserializer"}
	cases := []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"a record that cannot be read", append(server, long...), 1, "", "Unknown error when running consumer:"},
		{"the same, left out", append(append(slices.Clone(server), long...), "--skip-message-on-error", "--max-messages", "2"), 0,
			"3544952156018063160\n", "Error processing message, skipping this message:"},
		{"no formatter", append(server, "--topic", "one", "--formatter", "my.Formatter"), 1, "", "my.Formatter\nOption "},
		{"no topic", server, 1, "", "Exactly one of the following arguments is required: [topic], [include]"},
		{"no server", []string{"--topic", "one"}, 1, "", `Missing required argument "[bootstrap-server]"`},
		{"partition without topic", append(server, "--include", "x", "--partition", "0"), 1, "", "The topic is required when partition is specified."},
		{"offset without partition", append(server, "--topic", "one", "--offset", "1"), 1, "", "The partition is required when offset is specified."},
		{"two starts", append(server, "--topic", "one", "--partition", "0", "--offset", "1", "--from-beginning"), 1, "",
			"Options from-beginning and offset cannot be specified together."},
		{"no offset", append(server, "--topic", "one", "--partition", "0", "--offset", "-5"), 1, "", "The provided offset value '-5' is incorrect."},
		{"group and partition", append(server, "--topic", "one", "--partition", "0", "--group", "g"), 1, "", "Options group and partition cannot be specified together."},
		{"two groups", append(server, "--topic", "one", "--group", "g", "--command-property", "group.id=h"), 1, "", "Detected group ids: 'g', 'h'"},
		{"two resets", append(server, "--topic", "one", "--from-beginning", "--command-property", "auto.offset.reset=latest"), 1, "",
			"Can't simultaneously specify --from-beginning and 'auto.offset.reset=latest', please remove one option"},
		{"two faces of one option", append(server, "--topic", "one", "--consumer-property", "a=b", "--command-property", "a=b"), 1, "",
			"Options --consumer-property and --command-property cannot be specified together."},
		{"no pattern", append(server, "--include", "("), 1, "", "PatternSyntaxException"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := runTool(t, "kafka-console-consumer", "", c.args...)
			if code != c.code || stdout != c.stdout || !strings.Contains(stderr, c.stderr) {
				t.Errorf("code %d, stdout %q, stderr %s\nwant %d, %q and %s", code, stdout, stderr, c.code, c.stdout, c.stderr)
			}
		})
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestConsumerEndsWhenNobodyReads(t *testing.T) {
	address := startCluster(t)
	produce(t, address, "one", "a\nb\n")
	var stderr lockedBuffer
	code := runConsoleConsumer(t.Context(), tool.IO{Stdout: brokenPipe{}, Stderr: &stderr},
		[]string{"--bootstrap-server", address, "--topic", "one", "--from-beginning"})
	if code != 0 || !strings.Contains(stderr.String(), outputBroken) {
		t.Errorf("code %d, %s", code, stderr.String())
	}
}

// interruptOn cancels a context when a text is written.
type interruptOn struct {
	lockedBuffer
	text   string
	cancel context.CancelFunc
}

func (w *interruptOn) Write(p []byte) (int, error) {
	n, err := w.lockedBuffer.Write(p)
	if strings.Contains(w.String(), w.text) {
		w.cancel()
	}
	return n, err
}

func TestInterruptedConsumerLeavesAndCommits(t *testing.T) {
	address := startCluster(t)
	produce(t, address, "one", "a\nb\n")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &interruptOn{text: "b\n", cancel: cancel}
	var stderr lockedBuffer
	code := runConsoleConsumer(ctx, tool.IO{Stdout: out, Stderr: &stderr},
		[]string{"--bootstrap-server", address, "--topic", "one", "--group", "i", "--from-beginning", "--enable-systest-events"})
	if code != exitInterrupted || out.String() != "a\nb\nshutdown_complete\n" {
		t.Errorf("code %d, %q, %s", code, out.String(), stderr.String())
	}
	if got := committed(t, address, "i")["one"][0].At; got != 2 {
		t.Errorf("committed %d", got)
	}
}
