package tool

import (
	"fmt"
	"os"
	"strings"
	"unicode/utf8"
)

// LoadProperties reads a file of Java properties.
func LoadProperties(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s (%w)", path, err)
	}
	return ParseProperties(string(data)), nil
}

// ParseProperties reads Java properties from text.
func ParseProperties(text string) map[string]string {
	props := map[string]string{}
	for _, line := range logicalLines(text) {
		key, value := splitProperty(line)
		props[unescape(key)] = unescape(value)
	}
	return props
}

// logicalLines joins continued lines and drops comments and blank lines.
func logicalLines(text string) []string {
	var lines []string
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	pending, continued := "", false
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimLeft(line, " \t\f")
		if !continued && (line == "" || line[0] == '#' || line[0] == '!') {
			continue
		}
		backslashes := len(line) - len(strings.TrimRight(line, `\`))
		if backslashes%2 == 1 {
			pending += line[:len(line)-1]
			continued = true
			continue
		}
		lines = append(lines, pending+line)
		pending, continued = "", false
	}
	if continued {
		lines = append(lines, pending)
	}
	return lines
}

// splitProperty cuts a line at the first unescaped '=', ':' or blank.
func splitProperty(line string) (key, value string) {
	end := 0
	for end < len(line) && !strings.ContainsRune("=: \t\f", rune(line[end])) {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(line))
	rest := strings.TrimLeft(line[end:], " \t\f")
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = strings.TrimLeft(rest[1:], " \t\f")
	}
	return line[:end], rest
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			var r rune
			if n, err := fmt.Sscanf(s[i+1:min(i+5, len(s))], "%04x", &r); n == 1 && err == nil {
				b.WriteRune(r)
				i += 4
				continue
			}
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
