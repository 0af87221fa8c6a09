package golden

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/protocol"
)

func allScripts(t *testing.T) []*Script {
	t.Helper()
	scripts, err := FindScripts(".", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(scripts) == 0 {
		t.Fatal("no scripts")
	}
	return scripts
}

func TestEveryScriptHasARecordingThatReads(t *testing.T) {
	for _, s := range allScripts(t) {
		outcomes, err := ReadRecording(s.GoldenFile())
		if err != nil {
			t.Errorf("%s: %v; run make golden", s.Name, err)
			continue
		}
		if len(outcomes) == 0 {
			t.Errorf("%s: nothing is recorded", s.Name)
		}
		if s.About == "" {
			t.Errorf("%s does not say what it is about", s.Name)
		}
		for i, o := range outcomes {
			if !strings.HasPrefix(o.Step, fmt.Sprintf("%d ", i+1)) {
				t.Errorf("%s: step %q stands at place %d", s.Name, o.Step, i+1)
			}
		}
	}
}

func TestRecordingsSurviveWritingAndReading(t *testing.T) {
	for _, s := range allScripts(t) {
		outcomes, err := ReadRecording(s.GoldenFile())
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(s.GoldenFile())
		if err != nil {
			t.Fatal(err)
		}
		if again := recordingText(outcomes); again != string(text) {
			t.Errorf("%s changes when it is read and written", s.GoldenFile())
		}
	}
}

func TestRecordingsHoldNothingOfOneRun(t *testing.T) {
	for _, s := range allScripts(t) {
		text, err := os.ReadFile(s.GoldenFile())
		if err != nil {
			t.Fatal(err)
		}
		for _, alien := range []string{"127.0.0.1:", "apache-kafka-", "NOT_COORDINATOR", "COORDINATOR_LOAD"} {
			if strings.Contains(string(text), alien) {
				t.Errorf("%s contains %q", s.GoldenFile(), alien)
			}
		}
		if id := uuidPattern.FindString(strings.ReplaceAll(string(text), zeroID, "")); id != "" {
			t.Errorf("%s contains the id %s", s.GoldenFile(), id)
		}
	}
}

// Every version of every API that a node serves must have an answer of Apache Kafka to be compared with.
func TestEveryServedVersionIsRecorded(t *testing.T) {
	recorded := map[string]bool{}
	for _, s := range allScripts(t) {
		outcomes, err := ReadRecording(s.GoldenFile())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range outcomes {
			if _, isMessage := o.Answer.(*Object); isMessage {
				_, what, _ := strings.Cut(o.Step, " ")
				recorded[what] = true
			}
		}
	}
	for _, api := range protocol.Served {
		for v := api.Min; v <= api.Max; v++ {
			if api.Key == protocol.KeyProduce && v < 3 {
				continue // advertised and refused: the answer is a closed connection
			}
			if what := fmt.Sprintf("%s v%d", api.Name, v); !recorded[what] {
				t.Errorf("no script has an answer to %s", what)
			}
		}
	}
}

// A wrong field name would otherwise be found only by `make golden`.
func TestScriptsNameFieldsThatExist(t *testing.T) {
	var check func(t *testing.T, s *Script, list []statement)
	check = func(t *testing.T, s *Script, list []statement) {
		for _, st := range list {
			switch st := st.(type) {
			case *loop:
				check(t, s, st.body)
			case *define:
				check(t, s, st.body)
			case *request:
				message, err := requestFor(st.api)
				if err == nil {
					err = checkFields(reflect.TypeOf(message), st.body)
				}
				if err != nil {
					t.Errorf("%s:%d: %v", s.File, st.sourceLine(), err)
				}
			}
		}
	}
	for _, s := range allScripts(t) {
		check(t, s, s.statements)
	}
	message, _ := requestFor("Metadata")
	wrong := &Object{Fields: []Field{{Name: "Topics", Value: []any{&Object{Fields: []Field{{Name: "Tpoic", Value: "x"}}}}}}}
	if err := checkFields(reflect.TypeOf(message), wrong); err == nil {
		t.Error("the check itself does not see a wrong name")
	}
}

func TestDifferencesNameScriptsThatExist(t *testing.T) {
	differences, err := ReadDifferences("differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences.List {
		found := false
		for _, s := range allScripts(t) {
			found = found || matches(d.Script, s.Name)
		}
		if !found {
			t.Errorf("differences.txt:%d: no script %s", d.Line, d.Script)
		}
	}
}

func TestScriptsAreReadableText(t *testing.T) {
	for _, s := range allScripts(t) {
		file, err := os.Open(s.File)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(file)
		for n := 1; lines.Scan(); n++ {
			if strings.Contains(lines.Text(), "\t") || strings.TrimRight(lines.Text(), " ") != lines.Text() {
				t.Errorf("%s:%d: a tab or spaces at the end", s.File, n)
			}
		}
		if err := lines.Err(); err != nil {
			t.Error(err)
		}
		file.Close()
	}
}
