package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTurnsGiveEverybodyEveryPlace(t *testing.T) {
	for _, sides := range [][]string{{"a"}, {"a", "b"}, {"a", "b", "c"}} {
		places, follows := map[string]bool{}, map[string]bool{}
		for round := range 2 * len(sides) {
			order := turns(sides, round)
			if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, sides) {
				t.Fatalf("round %d: %v", round, order)
			}
			for i, side := range order {
				places[side+string(rune('0'+i))] = true
				if i > 0 {
					follows[order[i-1]+side] = true
				}
			}
		}
		n := len(sides)
		if len(places) != n*n || len(follows) != n*(n-1) {
			t.Errorf("%v: %d of %d places, %d of %d neighbours", sides, len(places), n*n, len(follows), n*(n-1))
		}
	}
}

func TestSides(t *testing.T) {
	for list, good := range map[string]bool{"ottla": true, "ottla,floor": true, "apache,ottla": true, "": false, "ottla,ottla": false, "kafka": false} {
		if _, err := checkSides(list); (err == nil) != good {
			t.Errorf("-sides %q: %v", list, err)
		}
	}
}

func TestOnlyNamesBeginnings(t *testing.T) {
	o := options{only: "produce-1,start"}
	for name, want := range map[string]bool{"produce-1k": true, "produce-100b": true, "start": true, "produce-many": false, "fetch-1k": false} {
		if o.chosen(name) != want {
			t.Errorf("%s: chosen is %v", name, !want)
		}
	}
	if !(options{}).chosen("x") || (options{only: ","}).chosen("x") {
		t.Error("no -only means all, an empty name none")
	}
}

func TestLoadsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range loads(true) {
		if seen[l.name] || l.about == "" || l.run == nil {
			t.Errorf("load %q", l.name)
		}
		seen[l.name] = true
	}
}

// TestRunAgainstTheFloor builds the floors and runs a load through the whole command, without a broker.
func TestRunAgainstTheFloor(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs and moves some hundred megabytes")
	}
	file := filepath.Join(t.TempDir(), "out.json")
	var out strings.Builder
	err := run(t.Context(), []string{"-quick", "-rounds", "1", "-sides", "floor", "-only", "produce-1k", "-ottla", "none", "-tmp", t.TempDir(), "-out", file}, &out)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Samples []struct{ Measure, Side string }
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Samples) != 4 || got.Samples[0].Side != "floor" || !strings.Contains(out.String(), "CPU-s/GB") {
		t.Errorf("%+v\n%s", got.Samples, out.String())
	}
}
