//go:build interop

package tools

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/broker"
	"ottla.dev/ottla/internal/cli/kafkatools"
	"ottla.dev/ottla/interop/apachekafka"
)

// patience bounds one step; a JVM on a busy machine takes seconds to start.
const patience = 2 * time.Minute

// classes are Apache's classes by the tool's name.
var classes = map[string]string{
	"kafka-topics":              apachekafka.TopicsTool,
	"kafka-configs":             apachekafka.ConfigsTool,
	"kafka-consumer-groups":     apachekafka.ConsumerGroupsTool,
	"kafka-get-offsets":         apachekafka.GetOffsetsTool,
	"kafka-delete-records":      apachekafka.DeleteRecordsTool,
	"kafka-log-dirs":            apachekafka.LogDirsTool,
	"kafka-broker-api-versions": apachekafka.BrokerAPIVersionsTool,
	"kafka-storage":             apachekafka.StorageTool,
	"kafka-groups":              "org.apache.kafka.tools.GroupsCommand",
}

var brokerSettings = map[string]string{
	"offsets.topic.num.partitions": "4", "group.initial.rebalance.delay.ms": "0",
}

func TestToolsAgainstApache(t *testing.T) {
	playAll(t, "testdata/*.txt", startApache(t, brokerSettings), false, (*stage).step)
}

func TestToolsAgainstOttla(t *testing.T) {
	addr := os.Getenv("OTTLA_INTEROP_BOOTSTRAP")
	if addr == "" || os.Getenv("OTTLA_INTEROP_TARGET") == "apache" {
		addr = startOttla(t, brokerSettings)
	}
	playAll(t, "testdata/*.txt", addr, true, (*stage).step)
}

// startApache starts the broker, unless only the other one is asked for.
func startApache(t *testing.T, settings map[string]string) (addr string) {
	if os.Getenv("OTTLA_INTEROP_TARGET") == "ottla" {
		t.Skip("the target is ottla")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b, err := apachekafka.Start(ctx, apachekafka.Options{Properties: settings, HeapMB: 400})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Stop() })
	return b.Addr()
}

func startOttla(t *testing.T, settings map[string]string) (addr string) {
	if os.Getenv("OTTLA_INTEROP_TARGET") == "apache" {
		t.Skip("the target is apache")
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	b, err := broker.Start(context.Background(), broker.Config{DataDir: t.TempDir(), Addr: "127.0.0.1:0", Properties: settings, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b.Addr()
}

// playAll plays the conversations one after the other, each on a stage of its own: they share the broker.
func playAll(t *testing.T, pattern, addr string, ottla bool, step func(s *stage, line int, command string)) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if ottla && strings.HasPrefix(string(text), "# apache only") {
				t.Skip(strings.SplitN(string(text), "\n", 2)[0])
			}
			s := newStage(t, addr)
			for i, line := range strings.Split(string(text), "\n") {
				if command, ok := strings.CutPrefix(line, "$ "); ok {
					step(s, i+1, command)
				}
			}
		})
	}
}

// side is what belongs to one of the two tools: its name for $T, of the same length for both, and its directory.
type side struct{ name, dir string }

// stage is where one conversation plays.
type stage struct {
	t      *testing.T
	addr   string
	client *kgo.Client
	apache side
	ours   side

	producers map[string]*kgo.Client // with open transactions, by transactional id
}

