package clienttools

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// settings reads typed values out of properties. The first value that is not what its setting wants becomes err, worded as
// Kafka's ConfigException; later reads go on with defaults, so that callers check once.
type settings struct {
	properties map[string]string
	err        error
}

// has tells whether the user gave the property.
func (s *settings) has(name string) bool { _, ok := s.properties[name]; return ok }

func (s *settings) fail(name, reason string) {
	if s.err == nil {
		s.err = exceptionf(classConfig, "Invalid value %s for configuration %s: %s",
			s.properties[name], name, reason)
	}
}

func (s *settings) failf(format string, args ...any) {
	if s.err == nil {
		s.err = exceptionf(classConfig, format, args...)
	}
}

func (s *settings) text(name, def string) string {
	if v, ok := s.properties[name]; ok {
		return strings.TrimSpace(v)
	}
	return def
}

// choice reads one of several words, without regard to case where fold is set.
func (s *settings) choice(name, def string, fold bool, allowed ...string) string {
	v := s.text(name, def)
	if fold {
		v = strings.ToLower(v)
	}
	for _, a := range allowed {
		if v == a {
			return v
		}
	}
	s.fail(name, "String must be one of: "+strings.Join(allowed, ", "))
	return def
}

func (s *settings) boolean(name string, def bool) bool {
	v, ok := s.properties[name]
	if !ok {
		return def
	}
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "true":
		return true
	case "false":
		return false
	}
	s.fail(name, "Expected value to be either true or false")
	return def
}

// number reads an integer within bounds; kind is INT or LONG, the name Kafka gives in its message.
func (s *settings) number(name string, def, low, high int64, kind string) int64 {
	v, ok := s.properties[name]
	if !ok {
		return def
	}
	bits := 32
	if kind == "LONG" {
		bits = 64
	}
	n, err := strconv.ParseInt(strings.TrimSpace(v), 10, bits)
	switch {
	case err != nil:
		s.fail(name, "Not a number of type "+kind)
		return def
	case n < low:
		s.fail(name, fmt.Sprintf("Value must be at least %d", low))
		return def
	case n > high:
		s.fail(name, fmt.Sprintf("Value must be no more than %d", high))
		return def
	}
	return n
}

func (s *settings) int32(name string, def, low int64) int64 {
	return s.number(name, def, low, math.MaxInt32, "INT")
}

func (s *settings) int64(name string, def, low int64) int64 {
	return s.number(name, def, low, math.MaxInt64, "LONG")
}

// millis reads a time in milliseconds.
func (s *settings) millis(name string, def, low int64) time.Duration {
	ms := s.int64(name, def, low)
	return time.Duration(min(ms, int64(math.MaxInt64/time.Millisecond))) * time.Millisecond
}

// list reads a comma-separated value.
func (s *settings) list(name, def string) []string {
	var out []string
	for _, item := range strings.Split(s.text(name, def), ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}
