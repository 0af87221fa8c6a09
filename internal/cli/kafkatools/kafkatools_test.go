package kafkatools_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"ottla.dev/ottla/internal/cli/kafkatools"
)

// TestToolsAreComplete names the tools of the first set: scripts find each under both of its names.
func TestToolsAreComplete(t *testing.T) {
	for _, name := range []string{
		"kafka-topics", "kafka-configs", "kafka-console-producer", "kafka-console-consumer", "kafka-consumer-groups", "kafka-get-offsets",
		"kafka-delete-records", "kafka-log-dirs", "kafka-broker-api-versions", "kafka-producer-perf-test", "kafka-consumer-perf-test",
		"kafka-verifiable-producer", "kafka-verifiable-consumer", "kafka-dump-log", "kafka-storage", "kafka-groups",
		"kafka-transactions", "kafka-features",
	} {
		for _, spelled := range []string{name, name + ".sh"} {
			if tool, ok := kafkatools.Lookup(spelled); !ok || tool.Name != name {
				t.Errorf("%s: found %t, named %q", spelled, ok, tool.Name)
			}
		}
	}
	if _, ok := kafkatools.Lookup("kafka-nothing"); ok {
		t.Error("kafka-nothing must not be found")
	}
}

func TestToolsAreSortedAndDescribed(t *testing.T) {
	all := kafkatools.All()
	if !slices.IsSortedFunc(all, func(a, b kafkatools.Tool) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the tools are not sorted by name")
	}
	for i, tool := range all {
		if tool.Short == "" || tool.Run == nil {
			t.Errorf("%s has no description or does nothing", tool.Name)
		}
		if i > 0 && all[i-1].Name == tool.Name {
			t.Errorf("%s is there twice", tool.Name)
		}
	}
}

// TestHelpNamesTheOptions asks every tool for help: no tool needs a cluster for that, and each names its options.
func TestHelpNamesTheOptions(t *testing.T) {
	for _, tool := range kafkatools.All() {
		var out bytes.Buffer
		code := tool.Run(t.Context(), kafkatools.IO{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out}, []string{"--help"})
		if code < 0 || code > 1 || !strings.Contains(out.String(), "--") && !strings.Contains(out.String(), "[-h]") {
			t.Errorf("%s --help ends with %d:\n%s", tool.Name, code, out.String())
		}
	}
}
