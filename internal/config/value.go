package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Value is the parsed value of a setting. The zero Value is not a value; see Snapshot.Value.
type Value struct {
	kind Type
	null bool
	n    int64 // Boolean (0, 1), Int, Short, Long
	f    float64
	s    string // String, Class, Password
	list []string
}

// IsNull reports whether the setting has no value.
func (v Value) IsNull() bool { return v.null }

// Bool returns the value of a Boolean.
func (v Value) Bool() bool { return v.n != 0 }

// Long returns the value of an Int, Short or Long; 0 for null.
func (v Value) Long() int64 { return v.n }

// Double returns the value of a Double.
func (v Value) Double() float64 { return v.f }

// List returns the items of a List. The caller must not change them.
func (v Value) List() []string { return v.list }

// Text returns the value of a String, Class or Password; "" for null.
func (v Value) Text() string { return v.s }

// String returns the value as DescribeConfigs shows it, "null" for null. Beware that it shows passwords.
func (v Value) String() string {
	if v.null {
		return "null"
	}
	switch v.kind {
	case Boolean:
		return strconv.FormatBool(v.n != 0)
	case Int, Short, Long:
		return strconv.FormatInt(v.n, 10)
	case Double:
		return javaDouble(v.f)
	case List:
		return strings.Join(v.list, ",")
	default:
		return v.s
	}
}

// textPtr returns the text for a response: nil for null.
func (v Value) textPtr() *string {
	if v.null {
		return nil
	}
	s := v.String()
	return &s
}

// javaDouble formats as Java's Double.toString, which the answers of Kafka show: 0.5, 100.0, 1.0E7.
func javaDouble(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0:
		if math.Signbit(f) {
			return "-0.0"
		}
		return "0.0"
	}
	if abs := math.Abs(f); abs >= 1e-3 && abs < 1e7 {
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	n, _ := strconv.Atoi(exponent)
	return mantissa + "E" + strconv.Itoa(n)
}

// millis turns milliseconds into a duration; what does not fit becomes the longest one, as Kafka uses the greatest
// long for "never".
func millis(ms int64) time.Duration { return scaled(ms, time.Millisecond) }

func scaled(n int64, unit time.Duration) time.Duration {
	if n > math.MaxInt64/int64(unit) {
		return math.MaxInt64
	}
	if n < math.MinInt64/int64(unit) {
		return math.MinInt64
	}
	return time.Duration(n) * unit
}
