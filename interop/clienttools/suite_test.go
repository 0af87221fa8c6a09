//go:build interop

package clienttools

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ottla.dev/ottla/internal/cli/kafkatools/clienttools"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/interop/apachekafka"
)

// toolPatience bounds one run of a tool; a JVM on a busy machine takes seconds to start.
const toolPatience = 2 * time.Minute

// ottla tells whether the broker under test is Ottla's.
func ottla() bool { return os.Getenv("OTTLA_INTEROP_TARGET") == "ottla" }

// target is the broker that both tools talk to.
var target struct {
	address string
	dataDir string
}

func TestMain(m *testing.M) {
	os.Exit(runSuite(m))
}

func runSuite(m *testing.M) int {
	if ottla() {
		target.address, target.dataDir = os.Getenv("OTTLA_INTEROP_BOOTSTRAP"), os.Getenv("OTTLA_INTEROP_DATA")
		if target.address == "" {
			fmt.Fprintln(os.Stderr, "OTTLA_INTEROP_BOOTSTRAP must name the node to test")
			return 1
		}
		return m.Run()
	}
	ctx, cancel := context.WithTimeout(context.Background(), toolPatience)
	defer cancel()
	broker, err := apachekafka.Start(ctx, apachekafka.Options{Properties: map[string]string{
		"offsets.topic.num.partitions": "4", "group.initial.rebalance.delay.ms": "0",
	}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer broker.Stop()
	target.address, target.dataDir = broker.Addr(), broker.DataDir()
	return m.Run()
}

// result is what one tool left behind.
type result struct {
	stdout, stderr string
	code           int
}

// apache runs Apache's tool, with the address of the broker in place of BROKER.
func apache(t *testing.T, class, stdin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), toolPatience)
	defer cancel()
	r, err := apachekafka.RunTool(ctx, class, strings.NewReader(stdin), withAddress(args)...)
	if err != nil {
		t.Fatal(err)
	}
	return result{r.Stdout, r.Stderr, r.ExitCode}
}

// ours runs our tool.
func ours(t *testing.T, name, stdin string, args ...string) result {
	t.Helper()
	found, ok := tool.Find(clienttools.All(), name)
	if !ok {
		t.Fatalf("no tool %s", name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), toolPatience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	code := found.Run(ctx, tool.IO{Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr}, withAddress(args))
	return result{stdout.String(), stderr.String(), code}
}

func withAddress(args []string) []string {
	out := slices.Clone(args)
	for i := range out {
		out[i] = strings.ReplaceAll(out[i], "BROKER", target.address)
	}
	return out
}

// classes are Apache's classes by the tool's name.
var classes = map[string]string{
	"kafka-console-producer":    apachekafka.ConsoleProducerTool,
	"kafka-console-consumer":    apachekafka.ConsoleConsumerTool,
	"kafka-producer-perf-test":  apachekafka.ProducerPerfTestTool,
	"kafka-consumer-perf-test":  apachekafka.ConsumerPerfTestTool,
	"kafka-verifiable-producer": apachekafka.VerifiableProducerTool,
	"kafka-verifiable-consumer": apachekafka.VerifiableConsumerTool,
	"kafka-dump-log":            apachekafka.DumpLogTool,
}

// both runs the two tools and demands the same exit code and the same normalized standard output.
func both(t *testing.T, normalize func(string) string, name, stdin string, args ...string) (theirs, mine result) {
	t.Helper()
	theirs, mine = apache(t, classes[name], stdin, args...), ours(t, name, stdin, args...)
	compare(t, normalize, theirs, mine)
	return theirs, mine
}

// logged are lines that Apache's logging prints to standard output where it has no configuration.
var logged = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT[\d:.]+Z \S.* (?:ERROR|WARN) .*\n(?:org\.apache\.kafka\.\S*(?:Exception|Timeout).*\n)?(?:\s+at .*\n)*\n?`)

func compare(t *testing.T, normalize func(string) string, theirs, mine result) {
	t.Helper()
	if theirs.code != mine.code {
		t.Errorf("exit code %d, Apache's %d\n%s", mine.code, theirs.code, mine.stderr)
	}
	want, have := normalize(logged.ReplaceAllString(theirs.stdout, "")), normalize(mine.stdout)
	if want != have {
		t.Errorf("standard output\nhave\n%s\nwant\n%s", clip(have), clip(want))
	}
}

func clip(s string) string {
	if len(s) > 3000 {
		return s[:3000] + "…"
	}
	return s
}

func same(s string) string { return s }

// shape makes every number N.
func shape(s string) string {
	return regexp.MustCompile(`-?\b\d+(?:\.\d+)?\b|NaN|-?Infinity`).ReplaceAllString(s, "N")
}

// noTimes makes times in JSON events and of records T.
func noTimes(s string) string {
	s = regexp.MustCompile(`"timestamp":\d+`).ReplaceAllString(s, `"timestamp":T`)
	s = regexp.MustCompile(`"avg_throughput":[\d.E-]+`).ReplaceAllString(s, `"avg_throughput":N`)
	return regexp.MustCompile(`CreateTime:\d+`).ReplaceAllString(s, "CreateTime:T")
}

// createTopic makes a topic of its own for a test; configs are key=value.
func createTopic(t *testing.T, partitions string, configs ...string) string {
	t.Helper()
	name := "ct-" + strings.ToLower(regexp.MustCompile(`\W+`).ReplaceAllString(t.Name(), "-")) + fmt.Sprintf("-%d", time.Now().UnixNano()%1e6)
	args := []string{"--bootstrap-server", "BROKER", "--create", "--topic", name, "--partitions", partitions}
	for _, config := range configs {
		args = append(args, "--config", config)
	}
	r := apache(t, apachekafka.TopicsTool, "", args...)
	if r.code != 0 {
		t.Fatalf("creating %s: %s%s", name, r.stdout, r.stderr)
	}
	return name
}
