// Package clitest is what the tests of the commands share: conversations that are played from files, and the states of transactions that
// commands are tried on.
package clitest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// PlayAll plays the files that a pattern matches, each on a stage of its own. In a file, a line "$ command" is what the stage is given; what
// follows up to a blank line is what the stage must give back. update writes the files anew instead of comparing.
func PlayAll(t *testing.T, pattern string, update bool, newStage func(*testing.T) func(command string) string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
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
			got := play(string(text), newStage(t))
			if got == string(text) {
				return
			}
			if update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("%s\n%s", file, firstDifference(string(text), got))
		})
	}
}

// play runs a script's commands and returns it with their present output.
func play(script string, run func(command string) string) string {
	var out strings.Builder
	skipping := false
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			out.WriteString(line + "\n" + run(command))
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

func firstDifference(want, got string) string {
	const shown = 8
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := 0; i < len(w) || i < len(g); i++ {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			part := func(lines []string) string {
				return strings.Join(lines[min(i, len(lines)):min(i+shown, len(lines))], "\n")
			}
			return fmt.Sprintf("line %d\nwant:\n%s\ngot:\n%s", i+1, part(w), part(g))
		}
	}
	return "no difference"
}

// Report writes what a command wrote as scripts show it: standard output as it is, standard error behind "! ", "exit N" if the code is not 0,
// blank lines as dots. normal makes a line the same in every run.
func Report(stdout, stderr string, code int, normal func(line string) string) string {
	var out strings.Builder
	write := func(text, mark string) {
		for line := range strings.Lines(text) {
			line = normal(strings.TrimRight(line, " \n"))
			if line == "" {
				line = "."
			}
			out.WriteString(mark + line + "\n")
		}
	}
	write(stdout, "")
	write(stderr, "! ")
	if code != 0 {
		fmt.Fprintf(&out, "exit %d\n", code)
	}
	return out.String()
}
