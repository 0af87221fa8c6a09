// Package scripttest is what the tests of a coordinator share: the player of the scripts in which the tests of a state machine are written, what
// surrounds the machine in them, and the way of a request to a service.
package scripttest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the expected output of the scripts")

// World is a state machine with all that surrounds it.
type World struct {
	Out   *strings.Builder           // what it answered, wrote and sent
	Run   func(command string) error // plays one line of a script
	Check func() error               // finds what must not be, after each command
	End   func() error               // finds what is left undone, after the last
}

// Play plays the scripts in testdata, each in a world of its own. A script is a sequence of steps: commands, a line of dashes, and what came
// of them, exactly.
func Play(t *testing.T, world func() World) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { play(t, path, world()) })
	}
}

const dashes = "----"

func play(t *testing.T, path string, w World) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for i, step := range strings.Split(strings.TrimRight(string(content), "\n"), "\n\n") {
		commands, want, _ := strings.Cut(step, "\n"+dashes)
		w.Out.Reset()
		comment := true
		for _, line := range strings.Split(commands, "\n") {
			if strings.HasPrefix(line, "#") {
				continue
			}
			comment = false
			if err := w.Run(line); err != nil {
				t.Fatalf("step %d: %s: %v", i+1, line, err)
			}
			if err := w.Check(); err != nil {
				t.Fatalf("step %d: after %s: %v", i+1, line, err)
			}
		}
		if i > 0 {
			got.WriteString("\n\n")
		}
		got.WriteString(commands)
		if !comment {
			fmt.Fprintf(&got, "\n%s", dashes)
		}
		output := strings.TrimRight(w.Out.String(), "\n")
		if output != "" {
			got.WriteString("\n" + output)
		}
		if want = strings.TrimPrefix(want, "\n"); want != output && !*update {
			t.Errorf("step %d: %s\ngot:\n%s\nwant:\n%s", i+1, commands, output, want)
		}
	}
	got.WriteString("\n")
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(); err != nil {
		t.Error(err)
	}
}
