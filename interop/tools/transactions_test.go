//go:build interop

package tools

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/cli/clitest"
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
	playAll(t, "testdata/transactions/*.txt", startApache(t, transactionSettings), false, (*stage).transactionStep)
}

func TestTransactionToolsAgainstOttla(t *testing.T) {
	playAll(t, "testdata/transactions/*.txt", startOttla(t, transactionSettings), true, (*stage).transactionStep)
}

// transactionStep plays a line of testdata/transactions. There, $S is a name that both tools share, and further commands prepare transactions:
// "$ open id topic partition", "$ end id commit|abort", "$ hang producer topic partition minutes". With $T they are done for both names; a
// hanging producer has its number and the next hundred's.
func (s *stage) transactionStep(line int, command string) {
	s.t.Helper()
	command = strings.ReplaceAll(command, "$S", "s"+s.apache.name)
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
		own := strings.Contains(command, "$T")
		s.compare(ctx, line, command, func(text string) string { return steady(text, own) })
	case strings.Contains(command, "$T") || name == "file":
		s.step(line, command)
	default: // for both at once
		if r := s.runOurs(ctx, s.words(command, s.ours)); r.ExitCode != 0 {
			s.t.Fatalf("line %d: %s: %s%s", line, command, r.Stdout, r.Stderr)
		}
	}
}

func (s *stage) prepare(ctx context.Context, words []string) error {
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
