package tool

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Parser reads options as joptsimple does, which most of Apache's tools use: "--name value", "--name=value", "-name value",
// the last three also for options of one letter, repeated options, "--" as the end of options; words that are no options
// are collected and usually ignored.
type Parser struct {
	intro   string
	options []*Option
	names   map[string]*Option
	help    *Option
	version *Option
	argp    *argumentParser // nil: joptsimple's manner
}

type argument int

const (
	noArgument argument = iota
	requiredArgument
	optionalArgument
)

type valueKind int

const (
	kindString valueKind = iota
	kindShort
	kindInt
	kindLong
	kindDouble
)

var kindNames = map[valueKind]string{kindString: "String", kindShort: "Short", kindInt: "Integer", kindLong: "Long", kindDouble: "Double"}

// Option is one declared option. Its String is the way Apache's messages name it: "[topic]".
type Option struct {
	names    []string
	doc      string
	argName  string
	argument argument
	kind     valueKind
	repeated bool
	required bool
	needs    []*Option // one of them must stand beside the option
	many     bool      // takes all words up to the next option
	choices  []string  // nil: any value
	hasDef   bool
	def      []string
}

// NewParser starts a parser with --help and --version. The intro is printed in front of the help.
func NewParser(intro string) *Parser {
	p := &Parser{intro: intro, names: map[string]*Option{}}
	p.help = p.Flag("help", "Print this help.")
	p.version = p.Flag("version", "Print the version of Apache Kafka that this tool follows.")
	return p
}

// Flag declares an option without an argument.
func (p *Parser) Flag(name, doc string) *Option {
	return p.add(&Option{names: []string{name}, doc: doc})
}

// String declares an option with a text argument; argName names it in the help.
func (p *Parser) String(name, argName, doc string) *Option {
	return p.add(&Option{names: []string{name}, argName: argName, doc: doc, argument: requiredArgument})
}

// Int declares an option with a 32-bit number as its argument.
func (p *Parser) Int(name, argName, doc string) *Option {
	o := p.String(name, argName, doc)
	o.kind = kindInt
	return o
}

// Long declares an option with a 64-bit number as its argument.
func (p *Parser) Long(name, argName, doc string) *Option {
	o := p.String(name, argName, doc)
	o.kind = kindLong
	return o
}

// Short declares an option with a 16-bit number as its argument.
func (p *Parser) Short(name, argName, doc string) *Option {
	o := p.String(name, argName, doc)
	o.kind = kindShort
	return o
}

// Double declares an option with a decimal number as its argument.
func (p *Parser) Double(name, argName, doc string) *Option {
	o := p.String(name, argName, doc)
	o.kind = kindDouble
	return o
}

func (p *Parser) add(o *Option) *Option {
	p.options = append(p.options, o)
	for _, name := range o.names {
		if p.names[name] != nil {
			panic("tool: option declared twice: " + name)
		}
		p.names[name] = o
	}
	return o
}

// Alias gives an option a further name.
func (p *Parser) Alias(o *Option, name string) {
	o.names = append(o.names, name)
	p.names[name] = o
}

// Default sets the values that count when the option is absent. Has stays false.
func (o *Option) Default(values ...string) *Option { o.hasDef, o.def = true, values; return o }

// Repeated lets the option be given more than once.
func (o *Option) Repeated() *Option { o.repeated = true; return o }

// Required makes Parse refuse a command line without the option, unless it asks for help or the version.
func (o *Option) Required() *Option { o.required = true; return o }

// OptionalArgument lets the argument be left out; Has is then true and HasValue false.
func (o *Option) OptionalArgument() *Option { o.argument = optionalArgument; return o }

// AvailableIf makes Parse refuse the option unless one of the others is there too.
func (o *Option) AvailableIf(others ...*Option) *Option { o.needs = others; return o }

// Name is the option's first name without dashes.
func (o *Option) Name() string { return o.names[0] }

