package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Check is what a setting allows beyond its type.
type Check interface {
	// Validate returns a *ValueError, or another error with Kafka's text, for a value that is not allowed.
	Validate(name string, v Value) error
	// String tells what is allowed, as Kafka's documentation writes it: "[1,...]".
	String() string
}

// rangeCheck bounds a number on one or both sides.
type rangeCheck struct {
	min, max       float64
	hasMin, hasMax bool
	text           string
}

// atLeast allows numbers from min up.
func atLeast(min float64) Check {
	return rangeCheck{min: min, hasMin: true, text: "[" + plainNumber(min) + ",...]"}
}

// between allows numbers from min to max.
func between(min, max float64) Check {
	return rangeCheck{
		min: min, max: max, hasMin: true, hasMax: true,
		text: "[" + plainNumber(min) + ",...," + plainNumber(max) + "]",
	}
}

func plainNumber(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func (c rangeCheck) String() string { return c.text }

func (c rangeCheck) Validate(name string, v Value) error {
	if v.null {
		return invalid(name, "null", "Value must be non-null")
	}
	x := float64(v.n)
	if v.kind == Double {
		x = v.f
	}
	if c.hasMin && x < c.min {
		return invalid(name, v.String(), "Value must be at least "+plainNumber(c.min))
	}
	if c.hasMax && x > c.max {
		return invalid(name, v.String(), "Value must be no more than "+plainNumber(c.max))
	}
	return nil
}

// oneOf allows the named strings.
type oneOf []string

func (c oneOf) String() string { return "[" + strings.Join(c, ", ") + "]" }

func (c oneOf) Validate(name string, v Value) error {
	if v.null || !slices.Contains(c, v.s) {
		return invalid(name, v.String(), "String must be one of: "+strings.Join(c, ", "))
	}
	return nil
}

// oneOfFold allows the named strings in any case.
type oneOfFold []string

func (c oneOfFold) String() string { return "(case insensitive) [" + strings.Join(c, ", ") + "]" }

func (c oneOfFold) Validate(name string, v Value) error {
	if v.null || !slices.ContainsFunc(c, func(s string) bool { return strings.EqualFold(s, v.s) }) {
		return invalid(name, v.String(), "String must be one of (case insensitive): "+strings.Join(c, ", "))
	}
	return nil
}

// nonEmpty allows every string but the empty one; null is allowed.
type nonEmpty struct{}

func (nonEmpty) String() string { return "non-empty string" }

func (nonEmpty) Validate(name string, v Value) error {
	if !v.null && v.s == "" {
		return invalid(name, "", "String must be non-empty")
	}
	return nil
}

// nonNull refuses only null.
type nonNull struct{}

func (nonNull) String() string { return "non-null string" }

func (nonNull) Validate(name string, v Value) error {
	if v.null {
		return invalid(name, "null", "entry must be non null")
	}
	return nil
}

// configError is a refused configuration that is not about the value of one setting; the text is Kafka's.
type configError string

func (e configError) Error() string { return string(e) }

func configErrorf(format string, args ...any) error { return configError(fmt.Sprintf(format, args...)) }
