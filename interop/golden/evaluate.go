package golden

import (
	"fmt"
	"strings"
)

func (p *player) int(v any) (int64, error) {
	v, err := p.evaluate(v)
	if err != nil {
		return 0, err
	}
	n, ok := v.(int64)
	if !ok {
		return 0, fmt.Errorf("%s is not a number", format(v))
	}
	return n, nil
}

// evaluate puts variables and functions' results into a value.
func (p *player) evaluate(v any) (any, error) {
	switch v := v.(type) {
	case Ref:
		value, ok := p.variables[string(v)]
		if !ok {
			return nil, fmt.Errorf("no variable $%s", string(v))
		}
		return value, nil
	case string:
		return p.interpolate(v)
	case []any:
		return p.evaluateList(v)
	case *Object:
		o := &Object{}
		for _, f := range v.Fields {
			value, err := p.evaluate(f.Value)
			if err != nil {
				return nil, err
			}
			o.Fields = append(o.Fields, Field{Name: f.Name, Value: value})
		}
		return o, nil
	case *Call:
		args, err := p.evaluateList(v.Args)
		if err != nil {
			return nil, err
		}
		result, err := evaluateCall(v.Name, args)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
		return result, nil
	}
	return v, nil
}

func (p *player) evaluateList(list []any) ([]any, error) {
	result := make([]any, len(list))
	for i, e := range list {
		var err error
		if result[i], err = p.evaluate(e); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// interpolate replaces ${name} inside a string.
func (p *player) interpolate(s string) (any, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, rest, closed := strings.Cut(after, "}")
		value, known := p.variables[name]
		if !closed || !known {
			return nil, fmt.Errorf("no variable ${%s}", name)
		}
		text, err := scalarText(value)
		if err != nil {
			return nil, err
		}
		b.WriteString(text)
		s = rest
	}
}
