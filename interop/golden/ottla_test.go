package golden

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// startOttla starts a fresh node of Ottla for the scripts; the file that can reach the broker sets it. Without it there is nothing to
// compare, and the tests say so.
var startOttla Starter

// TestOttlaAnswersAsApacheKafka plays every script to Ottla and compares with the recordings. OTTLA_GOLDEN=fetch/ plays those with that
// part in their names, OTTLA_GOLDEN_ALL=1 shows what differs on purpose as well.
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
	if os.Getenv("OTTLA_GOLDEN_ALL") != "" { // also what differs on purpose
		differences = Differences{}
	}
	suite := &Suite{Start: startOttla}
	t.Cleanup(func() {
		if err := suite.Close(); err != nil {
			t.Errorf("stop the shared node: %v", err)
		}
	})
	used := map[int]bool{}
	agrees := map[string]bool{} // pending line → whether all its scripts agree
	played := 0                 // -run leaves scripts out too
	for _, s := range scripts {
		t.Run(s.Name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			played++
			found, byEntry := playAndCompare(ctx, t, suite, s, differences.List)
			for i := range byEntry {
				used[i] = true
			}
			if prefix, pending := differences.PendingFor(s.Name); pending {
				before, seen := agrees[prefix]
				agrees[prefix] = len(found) == 0 && (before || !seen)
				t.Logf("pending: %d places differ", len(found))
				return
			}
			show(t, found)
		})
	}
	if only != "" || played < len(scripts) || t.Failed() {
		return
	}
	for i, d := range differences.List {
		if !used[i] {
			t.Errorf("differences.txt:%d: nothing differs any more at %s | %s | %s: take it out", d.Line, d.Script, d.Step, d.Path)
		}
	}
	for _, prefix := range differences.Pending {
		if all, played := agrees[prefix]; all || !played {
			t.Errorf("differences.txt: nothing of %s is pending any more: take the line out", prefix)
		}
	}
}

// mostShown bounds how many mismatches of one script are printed; the first ones usually explain the rest. OTTLA_GOLDEN_SHOW sets it.
var mostShown = 15

func init() {
	if n, err := strconv.Atoi(os.Getenv("OTTLA_GOLDEN_SHOW")); err == nil {
		mostShown = n
	}
}

// playAndCompare returns what differs in words, and which entries of the differences were needed.
func playAndCompare(ctx context.Context, t *testing.T, suite *Suite, s *Script, differences []Difference) (found []string, used map[int]bool) {
	want, err := ReadRecording(s.GoldenFile())
	if err != nil {
		t.Fatal(err)
	}
	got, err := suite.Play(ctx, s)
	if err != nil {
		found = append(found, fmt.Sprintf("%s ended at %v", filepath.ToSlash(s.File), err))
		want = want[:min(len(want), len(got))] // what came before the end is worth comparing
	}
	unexplained, used := Explain(Compare(s.Name, want, got), differences)
	for _, m := range unexplained {
		found = append(found, strings.TrimRight(m.String(), "\n"))
	}
	return found, used
}

func show(t *testing.T, found []string) {
	t.Helper()
	for i, text := range found {
		if i == mostShown {
			t.Errorf("and %d more", len(found)-mostShown)
			return
		}
		t.Errorf("%s", text)
	}
}
