package config

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Property is one entry of a properties file.
type Property struct {
	Key   string
	Value string
	Line  int // where the entry begins, from 1
}

// ParseProperties reads a file by the rules of Java's properties files, in their ISO 8859-1 form that Kafka uses: `=`,
// `:` or white space between key and value, comments with `#` or `!`, a backslash at the end of a line continues it, and
// \t \n \r \f \uXXXX and a backslash before any other character are escapes. Of several entries for one key the last
// counts; all are returned, in order.
func ParseProperties(file []byte) ([]Property, error) {
	var entries []Property
	r := lineReader{file: file, line: 1}
	for {
		logical, line, ok := r.next()
		if !ok {
			return entries, nil
		}
		key, value := splitProperty(logical)
		k, err := unescape(key)
		if err == nil {
			value, err = unescape(value)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		entries = append(entries, Property{Key: k, Value: value, Line: line})
	}
}

// lineReader yields logical lines: comments and blank lines left out, continued lines joined.
type lineReader struct {
	file []byte
	pos  int
	line int
}

func isPropertySpace(c byte) bool { return c == ' ' || c == '\t' || c == '\f' }

// next returns a logical line, still escaped, and the number of its first line.
func (r *lineReader) next() (logical string, line int, ok bool) {
	var b []byte
	for r.pos < len(r.file) {
		number := r.line
		text, continues := cutBackslash(strings.TrimLeft(r.natural(), " \t\f"))
		if len(b) == 0 {
			// A line that has nothing yet may still be a comment or blank, even when it continues one with nothing but a
			// backslash: so it is in Java.
			if text == "" {
				// A backslash that ends the file is an entry without a name, unless both characters of \r\n follow it.
				if continues && r.pos == len(r.file) && !bytes.HasSuffix(r.file, []byte("\r\n")) {
					return "", number, true
				}
				continue
			}
			if text[0] == '#' || text[0] == '!' {
				continue
			}
			line = number
		}
		b = append(b, text...)
		if !continues {
			return string(b), line, true
		}
	}
	return string(b), line, len(b) > 0
}

// natural returns the next line of the file without its end.
func (r *lineReader) natural() string {
	start := r.pos
	for r.pos < len(r.file) && r.file[r.pos] != '\n' && r.file[r.pos] != '\r' {
		r.pos++
	}
	text := string(r.file[start:r.pos])
	if r.pos < len(r.file) {
		if r.file[r.pos] == '\r' && r.pos+1 < len(r.file) && r.file[r.pos+1] == '\n' {
			r.pos++
		}
		r.pos++
		r.line++
	}
	return text
}

// cutBackslash removes the backslash that continues a line. An even number of them escape each other.
func cutBackslash(text string) (string, bool) {
	n := len(text) - len(strings.TrimRight(text, `\`))
	if n%2 == 0 {
		return text, false
	}
	return text[:len(text)-1], true
}

// splitProperty cuts a logical line at the first separator that is not escaped.
func splitProperty(logical string) (key, value string) {
	i, escaped := 0, false
	for ; i < len(logical); i++ {
		c := logical[i]
		if !escaped && (c == '=' || c == ':' || isPropertySpace(c)) {
			break
		}
		escaped = c == '\\' && !escaped
	}
	key = logical[:i]
	value = strings.TrimLeft(logical[i:], " \t\f")
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], " \t\f")
	}
	return key, value
}

// unescape resolves escapes and turns the bytes of ISO 8859-1 into characters. Escapes give UTF-16 units, as in Java;
// two of them can be one character.
func unescape(s string) (string, error) {
	units := make([]uint16, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' {
			units = append(units, uint16(c))
			continue
		}
		i++
		if i == len(s) {
			break
		}
		switch s[i] {
		case 't':
			units = append(units, '\t')
		case 'n':
			units = append(units, '\n')
		case 'r':
			units = append(units, '\r')
		case 'f':
			units = append(units, '\f')
		case 'u':
			unit, ok := hexUnit(s[i+1:])
			if !ok {
				return "", fmt.Errorf(`malformed \uxxxx encoding in %q`, s)
			}
			units = append(units, unit)
			i += 4
		default:
			units = append(units, uint16(s[i]))
		}
	}
	return string(utf16.Decode(units)), nil
}

func hexUnit(s string) (uint16, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var unit uint16
	for i := range 4 {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | uint16(c)
	}
	return unit, true
}
