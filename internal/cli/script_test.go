package cli

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ottla.dev/ottla/broker"
)

var update = flag.Bool("update", false, "write the scripts' output as it is now")

// TestScripts plays testdata/scripts: each file is a conversation with a fresh node. A line "$ command" runs `ottla command`; what follows up to a
// blank line is its output: standard output as it is, standard error behind "! ", and "exit N" if the code is not 0. A first word <'text' is the
// standard input, with \n for line ends. $DIR stands for a directory of the test, NOBROKER in front for a command that is not told the node.
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
			part := func(lines []string) string { return strings.Join(lines[min(i, len(lines)):min(i+8, len(lines))], "\n") }
			return fmt.Sprintf("line %d\nwant:\n%s\ngot:\n%s", i+1, part(w), part(g))
		}
	}
	return "no difference"
}

// stage is where a script plays.
type stage struct {
	t    *testing.T
	addr string
	port string
	dir  string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	node, err := broker.Start(t.Context(), broker.Config{
		DataDir: t.TempDir(), Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Properties: map[string]string{"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "1"},
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
	return &stage{t: t, addr: node.Addr(), port: port, dir: t.TempDir()}
}

func (s *stage) play(script string) string {
	var out strings.Builder
	skipping := false
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			out.WriteString(line + "\n" + s.command(command))
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

var quoted = regexp.MustCompile(`<?'[^']*'|\S+`)

// command runs one line of a script and returns what it shows.
func (s *stage) command(line string) string {
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
	stamp = regexp.MustCompile(`\b17[0-9]{11}\b|\b1[89][0-9]{11}\b`)
)

// report writes output as scripts show it. Blank lines become dots.
func (s *stage) report(stdout, stderr string, code int) string {
	var out strings.Builder
	for line := range strings.Lines(stdout) {
		out.WriteString(s.normal(line, ""))
	}
	for line := range strings.Lines(stderr) {
		out.WriteString(s.normal(line, "! "))
	}
	if code != 0 {
		fmt.Fprintf(&out, "exit %d\n", code)
	}
	return out.String()
}

func (s *stage) normal(line, mark string) string {
	line = strings.TrimRight(line, "\n")
	line = uuids.ReplaceAllString(line, "${1}UUID$2")
	line = names.ReplaceAllString(line, "ottla-MEMBER")
	line = strings.ReplaceAll(line, s.port, "PPPPP")
	line = ports.ReplaceAllString(line, "127.0.0.1:PPPPP")
	line = dates.ReplaceAllString(line, "DATE")
	line = stamp.ReplaceAllString(line, "MILLIS")
	line = strings.ReplaceAll(line, s.dir, "$DIR")
	if line == "" {
		line = "."
	}
	return mark + line + "\n"
}
