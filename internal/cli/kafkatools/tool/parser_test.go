package tool

import (
	"slices"
	"strings"
	"testing"
)

// sample is a parser with an option of every kind.
type sample struct {
	*Parser
	flag, text, number, many, state, needy *Option
}

func newSample() *sample {
	p := NewParser("A sample.")
	s := &sample{Parser: p, flag: p.Flag("flag", "A flag."), text: p.String("text", "word", "A word.").Default("none")}
	s.number = p.Int("number", "n", "A number.")
	s.many = p.String("many", "", "Words.").Repeated()
	s.state = p.String("state", "", "Perhaps a word.").OptionalArgument()
	s.needy = p.Flag("needy", "Only with the flag.").AvailableIf(s.flag)
	p.Alias(s.flag, "f")
	return s
}

func TestParseReadsEveryForm(t *testing.T) {
	s := newSample()
	o, err := s.Parse([]string{"--text", "a", "--many=1", "-number", "-5", "--many", "--flag", "word", "-f", "--state", "--", "--text"})
	if err != nil {
		t.Fatal(err)
	}
	if got := o.String(s.text); got != "a" {
		t.Errorf("text is %q", got)
	}
	if got := o.Strings(s.many); !slices.Equal(got, []string{"1", "--flag"}) {
		t.Errorf("many is %q: a required argument may look like an option", got)
	}
	if got := o.Int(s.number); got != -5 {
		t.Errorf("number is %d", got)
	}
	if !o.Has(s.flag) || !o.Has(s.state) || o.HasValue(s.state) {
		t.Error("flag and state must be there, state without a value")
	}
	if got := o.Rest(); !slices.Equal(got, []string{"word", "--text"}) {
		t.Errorf("rest is %q", got)
	}
	if got := o.Order(); !slices.Equal(got, []*Option{s.text, s.many, s.number, s.many, s.flag, s.state}) {
		t.Errorf("order is %v", got)
	}
}

func TestDefaultsCountWhereAnOptionIsAbsent(t *testing.T) {
	s := newSample()
	o, err := s.Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if o.Has(s.text) || o.String(s.text) != "none" || o.Int(s.number) != 0 {
		t.Errorf("has %t, text %q, number %d", o.Has(s.text), o.String(s.text), o.Int(s.number))
	}
}

func TestParseRefusesAsJoptsimpleDoes(t *testing.T) {
	for args, want := range map[string]string{
		"--nothing":           "nothing is not a recognized option",
		"-nothing":            "n is not a recognized option",
		"--text":              "Option text requires an argument",
		"--needy":             "Option(s) [needy] are unavailable given other options on the command line",
		"--needy --flag":      "",
		"--needy --help":      "",
		"--number x":          "Cannot parse argument 'x' of option number",
		"--number 9999999999": "Cannot parse argument '9999999999' of option number",
		"--text a --text b":   "Found multiple arguments for option text, but you asked for only one",
		"--many a --many b":   "",
		"--state x":           "",
	} {
		o, err := newSample().Parse(strings.Fields(args))
		if err == nil {
			err = o.ValueError()
		}
		if got := text(err); got != want {
			t.Errorf("%s: got %q, want %q", args, got, want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRequiredOptionsAreDemanded(t *testing.T) {
	p := NewParser("A sample.")
	p.String("here", "", "").Required()
	p.String("there", "", "").Required()
	_, err := p.Parse([]string{"--here", "x"})
	if got := text(err); got != "Missing required option(s) [there]" {
		t.Error(got)
	}
	if _, err := p.Parse([]string{"--version"}); err != nil {
		t.Errorf("the version needs no other option: %v", err)
	}
}

func TestChecksReportTheFirstUnmetDemand(t *testing.T) {
	s := newSample()
	parse := func(args string) *Check {
		o, err := s.Parse(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		return o.Check()
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{parse("--flag").Required(s.text, s.number).Err(), `Missing required argument "[text]"`},
		{parse("--flag --text a").Invalid(s.flag, s.number, s.text).Err(), `Option "[flag, f]" can't be used with option "[text]"`},
		{parse("--text a").Invalid(s.flag, s.text).Err(), ""},
		{parse("--flag --text a").OneOf(s.flag, s.text).Err(), "Exactly one of the following arguments is required: [flag, f], [text]"},
		{parse("--text a").OneOf(s.flag, s.text).Err(), ""},
		{parse("").HelpOrVersion().Required(s.text).Err(), "A sample."},
		{parse("--version --flag").HelpOrVersion().Err(), "4.3.1"},
	} {
		if got := text(c.err); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestUsageListsEveryOptionSorted(t *testing.T) {
	var b strings.Builder
	newSample().PrintUsage(&b)
	at := -1
	for _, want := range []string{"Option ", "--flag, -f ", "--help ", "--many <String>", "--number <Integer: n>", "--state [String]", "--text <String: word>", "(default: none)", "--version "} {
		next := strings.Index(b.String(), want)
		if next <= at {
			t.Errorf("%q is missing or out of order in\n%s", want, b.String())
		}
		at = next
	}
}
