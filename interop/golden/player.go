package golden

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	pollPatience = 20 * time.Second
	pollInterval = 20 * time.Millisecond
	maxSteps     = 5000
)

// Outcome is what one step of a script brought.
type Outcome struct {
	Step   string // number, API and version, as "7 Metadata v3"
	Answer any    // normalized; an *Object, or a string where there is no message
	Where  string // place in the script with the loops' values, for people; not recorded
}

// player plays one script to one broker.
type player struct {
	target      *Target
	script      *Script
	connections map[string]*connection
	waiting     map[string]*sent // by the name that async gave
	variables   map[string]any
	normalizer  *normalizer
	correlation int32
	number      int
	line        int                 // of the statement that is being played
	inLoops     []string            // the loops around it, as "v = 3"
	lines       map[string][]string // of a variable that holds a list: where its elements stand
	definitions map[string][]statement
	outcomes    []Outcome
}

// sent is a request whose answer has not been taken yet.
type sent struct {
	request     kmsg.Request
	api         string
	version     int16 // as written into the header
	decode      int16
	correlation int32
	waiter      <-chan reply
}

// Play runs a script against a broker. Where it ends early, the outcomes so far come with the error.
func Play(ctx context.Context, target *Target, script *Script) ([]Outcome, error) {
	p := &player{
		target: target, script: script,
		connections: map[string]*connection{}, waiting: map[string]*sent{}, lines: map[string][]string{}, definitions: map[string][]statement{},
		variables: map[string]any{"p": script.Prefix(), "now": time.Now().UnixMilli()},
	}
	p.normalizer = newNormalizer(target)
	defer func() {
		for _, c := range p.connections {
			c.conn.Close()
		}
	}()
	err := p.run(ctx, script.statements)
	return p.outcomes, err
}

func (p *player) run(ctx context.Context, statements []statement) error {
	for _, st := range statements {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.line = st.sourceLine()
		if err := p.step(ctx, st); err != nil {
			var placed *stepError
			if errors.As(err, &placed) {
				return err
			}
			return &stepError{st.sourceLine(), err}
		}
	}
	return nil
}

// stepError says which line of the script could not be played.
type stepError struct {
	line int
	err  error
}

func (e *stepError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *stepError) Unwrap() error { return e.err }

func (p *player) step(ctx context.Context, st statement) error {
	switch st := st.(type) {
	case *loop:
		return p.loop(ctx, st)
	case *define:
		p.definitions[st.name] = st.body
		return nil
	case *do:
		return p.do(func(body []statement) error { return p.run(ctx, body) }, st)
	case *request:
		return p.requests(ctx, st)
	case *raw:
		return p.raw(st)
	case *await:
		s := p.waiting[st.name]
		if s == nil {
			return fmt.Errorf("await %s: nothing was sent with async=%s", st.name, st.name)
		}
		delete(p.waiting, st.name)
		_, err := p.take(s, &st.clauses)
		return err
	case *closing:
		if c := p.connections[st.connection]; c != nil {
			c.conn.Close()
			delete(p.connections, st.connection)
		}
		return nil
	case *topic:
		return p.topic(ctx, st)
	case *restart:
		return p.restart(ctx)
	case *assign:
		v, err := p.evaluate(st.value)
		p.variables[st.variable] = v
		p.lines[st.variable] = elementNames(st.value)
		return err
	}
	panic(fmt.Sprintf("no statement %T", st))
}

func (p *player) loop(ctx context.Context, l *loop) error {
	values, err := p.loopValues(l.values)
	if err != nil {
		return err
	}
	names := elementNames(l.values)
	if ref, ok := l.values.(Ref); ok {
		names = p.lines[string(ref)]
	}
	for i, v := range values {
		what := l.variable + " = " + shorten(format(v))
		if i < len(names) {
			what = l.variable + " of " + names[i]
		}
		p.variables[l.variable] = v
		if parts, ok := v.([]any); ok { // [[a, b], …]: also $c0, $c1
			for n, part := range parts {
				p.variables[l.variable+strconv.Itoa(n)] = part
			}
		}
		p.inLoops = append(p.inLoops, what)
		if err := p.run(ctx, l.body); err != nil {
			return fmt.Errorf("with %s: %w", what, err)
		}
		p.inLoops = p.inLoops[:len(p.inLoops)-1]
	}
	return nil
}

// elementNames tells where the elements of a list stand that functions make: their evaluated bytes would say nothing to a reader.
func elementNames(v any) []string {
	list, _ := v.([]any)
	var names []string
	made := false
	for i, e := range list {
		if line := callLine(e); line > 0 {
			made = true
			names = append(names, fmt.Sprintf("line %d", line))
		} else {
			names = append(names, fmt.Sprintf("element %d", i+1))
		}
	}
	if !made {
		return nil
	}
	return names
}

// callLine is the line of a function, or of the first in a list of them; 0 where there is none.
func callLine(v any) int {
	switch v := v.(type) {
	case *Call:
		return v.Line
	case []any:
		for _, e := range v {
			if line := callLine(e); line > 0 {
				return line
			}
		}
	}
	return 0
}

func (p *player) loopValues(v any) ([]any, error) {
	call, ok := v.(*Call)
	if !ok || call.Name != "range" {
		v, err := p.evaluate(v)
		list, ok := v.([]any)
		if err == nil && !ok {
			err = fmt.Errorf("for wants FIRST..LAST or a list, not %s", format(v))
		}
		return list, err
	}
	first, err := p.int(call.Args[0])
	if err != nil {
		return nil, err
	}
	last, err := p.int(call.Args[1])
	var values []any
	for n := first; n <= last && len(values) < maxSteps; n++ {
		values = append(values, n)
	}
	return values, err
}
