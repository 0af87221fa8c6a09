package tool

import (
	"slices"
	"strings"
)

// subcommand is a word that chooses what the tool does; its options are read by a parser of their own.
type subcommand struct {
	name, doc string
	parser    *Parser
}

// Command declares a subcommand, in the manner of argparse4j: it stands behind the options of the tool itself, may be abbreviated, and has
// options of its own, which are declared with the parser that comes back. Declare the tool's own options first. intro is what its help says
// in front of the options, doc its line in the tool's help.
func (p *Parser) Command(name, intro, doc string) *Parser {
	prog := p.argp.prog
	for _, o := range p.options {
		if o.required {
			prog += " " + dash(o.names[0]) + " " + o.metavar()
		}
	}
	sub := NewArgParser(prog+" "+name, intro, p.argp.helpCode)
	sub.argp.report = p.argp.report
	p.argp.commands = append(p.argp.commands, subcommand{name, doc, sub})
	return sub
}

// CommandWord is what the usage shows in place of the subcommand; without it, all of their names.
func (p *Parser) CommandWord(word string) { p.argp.commandWord = word }

// ReportErrors replaces the way in which a wrong command line is told, for the parser and the subcommands declared after it.
func (p *Parser) ReportErrors(report func(message string) error) { p.argp.report = report }

// WithVersion adds --version, which prints the release and ends the tool.
func (p *Parser) WithVersion() {
	p.version = p.Flag("version", "Print the version and exit.")
	p.Alias(p.version, "v")
}

// Command is the subcommand that the command line names, with its options; empty and nil if the parser has none.
func (o *Options) Command() (name string, options *Options) { return o.command, o.sub }

func (p *Parser) commandNames() []string {
	names := make([]string, len(p.argp.commands))
	for i, c := range p.argp.commands {
		names[i] = c.name
	}
	return names
}

// usageOfCommands is what stands for the subcommand in the usage line.
func (p *Parser) usageOfCommands() string {
	if p.argp.commandWord != "" {
		return p.argp.commandWord + " ..."
	}
	return "{" + strings.Join(p.commandNames(), ",") + "} ..."
}

// takeCommand reads the words from the subcommand on.
func (o *Options) takeCommand(words []string) error {
	c, err := o.parser.findCommand(words[0])
	if err != nil {
		return err
	}
	o.command = c.name
	o.sub, err = c.parser.Parse(words[1:])
	return err
}

// findCommand finds the subcommand that a word names, in full or by an unambiguous beginning.
func (p *Parser) findCommand(word string) (subcommand, error) {
	names := p.commandNames()
	if at := slices.Index(names, word); at >= 0 {
		return p.argp.commands[at], nil
	}
	var matches []string
	at := -1
	for i, name := range names {
		if strings.HasPrefix(name, word) {
			matches, at = append(matches, name), i
		}
	}
	switch len(matches) {
	case 0:
		return subcommand{}, p.ArgError("invalid choice: '%s' (choose from '%s')", word, strings.Join(names, "', '"))
	case 1:
		return p.argp.commands[at], nil
	}
	return subcommand{}, p.ArgError("ambiguous command: %s could match %s", word, strings.Join(matches, ", "))
}
