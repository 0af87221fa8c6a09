package golden

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Script is one file of requests.
type Script struct {
	Name  string // folder/name, without the ending
	File  string
	About string
	// Own means that the script gets a broker for itself, with Properties over the usual ones. Cold means that nothing was asked of
	// that broker before: __consumer_offsets does not exist.
	Own        bool
	Cold       bool
	Properties map[string]string
	// Features are the levels that the broker's directory is formatted with; scripts of the same levels share a broker.
	Features map[string]int16

	statements []statement
}

// Prefix begins the names of a script's topics and groups, $p in its text, so that all can share a broker.
func (s *Script) Prefix() string { return strings.ReplaceAll(s.Name, "/", "-") }

// GoldenFile is where the answers are recorded.
func (s *Script) GoldenFile() string { return strings.TrimSuffix(s.File, ".script") + ".golden" }

type statement interface{ sourceLine() int }

type at int

func (l at) sourceLine() int { return int(l) }

// loop repeats its body with the variable set to each value.
type loop struct {
	at
	variable string
	values   any // list, or Call "range" of two numbers
	body     []statement
}

// request sends one message, for each of its versions, and records the answer.
type request struct {
	at
	connection  string
	api         string
	first, last any // versions: int64 or Ref; last is nil when there is one
	options     map[string]any
	body        *Object
	clauses     clauses
}

// raw sends bytes that need not be a message.
type raw struct {
	at
	connection string
	parts      []any
	framed     bool
	options    map[string]any
	clauses    clauses
}

// await takes the answer of a request that was sent with async=NAME.
type await struct {
	at
	name    string
	clauses clauses
}

// closing ends a connection from the client's side.
type closing struct {
	at
	connection string
}

// topic makes a topic and waits until all its partitions serve; nothing of it is recorded.
type topic struct {
	at
	name       any
	settings   *Object
	idVariable string
}

// restart stops the broker in an orderly way and starts it again on the same directory; only for a script with its own broker.
type restart struct{ at }

// assign gives a variable a value that comes from no answer.
type assign struct {
	at
	variable string
	value    any
}

// clauses stand behind a request and speak about its answer.
type clauses struct {
	until   []condition
	capture []capture
	mask    []path
	quiet   bool
}

type condition struct {
	path  path
	equal bool
	value any
}

type capture struct {
	variable string
	path     path
}

