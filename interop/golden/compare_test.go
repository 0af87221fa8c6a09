package golden

import (
	"strings"
	"testing"
)

func compareTexts(t *testing.T, step, want, got string) []Mismatch {
	t.Helper()
	return Compare("folder/script", []Outcome{{Step: step, Answer: mustParse(t, want)}}, []Outcome{{Step: step, Answer: mustParse(t, got), Where: "line 3"}})
}

func TestEveryKindOfDifferenceIsFoundWithItsPath(t *testing.T) {
	for _, c := range []struct{ step, want, got, path string }{
		{"1 Heartbeat v0", `{ErrorCode: A}`, `{ErrorCode: B}`, "ErrorCode"},
		{"1 Heartbeat v0", `{ErrorCode: A}`, `{}`, "ErrorCode"},
		{"1 Heartbeat v0", `{}`, `{ErrorCode: A}`, "ErrorCode"},
		{"1 Heartbeat v0", `{}`, `"connection closed"`, ""},
		{"1 Heartbeat v0", `"connection closed"`, `{}`, ""},
		{"1 Fetch v4", `{Topics: []}`, `{Topics: null}`, "Topics"},
		{"1 Fetch v4", `{Topics: [{Topic: "a"}]}`, `{Topics: [{Topic: "b"}]}`, "Topics[0].Topic"},
		{"1 Fetch v4", `{Topics: [{Topic: "a"}]}`, `{Topics: [{Topic: "a"}, {Topic: "b"}]}`, "Topics[1]"},
		{"1 Metadata v1", `{Topics: [{Topic: "a"}, {Topic: "b"}]}`, `{Topics: [{Topic: "b"}]}`, "Topics[a]"},
		{"1 Metadata v1", `{Topics: [{Topic: "a", Partitions: [{Partition: 3, Leader: 1}]}]}`, `{Topics: [{Topic: "a", Partitions: [{Partition: 3, Leader: 2}]}]}`, "Topics[a].Partitions[3].Leader"},
		{"1 CreateTopics v2", `{Topics: [{Topic: "a", ErrorMessage: "<words>"}]}`, `{Topics: [{Topic: "a"}]}`, "Topics[a].ErrorMessage"},
	} {
		found := compareTexts(t, c.step, c.want, c.got)
		if len(found) != 1 || found[0].Path != c.path || found[0].Step != c.step || found[0].Where != "line 3" {
			t.Errorf("%s against %s: %v, want one at %q", c.want, c.got, found, c.path)
		}
		if same := compareTexts(t, c.step, c.want, c.want); len(same) > 0 {
			t.Errorf("%s against itself: %v", c.want, same)
		}
	}
}

func TestMissingAndFurtherStepsAreDifferences(t *testing.T) {
	one, two := Outcome{Step: "1 Heartbeat v0", Answer: &Object{}}, Outcome{Step: "2 Heartbeat v1", Answer: &Object{}}
	if m := Compare("s", []Outcome{one, two}, []Outcome{one}); len(m) != 1 || m[0].Step != two.Step {
		t.Errorf("missing: %v", m)
	}
	if m := Compare("s", []Outcome{one}, []Outcome{one, two}); len(m) != 1 || m[0].Step != two.Step {
		t.Errorf("further: %v", m)
	}
	if m := Compare("s", []Outcome{two}, []Outcome{one}); len(m) != 1 {
		t.Errorf("other: %v", m)
	}
}

func TestAFailureTellsScriptStepPathWantAndGot(t *testing.T) {
	text := compareTexts(t, "1 Heartbeat v0", `{ErrorCode: A}`, `{ErrorCode: B}`)[0].String()
	for _, part := range []string{"folder/script", "1 Heartbeat v0", "line 3", "ErrorCode", "want A", "got  B"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
}

func TestDeliberateDifferencesCoverWhatTheyNameAndNothingElse(t *testing.T) {
	all, err := parseDifferences("# note\nfetch/* | * Fetch v1* | Topics[*].Partitions[0]*\n  because\n  of this\nx/y | * | *\n  never used\npending new/\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, pending := all.PendingFor("new/api"); !pending {
		t.Error("new/api is not pending")
	}
	if _, pending := all.PendingFor("x/new"); pending {
		t.Error("x/new is pending")
	}
	list := all.List
	if list[0].Reason != "because of this" {
		t.Errorf("reason %q", list[0].Reason)
	}
	found := []Mismatch{
		{Script: "fetch/errors", Step: "3 Fetch v12", Path: "Topics[a].Partitions[0].ErrorCode"},
		{Script: "fetch/errors", Step: "3 Fetch v4", Path: "Topics[a].Partitions[0].ErrorCode"},
		{Script: "fetch/errors", Step: "3 Fetch v12", Path: "ErrorCode"},
	}
	one := Difference{Script: "fetch/*", Step: "* Fetch *", Path: "*ErrorCode", Want: "NO*"}
	for want, covered := range map[string]bool{"NONE": true, "OTHER": false} {
		m := Mismatch{Script: "fetch/errors", Step: "3 Fetch v12", Path: "ErrorCode", Want: want}
		if one.covers(m) != covered {
			t.Errorf("a difference where Kafka answers NO* covers %s: %v", want, !covered)
		}
	}
	rest, used := Explain(found, list)
	if len(rest) != 2 || !used[0] || used[1] {
		t.Errorf("unexplained %v, used %v", rest, used)
	}
	for _, bad := range []string{"a | b\n  reason", "a | b | c | d | e\n  reason", "a | b | c\n", "  reason first"} {
		if _, err := parseDifferences(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
