package tool

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// argumentParser is what differs in the manner of argparse4j, which some of Apache's tools use.
type argumentParser struct {
	prog        string
	helpCode    int
	exclusive   []exclusiveGroup
	commands    []subcommand
	commandWord string
	report      func(message string) error // nil: usage, program, message
}

type exclusiveGroup struct {
	required bool
	options  []*Option
}

// NewArgParser starts a parser in the manner of argparse4j: "-h", options whose names may be abbreviated, strict about
// unknown words, with a usage line in front of every error. Help goes to standard output and ends with code helpCode.
func NewArgParser(prog, intro string, helpCode int) *Parser {
	p := &Parser{intro: intro, names: map[string]*Option{}, argp: &argumentParser{prog: prog, helpCode: helpCode}}
	p.help = p.Flag("help", "Print this help and exit.")
	p.Alias(p.help, "h")
	return p
}

// Exclusive lets at most one of the options stand, and demands one if required.
func (p *Parser) Exclusive(required bool, options ...*Option) {
	p.argp.exclusive = append(p.argp.exclusive, exclusiveGroup{required, options})
}

// Many lets an option take all words up to the next option, at least one.
func (o *Option) Many() *Option { o.many, o.repeated = true, true; return o }

// Choices limits the values of an option.
func (o *Option) Choices(values ...string) *Option { o.choices = values; return o }

// dashed is the option as argparse4j's messages name it: "--config/-c".
func (o *Option) dashed() string {
	names := make([]string, len(o.names))
	for i, n := range o.names {
		names[i] = dash(n)
	}
	return strings.Join(names, "/")
}

