package config

import (
	"strconv"
	"strings"
)

// ValueError is a value that its setting does not allow. The text is Kafka's, because clients show it.
type ValueError struct {
	Name   string
	Value  string
	Reason string
}

// Error implements error.
func (e *ValueError) Error() string {
	return "Invalid value " + e.Value + " for configuration " + e.Name + ": " + e.Reason
}

func invalid(name, value, reason string) error {
	return &ValueError{Name: name, Value: value, Reason: reason}
}

// parseType reads text as Kafka does for the type; it does not check bounds.
func parseType(name, text string, kind Type) (Value, error) {
	v := Value{kind: kind}
	trimmed := javaTrim(text)
	switch kind {
	case Boolean:
		switch {
		case strings.EqualFold(trimmed, "true"):
			v.n = 1
		case strings.EqualFold(trimmed, "false"):
		default:
			return v, invalid(name, text, "Expected value to be either true or false")
		}
	case Int, Short, Long:
		n, err := strconv.ParseInt(trimmed, 10, bitsOf(kind))
		if err != nil {
			return v, invalid(name, text, "Not a number of type "+kind.String())
		}
		v.n = n
	case Double:
		f, ok := parseJavaDouble(trimmed)
		if !ok {
			return v, invalid(name, text, "Not a number of type "+kind.String())
		}
		v.f = f
	case List:
		v.list = splitList(trimmed)
	default:
		v.s = trimmed
	}
	return v, nil
}

func bitsOf(kind Type) int {
	switch kind {
	case Short:
		return 16
	case Int:
		return 32
	default:
		return 64
	}
}

// javaTrim is Java's String.trim: it cuts every character up to the space, control characters included.
func javaTrim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

// parseJavaDouble reads what Java's Double.parseDouble reads: Go's syntax without underscores and without "inf", with
// an optional type suffix.
func parseJavaDouble(s string) (float64, bool) {
	switch strings.TrimLeft(s, "+-") {
	case "NaN", "Infinity":
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil
	}
	if n := len(s); n > 1 && strings.ContainsRune("dDfF", rune(s[n-1])) && !strings.ContainsAny(s, "xX") {
		s = s[:n-1]
	}
	if strings.ContainsAny(s, "_iIN") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		if numErr, ok := err.(*strconv.NumError); !ok || numErr.Err != strconv.ErrRange {
			return 0, false
		}
	}
	return f, true
}

// splitList splits at commas and cuts the white space around them; the empty text is the empty list.
func splitList(trimmed string) []string {
	if trimmed == "" {
		return nil
	}
	parts := strings.Split(trimmed, ",")
	for i := range parts {
		parts[i] = javaTrim(parts[i])
	}
	return parts
}

// parse reads and checks the value of a setting.
func (s *Setting) parse(text string) (Value, error) {
	v, err := parseType(s.Name, text, s.Type)
	if err != nil {
		return v, err
	}
	return s.checked(v)
}

// checked applies the setting's check. Lists with a list check lose their duplicates first, as in Kafka.
func (s *Setting) checked(v Value) (Value, error) {
	if s.Check == nil {
		return v, nil
	}
	if _, ok := s.Check.(listCheck); ok {
		v.list = withoutDuplicates(v.list)
	}
	return v, s.Check.Validate(s.Name, v)
}

func withoutDuplicates(list []string) []string {
	seen := make(map[string]bool, len(list))
	var out []string
	for _, item := range list {
		if !seen[item] {
			seen[item] = true
			out = append(out, item)
		}
	}
	return out
}

// Parse reads and checks a value, for tools and tests.
func (s *Setting) Parse(text string) (Value, error) { return s.parse(text) }
