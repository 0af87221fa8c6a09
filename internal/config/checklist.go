package config

import (
	"slices"
	"strings"
)

// listCheck allows lists without duplicates and without empty items.
type listCheck struct {
	items     []string // allowed items; nil: any
	allowNone bool     // the empty list is allowed
	allowNull bool
}

func (c listCheck) String() string {
	if len(c.items) == 0 {
		if c.allowNone {
			return ""
		}
		return "any non-empty value"
	}
	return "[" + strings.Join(c.items, ", ") + "]"
}

func (c listCheck) Validate(name string, v Value) error {
	if v.null {
		if c.allowNull {
			return nil
		}
		return configError("Configuration '" + name + "' values must not be null.")
	}
	if len(v.list) == 0 && !c.allowNone {
		return configError("Configuration '" + name + "' must not be empty. Valid values include: " + c.String())
	}
	for _, item := range v.list {
		if item == "" {
			return configError("Configuration '" + name + "' values must not be empty.")
		}
		if len(c.items) > 0 && !slices.Contains(c.items, item) {
			return invalid(name, item, "String must be one of: "+strings.Join(c.items, ", "))
		}
	}
	return nil
}

// gzipLevel allows the levels of gzip: 1 to 9, or -1 for its default.
type gzipLevel struct{}

func (gzipLevel) String() string { return "[1,...,9] or -1" }

func (gzipLevel) Validate(name string, v Value) error {
	if v.null {
		return invalid(name, "null", "Value must be non-null")
	}
	if v.n != -1 && (v.n < 1 || v.n > 9) {
		return invalid(name, v.String(), "Value must be between 1 and 9 or equal to -1")
	}
	return nil
}

// throttledReplicas allows `*` and lists of `partition:broker` pairs; empty items are allowed, as in Kafka.
type throttledReplicas struct{}

func (throttledReplicas) String() string {
	return "[partitionId]:[brokerId],[partitionId]:[brokerId],..."
}

func (c throttledReplicas) Validate(name string, v Value) error {
	if strings.Join(v.list, "") == "*" {
		return nil
	}
	for _, item := range v.list {
		partition, broker, isPair := strings.Cut(item, ":")
		if item != "" && !(isPair && isDigits(partition) && isDigits(broker)) {
			return invalid(name, javaList(v.list),
				name+" must be the literal '*' or a list of replicas in the following format: "+c.String())
		}
	}
	return nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// javaList writes a list as Java prints it in messages: [a, b].
func javaList(list []string) string { return "[" + strings.Join(list, ", ") + "]" }