func newStage(t *testing.T, addr string) *stage {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	base := strconv.FormatInt(time.Now().UnixNano(), 36)
	root := t.TempDir()
	s := &stage{t: t, addr: addr, client: client, producers: map[string]*kgo.Client{}, apache: side{"a" + base, filepath.Join(root, "a")}, ours: side{"o" + base, filepath.Join(root, "o")}}
	for _, dir := range []string{s.apache.dir, s.ours.dir} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

var quoted = regexp.MustCompile(`'[^']*'|\S+`)

// words splits a command at blanks outside of single quotes and puts one side's names in.
func (s *stage) words(command string, who side) []string {
	var words []string
	for _, w := range quoted.FindAllString(command, -1) {
		if w == "$B" {
			words = append(words, "--bootstrap-server", s.addr)
			continue
		}
		w = strings.ReplaceAll(strings.Trim(w, "'"), "$DIR", who.dir)
		words = append(words, strings.ReplaceAll(w, "$T", who.name))
	}
	return words
}

func (s *stage) step(line int, command string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	words := s.words(command, s.apache)
	prepare, ok := map[string]func(context.Context, []string) error{
		"produce": s.produce, "commit": s.commit, "join": s.join, "file": s.file,
	}[words[0]]
	if ok {
		for _, who := range []side{s.apache, s.ours} {
			if err := prepare(ctx, append(s.words(command, who)[1:], who.dir)); err != nil {
				s.t.Fatalf("line %d: %s: %v", line, command, err)
			}
		}
		return
	}
	s.compare(ctx, line, command, func(text string) string { return text })
}

// compare runs both tools. What alike makes of their outputs is to be the same.
func (s *stage) compare(ctx context.Context, line int, command string, alike func(string) string) {
	s.t.Helper()
	words := s.words(command, s.apache)
	theirs, err := apachekafka.RunTool(ctx, classes[words[0]], strings.NewReader(""), words[1:]...)
	if err != nil {
		s.t.Fatalf("line %d: %s: %v", line, command, err)
	}
	mine := s.runOurs(ctx, s.words(command, s.ours))
	if theirs.ExitCode != mine.ExitCode {
		s.t.Errorf("line %d: %s: exit code %d, Apache's %d\n%s%s", line, command, mine.ExitCode, theirs.ExitCode, mine.Stdout, mine.Stderr)
	}
	if os.Getenv("OTTLA_INTEROP_SHOW") != "" {
		s.t.Logf("line %d: %s: exit code %d\n%s%s", line, command, mine.ExitCode, mine.Stdout, mine.Stderr)
	}
	s.same(line, command, "standard output", alike(theirs.Stdout), alike(mine.Stdout))
	s.same(line, command, "standard error", alike(theirs.Stderr), alike(mine.Stderr))
}

func (s *stage) runOurs(ctx context.Context, words []string) apachekafka.Result {
	tool, ok := kafkatools.Lookup(words[0])
	if !ok {
		s.t.Fatalf("no tool %s", words[0])
	}
	var stdout, stderr bytes.Buffer
	code := tool.Run(ctx, kafkatools.IO{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr}, words[1:])
	return apachekafka.Result{Stdout: stdout.String(), Stderr: stderr.String(), ExitCode: code}
}

func (s *stage) same(line int, command, what, theirs, mine string) {
	s.t.Helper()
	want, have := s.normal(theirs), s.normal(mine)
	if want != have {
		s.t.Errorf("line %d: %s: %s\nApache's:\n%s\nours:\n%s", line, command, what, clip(want), clip(have))
	}
}

func clip(s string) string {
	const limit = 3000
	if len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}

// recordTime is the first record's timestamp; each further record is a second younger.
var recordTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *stage) produce(ctx context.Context, args []string) error {
	partition, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	for i := range count {
		r := &kgo.Record{Topic: args[0], Partition: int32(partition), Value: fmt.Append(nil, i), Timestamp: recordTime.Add(time.Duration(i) * time.Second)}
		if err := s.client.ProduceSync(ctx, r).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) commit(ctx context.Context, args []string) error {
	partition, err := strconv.ParseInt(args[2], 10, 32)
	if err != nil {
		return err
	}
	offset, err := strconv.ParseInt(args[3], 10, 64)
	if err != nil {
		return err
	}
	offsets := kadm.Offsets{}
	offsets.AddOffset(args[1], int32(partition), offset, -1)
	return kadm.NewClient(s.client).CommitAllOffsets(ctx, args[0], offsets)
}

// join starts a member and returns when it has been given its partitions.
func (s *stage) join(ctx context.Context, args []string) error {
	assigned := make(chan struct{}, 100)
	member, err := kgo.NewClient(
		kgo.SeedBrokers(s.addr), kgo.ClientID("member"), kgo.ConsumerGroup(args[0]), kgo.ConsumeTopics(args[1]), kgo.InstanceID("instance"),
		kgo.Balancers(kgo.RangeBalancer()), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { assigned <- struct{}{} }),
	)
	if err != nil {
		return err
	}
	s.t.Cleanup(member.Close)
	select {
	case <-assigned:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *stage) file(_ context.Context, args []string) error {
	return os.WriteFile(filepath.Join(args[2], args[0]), []byte(strings.ReplaceAll(args[1], `\n`, "\n")), 0o644)
}
