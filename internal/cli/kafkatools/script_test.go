package kafkatools_test

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/broker"
	"ottla.dev/ottla/internal/cli/clitest"
	"ottla.dev/ottla/internal/cli/kafkatools"
)

var update = flag.Bool("update", false, "write the scripts' output as it is now")

// TestScripts plays testdata/scripts: each file is a conversation with a fresh cluster of one broker. A line "$ tool args"
// runs a tool; what follows up to a blank line is its output, as clitest.Report writes it. $B stands for --bootstrap-server
// with the cluster's address, $DIR for a directory of the test. Other commands prepare things: "$ produce topic partition
// count", "$ commit group topic partition offset", "$ file name text".
func TestScripts(t *testing.T) {
	clitest.PlayAll(t, "testdata/scripts/*.txt", *update, func(t *testing.T) func(string) string {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		return newStage(t, cluster.ListenAddrs()[0]).command
	})
}

// TestScriptsOnANode plays testdata/node in the same way, with a node of Ottla that does not verify transactions. Further
// commands: "$ open id topic partition" leaves a transaction open, "$ end id commit|abort" ends it, "$ hang producer topic
// partition minutes" has one hang.
func TestScriptsOnANode(t *testing.T) {
	clitest.PlayAll(t, "testdata/node/*.txt", *update, func(t *testing.T) func(string) string {
		node, err := broker.Start(t.Context(), broker.Config{
			DataDir: t.TempDir(), Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
			Properties: map[string]string{"transaction.partition.verification.enable": "false", "transaction.state.log.num.partitions": "2"},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := node.Close(); err != nil {
				t.Error(err)
			}
		})
		return newStage(t, node.Addr()).command
	})
}

// stage is where a script plays.
type stage struct {
	t    *testing.T
	addr string
	dir  string
	kgo  *kgo.Client

	producers map[string]*kgo.Client // with open transactions, by transactional id
}

func newStage(t *testing.T, addr string) *stage {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &stage{t: t, addr: addr, dir: t.TempDir(), kgo: client, producers: map[string]*kgo.Client{}}
}

func (s *stage) command(line string) string { return s.run(s.words(line)) }

var quoted = regexp.MustCompile(`'[^']*'|\S+`)

// words splits a command at blanks outside of single quotes.
func (s *stage) words(command string) []string {
	var words []string
	for _, w := range quoted.FindAllString(command, -1) {
		if w == "$B" {
			words = append(words, "--bootstrap-server", s.addr)
			continue
		}
		words = append(words, strings.ReplaceAll(strings.Trim(w, "'"), "$DIR", s.dir))
	}
	return words
}

func (s *stage) run(words []string) string {
	s.t.Helper()
	switch words[0] {
	case "produce":
		s.produce(words[1], s.number(words[2]), s.number(words[3]))
		return ""
	case "commit":
		s.commit(words[1], words[2], s.number(words[3]), s.number(words[4]))
		return ""
	case "open":
		s.open(words[1], words[2], s.number(words[3]))
		return ""
	case "end":
		s.end(words[1], words[2] == "commit")
		return ""
	case "hang":
		if err := clitest.Hang(s.t.Context(), s.addr, int64(s.number(words[1])), words[2], int32(s.number(words[3])), time.Duration(s.number(words[4]))*time.Minute); err != nil {
			s.t.Fatal(err)
		}
		return ""
	case "file":
		text := strings.ReplaceAll(words[2], `\n`, "\n")
		if err := os.WriteFile(filepath.Join(s.dir, words[1]), []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
		return ""
	}
	tool, ok := kafkatools.Lookup(words[0])
	if !ok {
		s.t.Fatalf("no tool %s", words[0])
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	code := tool.Run(ctx, kafkatools.IO{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr}, words[1:])
	return s.report(stdout.String(), stderr.String(), code)
}

func (s *stage) number(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// recordTime is the first record's timestamp; each further record is a second younger.
var recordTime = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *stage) produce(topic string, partition, count int) {
	for i := range count {
		r := &kgo.Record{Topic: topic, Partition: int32(partition), Value: []byte("v"), Timestamp: recordTime.Add(time.Duration(i) * time.Second)}
		if err := s.kgo.ProduceSync(s.t.Context(), r).FirstErr(); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *stage) commit(group, topic string, partition, offset int) {
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, int32(partition), int64(offset), -1)
	if err := kadm.NewClient(s.kgo).CommitAllOffsets(s.t.Context(), group, offsets); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) open(id, topic string, partition int) {
	producer, err := clitest.Open(s.t.Context(), s.addr, id, topic, int32(partition))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(producer.Close)
	s.producers[id] = producer
}

func (s *stage) end(id string, commit bool) {
	if err := clitest.End(s.t.Context(), s.producers[id], id, commit); err != nil {
		s.t.Fatal(err)
	}
}

var (
	topicID  = regexp.MustCompile(`TopicId: [A-Za-z0-9_-]{22}`)
	dirID    = regexp.MustCompile(`directory\.id=[A-Za-z0-9_-]{22}`)
	port     = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
	duration = regexp.MustCompile(`(MILLIS +\t)[0-9]+ *`) // beside the start of a transaction
	epoch    = regexp.MustCompile(`Epoch: [0-9]+`)
	stamp    = regexp.MustCompile(`\b1[789][0-9]{11}\b`)
)

// report writes output as scripts show it. The usage is cut, for it is help and not output.
func (s *stage) report(stdout, stderr string, code int) string {
	if at := strings.Index(stderr, "Option  "); at == 0 || at > 0 && stderr[at-1] == '\n' {
		stderr = stderr[:at] + "[usage]\n"
	}
	return clitest.Report(stdout, stderr, code, s.normal)
}

func (s *stage) normal(line string) string {
	line = topicID.ReplaceAllString(line, "TopicId: TOPICID")
	line = dirID.ReplaceAllString(line, "directory.id=ID")
	line = port.ReplaceAllString(line, "127.0.0.1:PPPPP")
	line = duration.ReplaceAllString(stamp.ReplaceAllString(line, "MILLIS"), "${1}DURATION")
	line = epoch.ReplaceAllString(line, "Epoch: N")
	return strings.ReplaceAll(line, s.dir, "$DIR")
}
