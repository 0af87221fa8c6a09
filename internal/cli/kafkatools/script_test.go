package kafkatools_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
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

	"ottla.dev/ottla/internal/cli/kafkatools"
)

var update = flag.Bool("update", false, "write the scripts' output as it is now")

// TestScripts plays testdata/scripts: each file is a conversation with a fresh cluster of one broker. A line "$ tool args"
// runs a tool; what follows up to a blank line is its output: standard output as it is, standard error behind "! ", and
// "exit N" if the code is not 0. $B stands for --bootstrap-server with the cluster's address, $DIR for a directory of the
// test. Other commands prepare things: "$ produce topic partition count", "$ commit group topic partition offset",
// "$ file name text".
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newStage(t).play(string(text))
			if got == string(text) {
				return
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("%s\n%s", file, firstDifference(string(text), got))
		})
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := 0; i < len(w) || i < len(g); i++ {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			return fmt.Sprintf("line %d\nwant:\n%s\ngot:\n%s", i+1, strings.Join(w[min(i, len(w)):min(i+6, len(w))], "\n"), strings.Join(g[min(i, len(g)):min(i+6, len(g))], "\n"))
		}
	}
	return "no difference"
}

// stage is where a script plays.
type stage struct {
	t    *testing.T
	addr string
	dir  string
	kgo  *kgo.Client
}

func newStage(t *testing.T) *stage {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	addr := cluster.ListenAddrs()[0]
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &stage{t: t, addr: addr, dir: t.TempDir(), kgo: client}
}

// play runs a script's commands and returns it with their present output.
func (s *stage) play(script string) string {
	var out strings.Builder
	skipping := false
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			out.WriteString(line + "\n" + s.run(s.words(command)))
			skipping = true
			continue
		}
		if line == "" {
			skipping = false
		}
		if !skipping {
			out.WriteString(line + "\n")
		}
	}
	return out.String()
}

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

var (
	topicID = regexp.MustCompile(`TopicId: [A-Za-z0-9_-]{22}`)
	dirID   = regexp.MustCompile(`directory\.id=[A-Za-z0-9_-]{22}`)
	port    = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
)

// report writes output as scripts show it. Blank lines become dots, and the usage is cut, for it is help and not output.
func (s *stage) report(stdout, stderr string, code int) string {
	var out strings.Builder
	for line := range strings.Lines(stdout) {
		out.WriteString(s.normal(line, ""))
	}
	for line := range strings.Lines(stderr) {
		if strings.HasPrefix(line, "Option  ") {
			out.WriteString("! [usage]\n")
			break
		}
		out.WriteString(s.normal(line, "! "))
	}
	if code != 0 {
		fmt.Fprintf(&out, "exit %d\n", code)
	}
	return out.String()
}

func (s *stage) normal(line, mark string) string {
	line = strings.TrimRight(line, " \n")
	line = topicID.ReplaceAllString(line, "TopicId: TOPICID")
	line = dirID.ReplaceAllString(line, "directory.id=ID")
	line = port.ReplaceAllString(line, "127.0.0.1:PPPPP")
	line = strings.ReplaceAll(line, s.dir, "$DIR")
	if line == "" {
		line = "."
	}
	return mark + line + "\n"
}