// String names the option as Apache's messages do.
func (o *Option) String() string { return "[" + strings.Join(o.names, ", ") + "]" }

// label names the option in messages of the option library itself.
func (o *Option) label() string { return strings.Join(o.names, "/") }

// Options is a parsed command line.
type Options struct {
	parser *Parser
	args   []string
	seen   map[*Option][]string // present options; options without arguments have an empty list
	order  []*Option            // as they stand on the command line, with repetitions
	rest   []string

	command string   // the subcommand
	sub     *Options // and its options
}

// Parse reads a command line. The error is the option library's own: unknown option, missing argument, missing required
// option. Values that cannot be converted are reported by ValueError, since Apache's tools notice them later.
//
// A parser of NewArgParser checks everything at once and its error is already an Exit.
func (p *Parser) Parse(args []string) (*Options, error) {
	o := &Options{parser: p, args: args, seen: map[*Option][]string{}}
	if p.argp != nil {
		return o, o.parseArgparse()
	}
	for i := 0; i < len(args); {
		next, err := o.take(i)
		if err != nil {
			return nil, err
		}
		i = next
	}
	if o.Has(p.help) || o.Has(p.version) {
		return o, nil
	}
	if err := o.missingRequired(); err != nil {
		return nil, err
	}
	if err := o.unavailable(); err != nil {
		return nil, err
	}
	return o, nil
}

// take handles the word at i and returns the index of the next one.
func (o *Options) take(i int) (int, error) {
	word := o.args[i]
	switch {
	case word == "--":
		o.rest = append(o.rest, o.args[i+1:]...)
		return len(o.args), nil
	case strings.HasPrefix(word, "--"):
		name, value, _ := strings.Cut(word[2:], "=")
		opt := o.parser.names[name]
		if opt == nil {
			return 0, fmt.Errorf("%s is not a recognized option", name)
		}
		return o.takeArgument(opt, value, i+1)
	case len(word) > 1 && word[0] == '-':
		name, value, _ := strings.Cut(word[1:], "=")
		if opt := o.parser.names[name]; opt != nil {
			return o.takeArgument(opt, value, i+1)
		}
		return o.takeCluster(word[1:], i+1)
	}
	o.rest = append(o.rest, word)
	return i + 1, nil
}

// takeCluster reads one-letter options written together, "-hv"; the first that takes an argument takes what follows.
func (o *Options) takeCluster(cluster string, next int) (int, error) {
	for at, letter := range cluster {
		opt := o.parser.names[string(letter)]
		if opt == nil {
			return 0, fmt.Errorf("%c is not a recognized option", letter)
		}
		if opt.argument != noArgument {
			return o.takeArgument(opt, cluster[at+len(string(letter)):], next)
		}
		o.order = append(o.order, opt)
		o.seen[opt] = []string{}
	}
	return next, nil
}

func (o *Options) takeArgument(opt *Option, value string, next int) (int, error) {
	o.order = append(o.order, opt)
	if opt.argument == noArgument {
		if o.seen[opt] == nil {
			o.seen[opt] = []string{}
		}
		return next, nil
	}
	if value == "" {
		switch {
		case opt.argument == optionalArgument && (next >= len(o.args) || opt.wouldBeOption(o.args[next])):
			if o.seen[opt] == nil {
				o.seen[opt] = []string{}
			}
			return next, nil
		case next >= len(o.args):
			return 0, Errorf("Option %s requires an argument", opt.label())
		default:
			value = o.args[next]
			next++
		}
	}
	o.seen[opt] = append(o.seen[opt], value)
	return next, nil
}

// wouldBeOption tells whether a word cannot be the optional argument of o since it looks like an option; a negative number
// can, where o wants a number.
func (o *Option) wouldBeOption(word string) bool {
	looksLike := len(word) > 1 && word[0] == '-'
	return looksLike && (o.kind == kindString || !o.kind.accepts(word))
}

