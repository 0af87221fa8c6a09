package txn

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the expected output of the scripts")

// TestScripts plays the scripts in testdata. A script is a sequence of steps: commands, a line of dashes, and what the
// machine answered, wrote and sent, exactly. The commands are described at world.run.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { playScript(t, path) })
	}
}

const dashes = "----"

func playScript(t *testing.T, path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld()
	var got strings.Builder
	for i, step := range strings.Split(strings.TrimRight(string(content), "\n"), "\n\n") {
		commands, want, _ := strings.Cut(step, "\n"+dashes)
		w.out.Reset()
		comment := true
		for _, line := range strings.Split(commands, "\n") {
			if strings.HasPrefix(line, "#") {
				continue
			}
			comment = false
			if err := w.run(line); err != nil {
				t.Fatalf("step %d: %s: %v", i+1, line, err)
			}
			if err := w.check(); err != nil {
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
		output := strings.TrimRight(w.out.String(), "\n")
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
	if err := w.checkAllAnswered(); err != nil {
		t.Error(err)
	}
}
