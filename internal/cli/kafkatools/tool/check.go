package tool

import "strings"

// Check collects what a tool demands of its command line; the first demand that is not met is the error.
type Check struct {
	opts *Options
	err  error
}

// Check starts the checks of a command line.
func (o *Options) Check() *Check { return &Check{opts: o} }

// Err is the first unmet demand.
func (c *Check) Err() error { return c.err }

// Fail records an error unless there is one already.
func (c *Check) Fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// HelpOrVersion ends the tool when the command line is empty or asks for help (code 1, as Apache's tools do) or for the
// version.
func (c *Check) HelpOrVersion() *Check {
	p := c.opts.parser
	switch {
	case c.opts.Empty() || c.opts.Has(p.help):
		c.Fail(&Exit{Code: 1, Message: p.intro, Usage: true})
	case c.opts.Has(p.version):
		c.Fail(&Exit{Message: KafkaVersion, Stdout: true})
	}
	return c
}

// Required demands that all these options are there.
func (c *Check) Required(opts ...*Option) *Check {
	for _, o := range opts {
		if !c.opts.Has(o) {
			c.Fail(UsageError("Missing required argument %q", o.String()))
		}
	}
	return c
}

// Invalid demands that none of the others stands beside used.
func (c *Check) Invalid(used *Option, others ...*Option) *Check {
	if !c.opts.Has(used) {
		return c
	}
	for _, o := range others {
		if c.opts.Has(o) {
			c.Fail(UsageError("Option %q can't be used with option %q", used.String(), o.String()))
		}
	}
	return c
}

// OneOf demands exactly one of the options.
func (c *Check) OneOf(opts ...*Option) *Check {
	count := 0
	names := make([]string, len(opts))
	for i, o := range opts {
		names[i] = o.String()
		if c.opts.Has(o) {
			count++
		}
	}
	if count != 1 {
		c.Fail(UsageError("Exactly one of the following arguments is required: %s", strings.Join(names, ", ")))
	}
	return c
}

// ParseChecked reads a command line as the tools do that ask nothing special of their options: help and version, what is required, and
// then the values.
func (p *Parser) ParseChecked(args []string, required ...*Option) (*Options, error) {
	o, err := p.Parse(args)
	if err == nil {
		err = o.Check().HelpOrVersion().Required(required...).Err()
	}
	if err == nil {
		err = o.ValueError()
	}
	return o, err
}
