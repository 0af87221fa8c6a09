package cli

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/broker"
	"ottla.dev/ottla/internal/cli/clitest"
)

var update = flag.Bool("update", false, "write the scripts' output as it is now")

// TestScripts plays testdata/scripts: each file is a conversation with a fresh node. A line "$ command" runs `ottla command`; what follows up to a
// blank line is its output, as clitest.Report writes it. A first word <'text' is the standard input, with \n for line ends. $DIR stands for a
// directory of the test, NOBROKER in front for a command that is not told the node. OPEN id topic partition leaves a transaction open, END id commit
// or abort ends it, HANG producer topic partition minutes has one hang.
func TestScripts(t *testing.T) {
	clitest.PlayAll(t, "testdata/scripts/*.txt", *update, func(t *testing.T) func(string) string { return newStage(t).command })
}

// stage is where a script plays.
type stage struct {
	t    *testing.T
	addr string
	port string
	dir  string

	producers map[string]*kgo.Client // with open transactions, by transactional id
}

func newStage(t *testing.T) *stage {
	t.Helper()
	node, err := broker.Start(t.Context(), broker.Config{
		DataDir: t.TempDir(), Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Properties: map[string]string{"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "1",
			"transaction.state.log.num.partitions": "2", "transaction.partition.verification.enable": "false"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	_, port, err := net.SplitHostPort(node.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return &stage{t: t, addr: node.Addr(), port: port, dir: t.TempDir(), producers: map[string]*kgo.Client{}}
}

var quoted = regexp.MustCompile(`<?'[^']*'|\S+`)

// command runs one line of a script and returns what it shows.
func (s *stage) command(line string) string {
	if words := strings.Fields(line); s.prepare(words) {
		return ""
	}
	var args []string
	stdin, told := "", true
	for _, w := range quoted.FindAllString(line, -1) {
		switch {
		case strings.HasPrefix(w, "<'"):
			stdin = strings.ReplaceAll(strings.Trim(w[1:], "'"), `\n`, "\n")
		case w == "NOBROKER":
			told = false
		case strings.HasPrefix(w, "'"):
			args = append(args, strings.Trim(w, "'"))
		default:
			args = append(args, strings.ReplaceAll(w, "$DIR", s.dir))
		}
	}
	if told && !slices.Contains([]string{"debug", "install-tools"}, args[0]) {
		args = append(args, "--bootstrap", s.addr)
	}
	stdout, stderr, code := s.run(stdin, args...)
	return s.report(stdout, stderr, code)
}

// prepare brings about a state of transactions that no command can.
func (s *stage) prepare(words []string) bool {
	s.t.Helper()
	var numbers []int
	for _, w := range words {
		n, _ := strconv.Atoi(w)
		numbers = append(numbers, n)
	}
	var err error
	switch words[0] {
	case "OPEN":
		var producer *kgo.Client
		if producer, err = clitest.Open(s.t.Context(), s.addr, words[1], words[2], int32(numbers[3])); err == nil {
			s.t.Cleanup(producer.Close)
			s.producers[words[1]] = producer
		}
	case "END":
		err = clitest.End(s.t.Context(), s.producers[words[1]], words[1], words[2] == "commit")
	case "HANG":
		err = clitest.Hang(s.t.Context(), s.addr, int64(numbers[1]), words[2], int32(numbers[3]), time.Duration(numbers[4])*time.Minute)
	default:
		return false
	}
	if err != nil {
		s.t.Fatalf("%v: %v", words, err)
	}
	return true
}

// run runs `ottla args` and gives what it wrote, and its exit code.
func (s *stage) run(stdin string, args ...string) (stdout, stderr string, code int) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	root := Root()
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&errs)
	code = execute(ctx, root, args, &errs)
	return out.String(), errs.String(), code
}

var (
	uuids = regexp.MustCompile(`(\s|")[A-Za-z0-9_-]{22}(\s|",|$)`)
	names = regexp.MustCompile(`ottla-[0-9a-f-]{36}`)
	ports = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
	dates = regexp.MustCompile(`20[0-9][0-9]-[01][0-9]-[0-3][0-9][ T][0-9:.]{12}Z?`)
	young = regexp.MustCompile(`( for +|DATE +|40s +)[0-9]+m?s\b`)
	lag   = regexp.MustCompile(`(compaction lag +)\S+`)
	stamp = regexp.MustCompile(`\b17[0-9]{11}\b|\b1[89][0-9]{11}\b`)
)

func (s *stage) report(stdout, stderr string, code int) string {
	return clitest.Report(stdout, stderr, code, s.normal)
}

func (s *stage) normal(line string) string {
	line = uuids.ReplaceAllString(line, "${1}UUID$2")
	line = names.ReplaceAllString(line, "ottla-MEMBER")
	line = strings.ReplaceAll(line, s.port, "PPPPP")
	line = ports.ReplaceAllString(line, "127.0.0.1:PPPPP")
	line = dates.ReplaceAllString(line, "DATE")
	line = stamp.ReplaceAllString(line, "MILLIS")
	line = lag.ReplaceAllString(line, "${1}LAG")
	line = young.ReplaceAllString(line, "${1}AGE")
	return strings.ReplaceAll(line, s.dir, "$DIR")
}
