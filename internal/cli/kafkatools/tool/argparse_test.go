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
