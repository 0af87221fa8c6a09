package golden

import (
	"fmt"
	"strings"
)

// Mismatch is one place where an answer is not the recorded one.
type Mismatch struct {
	Script string
	Step   string
	Where  string // place in the script, "" where the script did not get there
	Path   string // empty when the whole step differs
	Want   string
	Got    string
}

func (m Mismatch) String() string {
	at := m.Path
	if at == "" {
		at = "(whole answer)"
	}
	return fmt.Sprintf("%s, step %s (%s)\n    %s\n        want %s\n        got  %s", m.Script, m.Step, m.Where, at, m.Want, m.Got)
}

const absent = "(nothing, or the default)"

// Compare pairs outcomes by their place in the script.
func Compare(script string, want, got []Outcome) []Mismatch {
	var all []Mismatch
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			return append(all, Mismatch{Script: script, Step: want[i].Step, Want: "an answer", Got: "the script ended before"})
		case i >= len(want):
			return append(all, Mismatch{Script: script, Step: got[i].Step, Want: "the script's end (record it again?)", Got: "a further answer"})
		case want[i].Step != got[i].Step:
			return append(all, Mismatch{Script: script, Step: got[i].Step, Want: "step " + want[i].Step + " (record it again?)", Got: "another step"})
		}
		_, what, _ := strings.Cut(want[i].Step, " ")
		api, _, _ := strings.Cut(what, " ")
		c := comparison{api: api}
		c.values(nil, "", want[i].Answer, strip(got[i].Answer))
		for _, m := range c.found {
			m.Script, m.Step, m.Where = script, want[i].Step, got[i].Where
			all = append(all, m)
		}
	}
	return all
}

type comparison struct {
	api   string
	found []Mismatch
}

func (c *comparison) differ(at string, want, got string) {
	c.found = append(c.found, Mismatch{Path: strings.TrimPrefix(at, "."), Want: shorten(want), Got: shorten(got)})
}

func (c *comparison) values(fields []string, at string, want, got any) {
	switch w := want.(type) {
	case *Object:
		if g, ok := got.(*Object); ok {
			c.objects(fields, at, w, g)
			return
		}
	case []any:
		if g, ok := got.([]any); ok {
			c.lists(fields, at, w, g)
			return
		}
	}
	if a, b := format(want), format(got); a != b {
		c.differ(at, a, b)
	}
}

func (c *comparison) objects(fields []string, at string, want, got *Object) {
	inner := func(name string) []string { return append(fields[:len(fields):len(fields)], name) }
	for _, f := range want.Fields {
		value, ok := got.Get(f.Name)
		switch {
		case !ok:
			c.differ(at+"."+f.Name, format(f.Value), absent)
		default:
			c.values(inner(f.Name), at+"."+f.Name, f.Value, value)
		}
	}
	for _, f := range got.Fields {
		if _, ok := want.Get(f.Name); !ok {
			c.differ(at+"."+f.Name, absent, format(f.Value))
		}
	}
}

func (c *comparison) lists(fields []string, at string, want, got []any) {
	keys := keysOf(c.api, fields)
	wantBy, wantUnique := byKey(want, keys)
	gotBy, gotUnique := byKey(got, keys)
	if keys == nil || !wantUnique || !gotUnique {
		c.positions(fields, at, want, got)
		return
	}
	for _, e := range want {
		key := elementKey(e, keys, plain)
		element := fmt.Sprintf("%s[%s]", at, key)
		if other, ok := gotBy[key]; ok {
			c.values(fields, element, e, other)
		} else {
			c.differ(element, format(e), "no such element")
		}
	}
	for _, e := range got {
		if key := elementKey(e, keys, plain); wantBy[key] == nil {
			c.differ(fmt.Sprintf("%s[%s]", at, key), "no such element", format(e))
		}
	}
}

func (c *comparison) positions(fields []string, at string, want, got []any) {
	for i := range max(len(want), len(got)) {
		element := fmt.Sprintf("%s[%d]", at, i)
		switch {
		case i >= len(got):
			c.differ(element, format(want[i]), "no such element")
		case i >= len(want):
			c.differ(element, "no such element", format(got[i]))
		default:
			c.values(fields, element, want[i], got[i])
		}
	}
}

func byKey(list []any, keys []string) (map[string]any, bool) {
	by := map[string]any{}
	for _, e := range list {
		key := elementKey(e, keys, plain)
		if by[key] != nil {
			return by, false
		}
		by[key] = e
	}
	return by, true
}

// plain is a value as it stands in a path: strings without quotes.
func plain(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return format(v)
}

func shorten(s string) string {
	if len(s) > 400 {
		return s[:400] + "…"
	}
	return s
}
