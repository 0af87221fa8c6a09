package main

import (
	"fmt"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/protocol/kafkaschema"
)

// kind says how a type is called in Go, and which functions of the package read and write it.
type kind struct{ typ, reader, writer string }

var kinds = map[string]kind{
	"bool":    {"bool", "bool", "appendBool"},
	"int8":    {"int8", "int8", "appendInt8"},
	"int16":   {"int16", "int16", "appendInt16"},
	"uint16":  {"uint16", "uint16", "appendUint16"},
	"int32":   {"int32", "int32", "appendInt32"},
	"int64":   {"int64", "int64", "appendInt64"},
	"float64": {"float64", "float64", "appendFloat64"},
	"string":  {"string", "string", "appendString"},
	"bytes":   {"[]byte", "bytes", "appendBytes"},
	"uuid":    {"metadata.UUID", "uuid", "appendUUID"},
}

// field is a field of a record, or of an array's elements.
type field struct {
	kafkaschema.Field
	low    int16 // the first version that has it
	fields []field
}

func fieldsOf(list []kafkaschema.Field) (fields []field, err error) {
	for _, f := range list {
		low, high, err := kafkaschema.Versions(f.Versions)
		if err != nil || high != kafkaschema.MaxVersion {
			return nil, fmt.Errorf("%s: versions %q that end are not known here", f.Name, f.Versions)
		}
		inner, err := fieldsOf(f.Fields)
		if err != nil {
			return nil, err
		}
		fields = append(fields, field{f, low, inner})
	}
	return fields, nil
}

func (f field) nullable() bool { return f.NullableVersions != "" }

// element is the name of the struct that the field's array has as elements.
func (f field) element() string { return goName(strings.TrimPrefix(f.Type, "[]")) }

func (f field) goType() (string, error) {
	if len(f.fields) > 0 {
		return "[]" + f.element(), nil
	}
	element := strings.TrimPrefix(f.Type, "[]")
	k, ok := kinds[element]
	switch {
	case !ok:
		return "", fmt.Errorf("%s: type %q is not known here", f.Name, f.Type)
	case element != f.Type:
		return "[]" + k.typ, nil
	case f.nullable() && f.Type == "string":
		return "*string", nil
	case f.nullable():
		return "", fmt.Errorf("%s: a %s that may be null is not known here", f.Name, f.Type)
	}
	return k.typ, nil
}

// defaultValue returns the literal of the field's default, "" where it is Go's zero value.
func (f field) defaultValue() (string, error) {
	text := strings.Trim(string(f.Default), `"`)
	switch text {
	case "", "null", "0", "false":
		return "", nil
	case "true":
		return text, nil
	}
	if _, err := strconv.Atoi(text); err != nil {
		return "", fmt.Errorf("%s: default %s is not known here", f.Name, f.Default)
	}
	return text, nil
}

// notDefault is the condition under which a tagged field is written.
func (f field) notDefault() string {
	name := "v." + goName(f.Name)
	value, _ := f.defaultValue()
	switch {
	case f.nullable():
		return name + " != nil"
	case strings.HasPrefix(f.Type, "[]") || f.Type == "bytes" || f.Type == "string":
		return "len(" + name + ") > 0"
	case f.Type == "bool":
		return name
	case value == "":
		return name + " != 0"
	}
	return name + " != " + value
}

// goName writes the abbreviations in a name as Go does.
func goName(name string) string {
	for _, r := range []struct{ from, to string }{{"Id", "ID"}, {"Isr", "ISR"}, {"Elr", "ELR"}, {"Zk", "ZK"}} {
		for at := 0; ; {
			i := strings.Index(name[at:], r.from)
			if i < 0 {
				break
			}
			i += at
			end := i + len(r.from)
			if end == len(name) || name[end] >= 'A' && name[end] <= 'Z' || name[end] == 's' {
				name = name[:i] + r.to + name[end:]
			}
			at = end
		}
	}
	return name
}
