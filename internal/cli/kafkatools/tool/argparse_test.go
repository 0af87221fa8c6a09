package tool

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func newArgSample() (p *Parser, config, feature, count, one, two *Option) {
	p = NewArgParser("sample", "A sample.", 0)
	config = p.String("config", "CONFIG", "A file.").Required()
	p.Alias(config, "c")
	feature = p.String("feature", "", "Features.").Many()
	count = p.Int("count", "", "A number.").Choices("0", "1", "-1")
	one, two = p.Flag("one", ""), p.Flag("two", "")
	p.Exclusive(false, one, two)
	return p, config, feature, count, one, two
}

func TestArgparseReadsEveryForm(t *testing.T) {
	p, config, feature, count, one, _ := newArgSample()
	o, err := p.Parse([]string{"--feature", "a=1", "b=2", "-cfile", "--count", "-1", "--feature=c=3", "--on"})
	if err != nil {
		t.Fatal(err)
	}
	if got := o.Strings(feature); !slices.Equal(got, []string{"a=1", "b=2", "c=3"}) {
		t.Errorf("feature is %q", got)
	}
	if o.String(config) != "file" || o.Int(count) != -1 || !o.Has(one) {
		t.Errorf("config %q, count %d, one %t", o.String(config), o.Int(count), o.Has(one))
	}
}

func TestArgparseRefusesWithUsageInFront(t *testing.T) {
	for args, want := range map[string]string{
		"":                       "argument --config/-c is required",
		"-c":                     "argument --config/-c: expected one argument",
		"-c x --feature":         "argument --feature: expected at least one argument",
		"-c x --count 7":         "argument --count: invalid choice: '7' (choose from {0,1,-1})",
		"-c x --count y":         `argument --count: could not convert 'y' to Integer (For input string: "y")`,
		"-c x --nothing":         "unrecognized arguments: '--nothing'",
		"-c x word --one":        "unrecognized arguments: 'word --one'",
		"-c x --two --one":       "argument --two: not allowed with argument --one",
		"-c x --co 1":            "ambiguous option: --co could match --config, --count",
		"-c x --count=1 --fea a": "",
	} {
		p, _, _, _, _, _ := newArgSample()
		_, err := p.Parse(strings.Fields(args))
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", args, err)
			}
			continue
		}
		var exit *Exit
		if !errors.As(err, &exit) || exit.Code != 1 || !strings.HasPrefix(exit.Message, "usage: sample [-h] ") || !strings.HasSuffix(exit.Message, "\nsample: error: "+want) {
			t.Errorf("%s: got %v", args, err)
		}
	}
}

func TestArgparseHelpGoesToStandardOutput(t *testing.T) {
	p, _, _, _, _, _ := newArgSample()
	_, err := p.Parse([]string{"-h"})
	var out, errs strings.Builder
	if code := Finish(IO{Stdout: &out, Stderr: &errs}, p, err); code != 0 || errs.Len() > 0 {
		t.Errorf("code %d, standard error %q", code, errs.String())
	}
	for _, want := range []string{"usage: sample [-h] --config CONFIG", "A sample.", "--config, -c CONFIG"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func newCommandSample() (p *Parser, bootstrap, start, epoch *Option) {
	p = NewArgParser("sample", "A sample.", 1)
	p.WithVersion()
	bootstrap = p.String("bootstrap-server", "host:port", "Where.").Required()
	abort := p.Command("abort", "", "Abort it.")
	start = abort.Long("start-offset", "", "Where it starts.").Required()
	epoch = abort.Short("epoch", "", "Which epoch.")
	p.Command("list", "Lists them.", "List them.")
	p.Command("list-all", "", "List all.")
	return p, bootstrap, start, epoch
}

func TestSubcommandsHaveOptionsOfTheirOwn(t *testing.T) {
	p, bootstrap, start, epoch := newCommandSample()
	o, err := p.Parse([]string{"--bootstrap-server", "b:1", "ab", "--start-offset", "-7", "--epoch=12"})
	if err != nil {
		t.Fatal(err)
	}
	name, sub := o.Command()
	if name != "abort" || o.String(bootstrap) != "b:1" || sub.Long(start) != -7 || sub.Int(epoch) != 12 {
		t.Errorf("command %q, bootstrap %q, start %d, epoch %d", name, o.String(bootstrap), sub.Long(start), sub.Int(epoch))
	}
}

func TestSubcommandsAreRefused(t *testing.T) {
	for args, want := range map[string]string{
		"":                                      "sample: error: too few arguments",
		"--bootstrap-server b:1":                "sample: error: too few arguments",
		"list":                                  "sample: error: argument --bootstrap-server is required",
		"nothing":                               "sample: error: invalid choice: 'nothing' (choose from 'abort', 'list', 'list-all')",
		"li":                                    "sample: error: ambiguous command: li could match list, list-all",
		"list --bootstrap-server b:1":           "sample: error: unrecognized arguments: '--bootstrap-server'",
		"--bootstrap-server b:1 abort":          "sample: error: argument --start-offset is required",
		"abort --start-offset 1 --epoch 40000":  `sample: error: argument --epoch: could not convert '40000' to Short (Value out of range. Value:"40000" Radix:10)`,
		"abort --start-offset 1 --epoch x":      `sample: error: argument --epoch: could not convert 'x' to Short (For input string: "x")`,
		"--bootstrap-server b:1 list":           "",
		"--bootstrap-server b:1 list --nothing": "sample: error: unrecognized arguments: '--nothing'",
		"--bootstrap-server b:1 list-a further on": "sample: error: unrecognized arguments: 'further on'",
	} {
		p, _, _, _ := newCommandSample()
		_, err := p.Parse(strings.Fields(args))
		if got := text(err); got != want && !strings.HasSuffix(got, "\n"+want) {
			t.Errorf("%s: got %q, want %q", args, got, want)
		}
	}
}

func TestSubcommandsStandInUsageAndHelp(t *testing.T) {
	p, _, _, _ := newCommandSample()
	if got := p.Usage(); !strings.HasSuffix(got, "--bootstrap-server host:port {abort,list,list-all} ...") {
		t.Error(got)
	}
	p.CommandWord("COMMAND")
	if got := p.Usage(); !strings.HasSuffix(got, "--bootstrap-server host:port COMMAND ...") {
		t.Error(got)
	}
	var exit *Exit
	_, err := p.Parse([]string{"-h"})
	if !errors.As(err, &exit) || exit.Code != 1 || !strings.Contains(exit.Message, "\ncommands:\n  abort ") {
		t.Errorf("%v", err)
	}
	_, err = p.Parse([]string{"list", "--help"})
	if !errors.As(err, &exit) || !exit.Stdout || !strings.HasPrefix(exit.Message, "usage: sample --bootstrap-server host:port list [-h]\n\nLists them.\n") {
		t.Errorf("%v", err)
	}
	_, err = p.Parse([]string{"-v"})
	if !errors.As(err, &exit) || exit.Code != 0 || exit.Message != KafkaVersion {
		t.Errorf("%v", err)
	}
}

func TestErrorsCanBeToldInAnotherWay(t *testing.T) {
	p := NewArgParser("sample", "A sample.", 0)
	p.ReportErrors(func(message string) error { return Fail("wrong: %s", message) })
	p.Command("list", "", "List them.")
	for _, args := range []string{"--nothing", "list --nothing"} {
		if _, err := p.Parse(strings.Fields(args)); text(err) != "wrong: unrecognized arguments: '--nothing'" {
			t.Errorf("%s: %v", args, err)
		}
	}
}