// unavailable finds options that stand without those that they belong to.
func (o *Options) unavailable() error {
	var names []string
	for _, opt := range o.parser.options {
		if len(opt.needs) > 0 && o.Has(opt) && !o.HasAny(opt.needs...) {
			names = append(names, opt.label())
		}
	}
	if names == nil {
		return nil
	}
	return Errorf("Option(s) [%s] are unavailable given other options on the command line", strings.Join(names, ", "))
}

func (o *Options) missingRequired() error {
	var missing []string
	for _, opt := range o.parser.options {
		if opt.required && !o.Has(opt) {
			missing = append(missing, opt.label())
		}
	}
	if missing == nil {
		return nil
	}
	return Errorf("Missing required option(s) [%s]", strings.Join(missing, ", "))
}

// ValueError is the first value that cannot be what its option wants, or an option given twice that may stand only once.
func (o *Options) ValueError() error {
	for _, opt := range o.parser.options {
		values := o.seen[opt]
		if opt.argument == noArgument || len(values) == 0 {
			continue
		}
		if len(values) > 1 && !opt.repeated {
			return Errorf("Found multiple arguments for option %s, but you asked for only one", opt.label())
		}
		for _, v := range values {
			if !opt.kind.accepts(v) {
				return Errorf("Cannot parse argument '%s' of option %s", v, opt.label())
			}
		}
	}
	return nil
}

func (k valueKind) accepts(v string) bool {
	var err error
	switch k {
	case kindShort:
		_, err = strconv.ParseInt(v, 10, 16)
	case kindInt:
		_, err = strconv.ParseInt(v, 10, 32)
	case kindLong:
		_, err = strconv.ParseInt(v, 10, 64)
	case kindDouble:
		_, err = strconv.ParseFloat(v, 64)
	}
	return err == nil
}

// complaint is what Java says about a value that is none of the kind.
func (k valueKind) complaint(v string) string {
	if k == kindShort && kindInt.accepts(v) {
		return fmt.Sprintf("Value out of range. Value:%q Radix:10", v)
	}
	return fmt.Sprintf("For input string: %q", v)
}

// Empty tells whether the command line was empty.
func (o *Options) Empty() bool { return len(o.args) == 0 }

// Args gives the whole command line.
func (o *Options) Args() []string { return o.args }

// Order gives the options as they stand on the command line, with repetitions.
func (o *Options) Order() []*Option { return o.order }

// Rest gives the words that are no options.
func (o *Options) Rest() []string { return o.rest }

// Has tells whether the option stands on the command line; its default does not count.
func (o *Options) Has(opt *Option) bool { _, ok := o.seen[opt]; return ok }

// HasAny tells whether one of the options stands on the command line.
func (o *Options) HasAny(opts ...*Option) bool { return slices.ContainsFunc(opts, o.Has) }

// HasValue tells whether the option stands on the command line with an argument.
func (o *Options) HasValue(opt *Option) bool { return len(o.seen[opt]) > 0 }

// Strings gives all values of an option, else its defaults.
func (o *Options) Strings(opt *Option) []string {
	if values := o.seen[opt]; len(values) > 0 {
		return values
	}
	return opt.def
}

// String gives the last value of an option, else its default, else the empty string.
func (o *Options) String(opt *Option) string {
	values := o.Strings(opt)
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// Int gives a 32-bit value; ValueError has checked it.
func (o *Options) Int(opt *Option) int32 {
	n, _ := strconv.ParseInt(o.String(opt), 10, 32)
	return int32(n)
}

// Long gives a 64-bit value; ValueError has checked it.
func (o *Options) Long(opt *Option) int64 {
	n, _ := strconv.ParseInt(o.String(opt), 10, 64)
	return n
}

// Double gives a decimal value; ValueError has checked it.
func (o *Options) Double(opt *Option) float64 {
	f, _ := strconv.ParseFloat(o.String(opt), 64)
	return f
}
