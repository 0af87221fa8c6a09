package golden

import (
	"fmt"
	"strconv"
	"strings"
)

// A value of a script or an answer is one of: nil, bool, int64, float64, string, Bytes, []any, *Object, and before evaluation also
// Ref and *Call.

// Bytes is binary content; hex"…" in text.
type Bytes []byte

// Ref is a variable, $name in text.
type Ref string

// Call is a function of the language with its arguments, such as batch{…} or hex"…".
type Call struct {
	Name string
	Args []any
	Line int
}

// Object is a message or a part of one; its fields keep their order.
type Object struct{ Fields []Field }

// Field is one field of an Object. Default marks a value that an absent field would have; such fields are not written to recordings.
type Field struct {
	Name    string
	Value   any
	Default bool
}

// Get returns the value of a field.
func (o *Object) Get(name string) (any, bool) {
	for _, f := range o.Fields {
		if f.Name == name {
			return f.Value, true
		}
	}
	return nil, false
}

// A path names a part of an answer: Topics[0].Partitions[0].ErrorCode. [] stands for every element, [Name=="x"] for the first whose
// field has that value.
type path []pathStep

type pathStep struct {
	field string
	index int // of the list that the field or the former index gave; valid when field is empty
	every bool
	key   string // a field that the element must have with the value
	value any
}

func (p path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.every:
			b.WriteString("[]")
		case s.key != "":
			fmt.Fprintf(&b, "[%s==%s]", s.key, format(s.value))
		case s.field == "":
			fmt.Fprintf(&b, "[%d]", s.index)
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.field)
		}
	}
	return b.String()
}

// lookup finds the one value at a path; it does not follow [].
func lookup(v any, p path) (any, error) {
	for i, s := range p {
		switch at := v.(type) {
		case *Object:
			value, ok := at.Get(s.field)
			if !ok {
				return nil, fmt.Errorf("no %s in the answer", p[:i+1])
			}
			v = value
		case []any:
			n := s.position(at)
			if n < 0 {
				return nil, fmt.Errorf("no %s in the answer, whose list has %d elements", p[:i+1], len(at))
			}
			v = at[n]
		default:
			return nil, fmt.Errorf("no %s in the answer", p[:i+1])
		}
	}
	return v, nil
}

// position is the index of the one element that a step means, -1 where there is none.
func (s pathStep) position(list []any) int {
	if s.key == "" {
		if s.field != "" || s.every || s.index >= len(list) {
			return -1
		}
		return s.index
	}
	for i, e := range list {
		if o, ok := e.(*Object); ok {
			if v, ok := o.Get(s.key); ok && format(v) == format(s.value) {
				return i
			}
		}
	}
	return -1
}

// replaceAt changes every value at a path.
func replaceAt(v any, p path, by func(any) any) any {
	if len(p) == 0 {
		return by(v)
	}
	switch at := v.(type) {
	case *Object:
		for i := range at.Fields {
			if f := &at.Fields[i]; f.Name == p[0].field {
				before := f.Value
				f.Value = replaceAt(f.Value, p[1:], by)
				f.Default = f.Default && format(before) == format(f.Value)
			}
		}
	case []any:
		for i := range at {
			if p[0].every || p[0].position(at) == i {
				at[i] = replaceAt(at[i], p[1:], by)
			}
		}
	}
	return v
}

// scalarText is a value as a string takes it in "${name}".
func scalarText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", fmt.Errorf("%s cannot stand inside a string", format(v))
}
