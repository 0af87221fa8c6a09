package golden

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// parser reads values; the statements of a script are read on top of it.
type parser struct {
	tokens []token
	at     int
}

func newParser(text string) (*parser, error) {
	tokens, err := lex(text)
	return &parser{tokens: tokens}, err
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

func (p *parser) isMark(text string) bool {
	t := p.peek()
	return t.kind == tokenMark && t.text == text
}

func (p *parser) isName(text string) bool {
	t := p.peek()
	return t.kind == tokenName && t.text == text
}

func (p *parser) skipMark(text string) bool {
	if p.isMark(text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) skipName(text string) bool {
	if p.isName(text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) errorf(format string, args ...any) error {
	return &syntaxError{p.peek().line, fmt.Sprintf(format, args...)}
}

func (p *parser) wantMark(text string) error {
	if !p.skipMark(text) {
		return p.errorf("want %s, found %s", text, p.peek())
	}
	return nil
}

func (p *parser) wantName() (string, error) {
	if p.peek().kind != tokenName {
		return "", p.errorf("want a name, found %s", p.peek())
	}
	return p.next().text, nil
}

// value reads any value. A bare name is a string, which serves for names of errors, codecs and the like.
func (p *parser) value() (any, error) {
	t := p.peek()
	switch t.kind {
	case tokenString:
		p.next()
		return t.text, nil
	case tokenRef:
		p.next()
		return Ref(t.text), nil
	case tokenNumber:
		p.next()
		return parseNumber(t)
	case tokenName:
		return p.nameValue()
	case tokenMark:
		switch t.text {
		case "{":
			return p.object()
		case "[":
			return p.list()
		}
	}
	return nil, p.errorf("want a value, found %s", t)
}

func parseNumber(t token) (any, error) {
	if n, err := strconv.ParseInt(t.text, 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(t.text, 64)
	if err != nil {
		return nil, &syntaxError{t.line, "bad number " + t.text}
	}
	return f, nil
}

// nameValue reads what begins with a name: a constant, a function with a string, an object or arguments, or a bare word.
func (p *parser) nameValue() (any, error) {
	t := p.next()
	switch t.text {
	case "true", "false":
		return t.text == "true", nil
	case "null":
		return nil, nil
	}
	after := p.peek()
	switch {
	case t.text == "hex" && after.kind == tokenString:
		p.next()
		b, err := hex.DecodeString(strings.ReplaceAll(after.text, " ", ""))
		if err != nil {
			return nil, &syntaxError{t.line, "bad hex: " + err.Error()}
		}
		return Bytes(b), nil
	case p.isMark("{"):
		o, err := p.object()
		return &Call{t.text, []any{o}, t.line}, err
	case p.skipMark("("):
		call := &Call{Name: t.text, Line: t.line}
		for !p.skipMark(")") {
			v, err := p.value()
			if err != nil {
				return nil, err
			}
			call.Args = append(call.Args, v)
			p.skipMark(",")
		}
		return call, nil
	}
	return t.text, nil
}

func (p *parser) object() (*Object, error) {
	if err := p.wantMark("{"); err != nil {
		return nil, err
	}
	o := &Object{}
	for !p.skipMark("}") {
		t := p.next()
		if t.kind != tokenName && t.kind != tokenString {
			return nil, &syntaxError{t.line, fmt.Sprintf("want a field's name, found %s", t)}
		}
		if _, twice := o.Get(t.text); twice {
			return nil, &syntaxError{t.line, "field " + t.text + " stands twice"}
		}
		if err := p.wantMark(":"); err != nil {
			return nil, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		o.Fields = append(o.Fields, Field{Name: t.text, Value: v})
		p.skipMark(",")
	}
	return o, nil
}

func (p *parser) list() ([]any, error) {
	if err := p.wantMark("["); err != nil {
		return nil, err
	}
	list := []any{}
	for !p.skipMark("]") {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		p.skipMark(",")
	}
	return list, nil
}

// path reads Topics[0].Partitions[].ErrorCode and Configs[Name=="retention.ms"].Value.
func (p *parser) path() (path, error) {
	name, err := p.wantName()
	if err != nil {
		return nil, err
	}
	result := path{{field: name}}
	for {
		switch {
		case p.skipMark("."):
			name, err := p.wantName()
			if err != nil {
				return nil, err
			}
			result = append(result, pathStep{field: name})
		case p.isMark("["):
			list, err := p.pathIndex()
			if err != nil {
				return nil, err
			}
			result = append(result, list)
		default:
			return result, nil
		}
	}
}

func (p *parser) pathIndex() (pathStep, error) {
	if err := p.wantMark("["); err != nil {
		return pathStep{}, err
	}
	if p.skipMark("]") { // [] is [*], as in the table of keys
		return pathStep{every: true}, nil
	}
	if p.peek().kind == tokenName {
		step := pathStep{key: p.next().text}
		if err := p.wantMark("=="); err != nil {
			return step, err
		}
		var err error
		if step.value, err = p.value(); err != nil {
			return step, err
		}
		return step, p.wantMark("]")
	}
	t := p.next()
	index, err := strconv.Atoi(t.text)
	if t.kind != tokenNumber || err != nil || index < 0 {
		return pathStep{}, &syntaxError{t.line, fmt.Sprintf("want the index of an element or [], found %s", t)}
	}
	return pathStep{index: index}, p.wantMark("]")
}
