package golden

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startOttla starts a fresh node of Ottla for the scripts; the file that can reach the broker sets it. Without it there is nothing to
// compare, and the tests say so.
var startOttla Starter

// TestOttlaAnswersAsApacheKafka plays every script to Ottla and compares with the recordings. OTTLA_GOLDEN=fetch/ plays those with that
// part in their names.
func TestOttlaAnswersAsApacheKafka(t *testing.T) {
	if startOttla == nil {
		t.Fatal("no node to play the scripts to: startOttla is not set")
	}
	only := os.Getenv("OTTLA_GOLDEN")
	scripts, err := FindScripts(".", only)
	if err != nil {
		t.Fatal(err)
	}
	differences, err := ReadDifferences("differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	suite := &Suite{Start: startOttla}
	t.Cleanup(func() {
		if err := suite.Close(); err != nil {
			t.Errorf("stop the shared node: %v", err)
		}
	})
	used := map[int]bool{}
	for _, s := range scripts {
		t.Run(s.Name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			for i := range playAndCompare(ctx, t, suite, s, differences) {
				used[i] = true
			}
		})
	}
	if only == "" && !t.Failed() {
		for i, d := range differences {
			if !used[i] {
				t.Errorf("differences.txt:%d: nothing differs any more at %s | %s | %s: take it out", d.Line, d.Script, d.Step, d.Path)
			}
		}
	}
}

// mostShown bounds how many mismatches of one script are printed; the first ones usually explain the rest.
const mostShown = 15

func playAndCompare(ctx context.Context, t *testing.T, suite *Suite, s *Script, differences []Difference) map[int]bool {
	want, err := ReadRecording(s.GoldenFile())
	if err != nil {
		t.Fatal(err)
	}
	got, err := suite.Play(ctx, s)
	if err != nil {
		t.Errorf("%s ended at %v", filepath.ToSlash(s.File), err)
		want = want[:min(len(want), len(got))] // what came before the end is worth comparing
	}
	unexplained, used := Explain(Compare(s.Name, want, got), differences)
	for i, m := range unexplained {
		if i == mostShown {
			t.Errorf("and %d more", len(unexplained)-mostShown)
			break
		}
		t.Errorf("%s", strings.TrimRight(m.String(), "\n"))
	}
	return used
}
