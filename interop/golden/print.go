package golden

import (
	"encoding/hex"
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// lineWidth is where a value in a recording is broken over lines.
const lineWidth = 170

// format writes a value on one line, in the form that the parser reads.
func format(v any) string {
	var b strings.Builder
	writeFlat(&b, v)
	return b.String()
}

// formatBlock writes a value over as many lines as it needs.
func formatBlock(v any) string {
	var b strings.Builder
	writeBlock(&b, v, "")
	return b.String()
}

func writeFlat(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteString("null")
	case Bytes:
		if printable(v) {
			b.WriteString(strconv.Quote(string(v)))
		} else {
			fmt.Fprintf(b, "hex%q", hex.EncodeToString(v))
		}
	case string:
		if isWord(v) {
			b.WriteString(v)
		} else {
			b.WriteString(strconv.Quote(v))
		}
	case Ref:
		b.WriteString("$" + string(v))
	case *Object:
		b.WriteByte('{')
		for i, f := range v.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(fieldName(f.Name) + ": ")
			writeFlat(b, f.Value)
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			writeFlat(b, e)
		}
		b.WriteByte(']')
	default:
		fmt.Fprint(b, v)
	}
}

func writeBlock(b *strings.Builder, v any, indent string) {
	flat := format(v)
	inner := indent + "  "
	if len(indent)+len(flat) <= lineWidth {
		b.WriteString(flat)
		return
	}
	switch v := v.(type) {
	case *Object:
		b.WriteString("{\n")
		for _, f := range v.Fields {
			b.WriteString(inner + fieldName(f.Name) + ": ")
			writeBlock(b, f.Value, inner)
			b.WriteByte('\n')
		}
		b.WriteString(indent + "}")
	case []any:
		b.WriteString("[\n")
		for _, e := range v {
			b.WriteString(inner)
			writeBlock(b, e, inner)
			b.WriteByte('\n')
		}
		b.WriteString(indent + "]")
	default:
		b.WriteString(flat)
	}
}

// isWord tells whether a string may stand without quotes: names of errors and the like, not what reads as another kind of value.
func isWord(s string) bool {
	if s == "" || s == "true" || s == "false" || s == "null" {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '_' && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func fieldName(name string) string {
	for i := 0; i < len(name); i++ {
		if !isNameByte(name[i], i == 0) {
			return strconv.Quote(name)
		}
	}
	if name == "" {
		return `""`
	}
	return name
}

// sortedKeys gives tables a fixed order in messages.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