func dash(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// Usage is the line that shows how the tool is called.
func (p *Parser) Usage() string {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: %s", p.argp.prog)
	for _, o := range p.options {
		text := dash(o.names[len(o.names)-1])
		if o.names[0] != "help" {
			text = dash(o.names[0])
		}
		if o.argument != noArgument {
			text += " " + o.metavar()
		}
		if !o.required {
			text = "[" + text + "]"
		}
		b.WriteString(" " + text)
	}
	if len(p.argp.commands) > 0 {
		b.WriteString(" " + p.usageOfCommands())
	}
	lines := wrap(b.String(), usageWidth, strings.Repeat(" ", len("usage: ")))
	return strings.Join(lines, "\n")
}

func (o *Option) metavar() string {
	name := o.argName
	if name == "" {
		name = strings.ToUpper(o.names[0])
	}
	if o.many {
		return name + " [" + name + " ...]"
	}
	return name
}

// ArgError is an error in the manner of argparse4j: usage, program, message.
func (p *Parser) ArgError(format string, args ...any) error {
	if p.argp.report != nil {
		return p.argp.report(fmt.Sprintf(format, args...))
	}
	program, _, _ := strings.Cut(p.argp.prog, " ") // without the subcommand
	return Fail("%s\n%s: error: %s", p.Usage(), program, fmt.Sprintf(format, args...))
}

// HelpText is what -h prints.
func (p *Parser) HelpText() string {
	var b bytes.Buffer
	b.WriteString(p.Usage() + "\n\n")
	if p.intro != "" {
		b.WriteString(strings.Join(wrap(p.intro, usageWidth, ""), "\n") + "\n\n")
	}
	b.WriteString("optional arguments:\n")
	for _, o := range p.options {
		head := "  " + strings.ReplaceAll(o.dashed(), "/", ", ")
		if o.argument != noArgument {
			head += " " + o.metavar()
		}
		helpLines(&b, head, o.usageDoc())
	}
	if len(p.argp.commands) > 0 {
		b.WriteString("\ncommands:\n")
	}
	for _, c := range p.argp.commands {
		helpLines(&b, "  "+c.name, c.doc)
	}
	return strings.TrimRight(b.String(), "\n")
}

// helpLines writes one entry of the help: what it is about, and beside or below it what is to be said.
func helpLines(b *bytes.Buffer, head, doc string) {
	if len(head) > 24 {
		fmt.Fprintln(b, head)
		head = ""
	}
	for _, line := range wrap(doc, usageWidth-25, "") {
		fmt.Fprintf(b, "%-25s%s\n", head, line)
		head = ""
	}
}

func (o *Options) parseArgparse() error {
	p := o.parser
	for i := 0; i < len(o.args); {
		word := o.args[i]
		if len(word) < 2 || word[0] != '-' {
			if len(p.argp.commands) > 0 {
				if err := o.takeCommand(o.args[i:]); err != nil {
					return err
				}
				break
			}
			return p.ArgError("unrecognized arguments: '%s'", strings.Join(o.args[i:], " "))
		}
		opt, value, hasValue, err := o.findArgparse(word)
		if err != nil {
			return err
		}
		if opt == p.help {
			return &Exit{Code: p.argp.helpCode, Message: p.HelpText(), Stdout: true}
		}
		if opt == p.version {
			return &Exit{Message: KafkaVersion, Stdout: true}
		}
		if i, err = o.takeArgparse(opt, value, hasValue, i+1); err != nil {
			return err
		}
	}
	if len(p.argp.commands) > 0 && o.command == "" {
		return p.ArgError("too few arguments")
	}
	return o.checkArgparse()
}

// findArgparse finds the option that a word names, in full or by an unambiguous beginning.
func (o *Options) findArgparse(word string) (opt *Option, value string, hasValue bool, err error) {
	p := o.parser
	if !strings.HasPrefix(word, "--") {
		if opt = p.names[word[1:2]]; opt != nil {
			return opt, word[2:], len(word) > 2, nil
		}
		return nil, "", false, p.ArgError("unrecognized arguments: '%s'", word)
	}
	name, value, hasValue := strings.Cut(word[2:], "=")
	if opt = p.names[name]; opt != nil {
		return opt, value, hasValue, nil
	}
	var matches []string
	for n, candidate := range p.names {
		if name != "" && len(n) > 1 && strings.HasPrefix(n, name) {
			matches = append(matches, "--"+n)
			opt = candidate
		}
	}
	switch len(matches) {
	case 0:
		return nil, "", false, p.ArgError("unrecognized arguments: '%s'", word)
	case 1:
		return opt, value, hasValue, nil
	}
	slices.Sort(matches)
	return nil, "", false, p.ArgError("ambiguous option: %s could match %s", word, strings.Join(matches, ", "))
}

func (o *Options) takeArgparse(opt *Option, value string, hasValue bool, next int) (int, error) {
	if opt.argument == noArgument {
		o.seen[opt] = []string{}
		return next, nil
	}
	values := []string{value}
	if !hasValue {
		end := next
		for end < len(o.args) && !o.optionLike(o.args[end]) && (opt.many || end == next) {
			end++
		}
		if end == next {
			want := "one argument"
			if opt.many {
				want = "at least one argument"
			}
			return 0, o.parser.ArgError("argument %s: expected %s", opt.dashed(), want)
		}
		values, next = o.args[next:end], end
	}
	for _, v := range values {
		if err := o.parser.checkValue(opt, v); err != nil {
			return 0, err
		}
	}
	if opt.repeated {
		values = append(o.seen[opt], values...)
	}
	o.seen[opt] = values
	return next, nil
}

// optionLike tells whether a word starts an option; negative numbers are values.
func (o *Options) optionLike(word string) bool {
	if len(word) < 2 || word[0] != '-' {
		return false
	}
	_, err := strconv.ParseFloat(word, 64)
	return err != nil
}

func (p *Parser) checkValue(opt *Option, v string) error {
	if !opt.kind.accepts(v) {
		return p.ArgError("argument %s: could not convert '%s' to %s (%s)", opt.dashed(), v, kindNames[opt.kind], opt.kind.complaint(v))
	}
	if opt.choices != nil && !slices.Contains(opt.choices, v) {
		return p.ArgError("argument %s: invalid choice: '%s' (choose from {%s})", opt.dashed(), v, strings.Join(opt.choices, ","))
	}
	return nil
}

func (o *Options) checkArgparse() error {
	p := o.parser
	for _, opt := range p.options {
		if opt.required && !o.Has(opt) {
			return p.ArgError("argument %s is required", opt.dashed())
		}
	}
	for _, group := range p.argp.exclusive {
		var names []string
		var first *Option
		for _, opt := range group.options {
			names = append(names, opt.dashed())
			if !o.Has(opt) {
				continue
			}
			if first != nil {
				return p.ArgError("argument %s: not allowed with argument %s", opt.dashed(), first.dashed())
			}
			first = opt
		}
		if first == nil && group.required {
			return p.ArgError("one of the arguments %s is required", strings.Join(names, " "))
		}
	}
	return nil
}
