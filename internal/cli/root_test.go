package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"ottla.dev/ottla/internal/cli/kafkatools"
	"ottla.dev/ottla/internal/cli/output"
)

// people gives the commands for people that do something: no nouns, none of Kafka's tools.
func people(t *testing.T) []*cobra.Command {
	t.Helper()
	var found []*cobra.Command
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			_, tool := kafkatools.Lookup(sub.Name())
			switch {
			case tool || sub.Name() == "help" || sub.Name() == "completion":
			case sub.HasSubCommands():
				walk(sub)
			default:
				found = append(found, sub)
			}
		}
	}
	walk(Root())
	if len(found) < 20 {
		t.Fatalf("only %d commands", len(found))
	}
	return found
}

func TestEveryCommandHasExamplesAndForms(t *testing.T) {
	for _, c := range people(t) {
		if !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s has no example of itself", c.CommandPath())
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: %q", c.CommandPath(), c.Short)
		}
		if c.Flag("output") == nil && c.Name() != "serve" {
			t.Errorf("%s has no --output", c.CommandPath())
		}
	}
}

// reading are the verbs that change nothing. Whatever else there is has a dry run.
var reading = []string{"list", "describe", "lag", "producers", "hanging", "analyze", "get", "log-dirs", "api-versions", "status", "check", "consume", "serve"}

func TestEveryMutationHasADryRun(t *testing.T) {
	for _, c := range people(t) {
		if has := c.Flag("dry-run") != nil; has == slices.Contains(reading, c.Name()) {
			t.Errorf("%s: --dry-run is there: %v", c.CommandPath(), has)
		}
	}
}

func TestWhatDestroysAsks(t *testing.T) {
	for _, c := range people(t) {
		destroys := slices.Contains([]string{"trim", "abort", "fence"}, c.Name()) || c.Name() == "delete" && c.Parent().Name() != "config"
		if (c.Flag("yes") != nil) != destroys {
			t.Errorf("%s: --yes is there: %v", c.CommandPath(), !destroys)
		}
	}
}

func TestTheHelpStatesExitCodes(t *testing.T) {
	s := &stage{t: t}
	stdout, stderr, code := s.run("", "--help")
	if code != 0 || stderr != "" || !strings.Contains(stdout, output.ExitCodes) {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	for _, c := range people(t) {
		stdout, _, code := s.run("", append(strings.Fields(c.CommandPath())[1:], "--help")...)
		if code != 0 || !strings.Contains(stdout, "Examples:") {
			t.Errorf("%s --help: exit %d\n%s", c.CommandPath(), code, stdout)
		}
	}
}

func TestToolsAreFoundByBothNames(t *testing.T) {
	for _, name := range []string{"/usr/bin/kafka-topics", "kafka-topics.sh"} {
		if code := Main([]string{name, "--version"}); code != 0 {
			t.Errorf("%s --version: exit %d", name, code)
		}
	}
	if code := Main([]string{"ottla", "kafka-topics", "--version"}); code != 0 {
		t.Errorf("ottla kafka-topics --version: exit %d", code)
	}
}

func TestCompletion(t *testing.T) {
	s := newStage(t)
	for _, topic := range []string{"orders", "other", "returns"} {
		if _, stderr, code := s.run("", "topic", "create", topic, "-b", s.addr); code != 0 {
			t.Fatal(stderr)
		}
	}
	if _, stderr, code := s.run("", "group", "reset", "billing", "--topic", "orders", "--to", "start", "--execute", "-b", s.addr); code != 0 {
		t.Fatal(stderr)
	}
	for _, tc := range []struct {
		args []string
		want []string
	}{
		{[]string{"topic", "describe", "o"}, []string{"orders", "other"}},
		{[]string{"topic", "describe", "orders", ""}, []string{"other", "returns"}},
		{[]string{"consume", "r"}, []string{"returns"}},
		{[]string{"group", "describe", ""}, []string{"billing"}},
		{[]string{"config", "get", ""}, []string{"topic", "broker", "cluster", "group"}},
		{[]string{"config", "set", "topic", "orders", "retention."}, []string{"retention.bytes=", "retention.ms="}},
		{[]string{"broker", "describe", ""}, []string{"1"}},
		{[]string{"produce", "orders", "--compression", ""}, []string{"none", "gzip", "snappy", "lz4", "zstd"}},
		{[]string{"topic", "list", "-o", ""}, []string{"table", "wide", "json", "yaml"}},
	} {
		// the flag stands first, as what is completed must stand last
		args := append([]string{cobra.ShellCompNoDescRequestCmd, tc.args[0], "-b", s.addr}, tc.args[1:]...)
		stdout, stderr, code := s.run("", args...)
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		if got := lines[:len(lines)-1]; code != 0 || !slices.Equal(got, tc.want) {
			t.Errorf("%v: %v, want %v (exit %d, %s)", tc.args, got, tc.want, code, stderr)
		}
	}
	stdout, _, _ := s.run("", cobra.ShellCompNoDescRequestCmd, "topic", "-b", "127.0.0.1:1", "describe", "")
	if strings.TrimSpace(stdout) != ":4" {
		t.Errorf("without a broker: %q", stdout)
	}
}

func TestUnknownFlagNamesTheNearest(t *testing.T) {
	for args, want := range map[string]string{
		"topic create t --bootstrap-server x": "--bootstrap?", "produce t --brokers x": "--bootstrap?", "topic create t --partition 3": "--partitions?",
		"topic create t --bogus": "", "topic create t -y": "",
	} {
		var stderr strings.Builder
		if code := execute(t.Context(), Root(), strings.Fields(args), &stderr); code != output.Usage {
			t.Errorf("%s: exit code %d", args, code)
		}
		if got := stderr.String(); want == "" && strings.Contains(got, "Did you mean") || !strings.Contains(got, want) {
			t.Errorf("%s: %q in\n%s", args, want, got)
		}
	}
}
