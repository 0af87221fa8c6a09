//go:build interop

package tools

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/broker"
	"ottla.dev/ottla/internal/cli/clitest"
	"ottla.dev/ottla/interop/apachekafka"
)

func init() {
	classes["kafka-transactions"] = "org.apache.kafka.tools.TransactionsCommand"
	classes["kafka-features"] = "org.apache.kafka.tools.FeatureCommand"
}

// transactionSettings let transactions hang: brokers that verify transactions have none.
var transactionSettings = map[string]string{
	"offsets.topic.num.partitions": "1", "transaction.state.log.num.partitions": "2", "transaction.partition.verification.enable": "false",
}

func TestTransactionToolsAgainstApache(t *testing.T) {
	if os.Getenv("OTTLA_INTEROP_TARGET") == "ottla" {
		t.Skip("the target is ottla")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b, err := apachekafka.Start(ctx, apachekafka.Options{Properties: transactionSettings, HeapMB: 400})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Stop()
	playTransactions(t, b.Addr())
}

func TestTransactionToolsAgainstOttla(t *testing.T) {
	if os.Getenv("OTTLA_INTEROP_TARGET") == "apache" {
		t.Skip("the target is apache")
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	b, err := broker.Start(t.Context(), broker.Config{DataDir: t.TempDir(), Addr: "127.0.0.1:0", Properties: transactionSettings, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	playTransactions(t, b.Addr())
}

// playTransactions plays testdata/transactions. There, $S is a name that both tools share, and further commands prepare transactions: "$ open id
// topic partition", "$ end id commit|abort", "$ hang producer topic partition minutes". With $T they are done for both names; a hanging producer
// has its number and the next hundred's.
func playTransactions(t *testing.T, addr string) {
	files, err := filepath.Glob("testdata/transactions/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := &transactionStage{stage: newStage(t, addr), producers: map[string]*kgo.Client{}}
			for i, line := range strings.Split(string(text), "\n") {
				if command, ok := strings.CutPrefix(line, "$ "); ok {
					s.play(i+1, strings.ReplaceAll(command, "$S", "s"+s.apache.name))
				}
			}
		})
	}
}

type transactionStage struct {
	*stage
	producers map[string]*kgo.Client // with open transactions, by transactional id
}

func (s *transactionStage) play(line int, command string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	name, _, _ := strings.Cut(command, " ")
	switch {
	case name == "open" || name == "end" || name == "hang":
		for i, who := range []side{s.apache, s.ours} {
			if i > 0 && !strings.Contains(command, "$T") {
				break
			}
			if err := s.prepare(ctx, s.words(command, who)); err != nil {
				s.t.Fatalf("line %d: %s: %v", line, command, err)
			}
		}
	case name == "kafka-transactions" || name == "kafka-features":
		s.compare(ctx, line, command)
	case strings.Contains(command, "$T") || name == "file":
		s.step(line, command)
	default: // for both at once
		if r := s.runOurs(ctx, s.words(command, s.ours)); r.ExitCode != 0 {
			s.t.Fatalf("line %d: %s: %s%s", line, command, r.Stdout, r.Stderr)
		}
	}
}

func (s *transactionStage) prepare(ctx context.Context, words []string) error {
	switch words[0] {
	case "open":
		partition, err := strconv.Atoi(words[3])
		if err != nil {
			return err
		}
		producer, err := clitest.Open(ctx, s.addr, words[1], words[2], int32(partition), kgo.TransactionTimeout(time.Minute))
		if err == nil {
			s.t.Cleanup(producer.Close)
			s.producers[words[1]] = producer
		}
		return err
	case "end":
		return clitest.End(ctx, s.producers[words[1]], words[1], words[2] == "commit")
	}
	var numbers [3]int
	for i, at := range []int{1, 3, 4} {
		n, err := strconv.Atoi(words[at])
		if err != nil {
			return err
		}
		numbers[i] = n
	}
	return clitest.Hang(ctx, s.addr, int64(numbers[0]), words[2], int32(numbers[1]), time.Duration(numbers[2])*time.Minute)
}

func (s *transactionStage) compare(ctx context.Context, line int, command string) {
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
	own := strings.Contains(command, "$T")
	s.same(line, command, "standard output", steady(theirs.Stdout, own), steady(mine.Stdout, own))
	s.same(line, command, "standard error", steady(theirs.Stderr, own), steady(mine.Stderr, own))
}

var (
	transactionUses = regexp.MustCompile(`(?s)usage: .*?kafka-transactions\.sh:\s+error:(.*)`)
	// passing is what has gone on when the second tool asks: how long a transaction has been open, and the metadata's number.
	passing = regexp.MustCompile(`(\t1[0-9]{12} +\t)[0-9]+ *|Epoch: [0-9]+`)
	// callText is how the admin client tells a time-out, one way or the other.
	callText = regexp.MustCompile(`Call\(callName=([^,]*), .* attempt\(s\)`)
	// ownCells are producer ids and timestamps, which differ where each tool has a transaction of its own.
	ownCells = regexp.MustCompile(`\t1[0-9]{12}\t|(\t1 +\t)[0-9]+ *\t`)
	// adminLog is what Apache's admin client logs to standard output.
	adminLog = regexp.MustCompile(`(?m)^20\d\d-\d\d-\d\dT\S+ kafka-admin-client-thread .*\n`)
)

// steady takes out what differs from one call to the next.
func steady(text string, own bool) string {
	if m := transactionUses.FindStringSubmatch(text); m != nil {
		text = "error: " + strings.Join(strings.Fields(m[1]), " ")
	}
	text = adminLog.ReplaceAllString(text, "")
	text = callText.ReplaceAllString(text, "Timed out waiting for a node assignment. Call: $1")
	text = passing.ReplaceAllString(text, "$1…")
	if own {
		text = ownCells.ReplaceAllString(text, "$1…\t")
	}
	return text
}
