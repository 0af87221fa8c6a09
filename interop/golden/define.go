package golden

import "fmt"

// define gives a list of statements a name, so that a script can play them more than once.
type define struct {
	at
	name string
	body []statement
}

// do plays what define named, with variables set before.
type do struct {
	at
	name     string
	settings *Object
}

func (p *parser) define(line at) (statement, error) {
	d := &define{at: line}
	var err error
	if d.name, err = p.wantName(); err != nil {
		return nil, err
	}
	d.body, err = p.block()
	return d, err
}

func (p *parser) do(line at) (statement, error) {
	d := &do{at: line, settings: &Object{}}
	var err error
	if d.name, err = p.wantName(); err != nil {
		return nil, err
	}
	if p.isMark("{") {
		d.settings, err = p.object()
	}
	return d, err
}

// block reads statements between braces.
func (p *parser) block() ([]statement, error) {
	if err := p.wantMark("{"); err != nil {
		return nil, err
	}
	var list []statement
	for !p.skipMark("}") {
		st, err := p.statement()
		if err != nil {
			return nil, err
		}
		list = append(list, st)
	}
	return list, nil
}

// mostNested bounds definitions that play each other: one that plays itself would never end.
const mostNested = 20

func (p *player) do(play func([]statement) error, d *do) error {
	body, ok := p.definitions[d.name]
	if !ok {
		return fmt.Errorf("do %s: nothing of that name is defined before", d.name)
	}
	if len(p.inLoops) >= mostNested {
		return fmt.Errorf("do %s: more than %d definitions and loops in one another", d.name, mostNested)
	}
	for _, f := range d.settings.Fields {
		v, err := p.evaluate(f.Value)
		if err != nil {
			return err
		}
		p.variables[f.Name] = v
	}
	p.inLoops = append(p.inLoops, fmt.Sprintf("%s from line %d", d.name, d.sourceLine()))
	if err := play(body); err != nil {
		return fmt.Errorf("do %s on line %d: %w", d.name, d.sourceLine(), err)
	}
	p.inLoops = p.inLoops[:len(p.inLoops)-1]
	return nil
}