// ReadScript reads one file; root is the folder that its name is relative to.
func ReadScript(root, file string) (*Script, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(root, file)
	if err != nil {
		return nil, err
	}
	s, err := parseScript(strings.TrimSuffix(filepath.ToSlash(rel), ".script"), string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s.File = file
	return s, nil
}

func parseScript(name, text string) (*Script, error) {
	p, err := newParser(text)
	if err != nil {
		return nil, err
	}
	s := &Script{Name: name}
	if err := p.header(s); err != nil {
		return nil, err
	}
	for p.peek().kind != tokenEnd {
		st, err := p.statement()
		if err != nil {
			return nil, err
		}
		s.statements = append(s.statements, st)
	}
	return s, nil
}

func (p *parser) header(s *Script) error {
	if !p.skipName("about") || p.peek().kind != tokenString {
		return p.errorf(`a script begins with: about "what it shows"`)
	}
	s.About = p.next().text
	for {
		switch {
		case p.skipName("cold"):
			s.Cold, s.Own = true, true
		case p.skipName("broker"):
			s.Own, s.Properties = true, map[string]string{}
			o, err := p.object()
			if err != nil {
				return err
			}
			for _, f := range o.Fields {
				text, err := scalarText(f.Value)
				if err != nil {
					return p.errorf("broker property %s: %v", f.Name, err)
				}
				s.Properties[f.Name] = text
			}
		case p.skipName("features"):
			if err := p.features(s); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func (p *parser) features(s *Script) error {
	o, err := p.object()
	if err != nil {
		return err
	}
	s.Features = map[string]int16{}
	for _, f := range o.Fields {
		level, ok := f.Value.(int64)
		if !ok || level < 0 || level > math.MaxInt16 {
			return p.errorf("feature %s cannot have the level %s", f.Name, format(f.Value))
		}
		s.Features[f.Name] = int16(level)
	}
	return nil
}

func (p *parser) statement() (statement, error) {
	line := at(p.peek().line)
	connection := "main"
	if p.skipMark("@") {
		name, err := p.wantName()
		if err != nil {
			return nil, err
		}
		connection = name
	}
	word, err := p.wantName()
	if err != nil {
		return nil, err
	}
	switch word {
	case "for":
		return p.loop(line)
	case "define":
		return p.define(line)
	case "do":
		return p.do(line)
	case "raw", "stream":
		r := &raw{at: line, connection: connection, framed: word == "raw"}
		if r.parts, err = p.list(); err != nil {
			return nil, err
		}
		if r.options, err = p.options(); err != nil {
			return nil, err
		}
		r.clauses, err = p.clauses()
		return r, err
	case "await":
		a := &await{at: line}
		if a.name, err = p.wantName(); err != nil {
			return nil, err
		}
		a.clauses, err = p.clauses()
		return a, err
	case "close":
		return &closing{line, connection}, nil
	case "topic":
		return p.topic(line)
	case "restart":
		return &restart{line}, nil
	case "set":
		a := &assign{at: line}
		if a.variable, err = p.wantName(); err != nil {
			return nil, err
		}
		if err := p.wantMark("="); err != nil {
			return nil, err
		}
		a.value, err = p.value()
		return a, err
	}
	if word[0] < 'A' || word[0] > 'Z' {
		return nil, &syntaxError{int(line), fmt.Sprintf("no statement %q", word)}
	}
	return p.request(line, connection, word)
}

func (p *parser) loop(line at) (statement, error) {
	l := &loop{at: line}
	var err error
	if l.variable, err = p.wantName(); err != nil {
		return nil, err
	}
	if !p.skipName("in") {
		return nil, p.errorf("want: for NAME in FIRST..LAST { … } or in [ … ], found %s", p.peek())
	}
	if l.values, err = p.value(); err != nil {
		return nil, err
	}
	if p.skipMark("..") {
		last, err := p.value()
		if err != nil {
			return nil, err
		}
		l.values = &Call{"range", []any{l.values, last}, int(line)}
	}
	l.body, err = p.block()
	return l, err
}

func (p *parser) topic(line at) (statement, error) {
	t := &topic{at: line, settings: &Object{}}
	var err error
	if t.name, err = p.value(); err != nil {
		return nil, err
	}
	if p.isMark("{") {
		if t.settings, err = p.object(); err != nil {
			return nil, err
		}
	}
	if p.skipName("as") {
		t.idVariable, err = p.wantName()
	}
	return t, err
}

func (p *parser) request(line at, connection, api string) (statement, error) {
	r := &request{at: line, connection: connection, api: api, body: &Object{}}
	if err := p.versions(r); err != nil {
		return nil, err
	}
	var err error
	if r.options, err = p.options(); err != nil {
		return nil, err
	}
	if p.isMark("{") {
		if r.body, err = p.object(); err != nil {
			return nil, err
		}
	}
	r.clauses, err = p.clauses()
	return r, err
}

// versions reads v3, v0..13 or v$v.
func (p *parser) versions(r *request) error {
	t := p.next()
	switch {
	case t.kind == tokenName && t.text == "v" && p.peek().kind == tokenRef:
		r.first = Ref(p.next().text)
	case t.kind == tokenName && t.text == "v" && p.peek().kind == tokenNumber: // v-1
		n, err := parseNumber(p.next())
		if err != nil {
			return err
		}
		r.first = n
	case t.kind == tokenName && t.text[0] == 'v':
		n, err := strconv.ParseInt(t.text[1:], 10, 16)
		if err != nil {
			return &syntaxError{t.line, "want a version as v3, found " + t.text}
		}
		r.first = n
	default:
		return &syntaxError{t.line, fmt.Sprintf("want a version as v3, v0..13 or v$v, found %s", t)}
	}
	if !p.skipMark("..") {
		return nil
	}
	last, err := p.value()
	r.last = last
	return err
}

// optionNames are the words between a version and its body. An option without a value is true.
var optionNames = map[string]bool{"async": true, "noreply": true, "encode": true, "decode": true, "cut": true, "extra": true, "client": true}

func (p *parser) options() (map[string]any, error) {
	options := map[string]any{}
	for p.peek().kind == tokenName && optionNames[p.peek().text] {
		name := p.next().text
		options[name] = true
		if p.skipMark("=") {
			if p.peek().kind == tokenName && !p.isName("hex") { // a bare word; the body's { comes after it
				options[name] = p.next().text
				continue
			}
			v, err := p.value()
			if err != nil {
				return nil, err
			}
			options[name] = v
		}
	}
	return options, nil
}

func (p *parser) clauses() (clauses, error) {
	var c clauses
	for {
		switch {
		case p.skipName("quiet"):
			c.quiet = true
		case p.skipName("until"):
			cond, err := p.condition()
			if err != nil {
				return c, err
			}
			c.until = append(c.until, cond)
		case p.skipName("let"):
			name, err := p.wantName()
			if err != nil {
				return c, err
			}
			if err := p.wantMark("="); err != nil {
				return c, err
			}
			from, err := p.path()
			if err != nil {
				return c, err
			}
			c.capture = append(c.capture, capture{name, from})
		case p.skipName("any"):
			masked, err := p.path()
			if err != nil {
				return c, err
			}
			c.mask = append(c.mask, masked)
		default:
			return c, nil
		}
	}
}

func (p *parser) condition() (condition, error) {
	var c condition
	var err error
	if c.path, err = p.path(); err != nil {
		return c, err
	}
	switch {
	case p.skipMark("=="):
		c.equal = true
	case p.skipMark("!="):
	default:
		return c, p.errorf("want == or !=, found %s", p.peek())
	}
	c.value, err = p.value()
	return c, err
}
