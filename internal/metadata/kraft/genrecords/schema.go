package main

import (
	"archive/zip"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// record is a schema file.
type record struct {
	APIKey           int     `json:"apiKey"`
	Name             string  `json:"name"`
	ValidVersions    string  `json:"validVersions"`
	FlexibleVersions string  `json:"flexibleVersions"`
	Fields           []field `json:"fields"`
}

type field struct {
	Name             string          `json:"name"`
	Type             string          `json:"type"`
	Versions         string          `json:"versions"`
	NullableVersions string          `json:"nullableVersions"`
	TaggedVersions   string          `json:"taggedVersions"`
	Tag              *int            `json:"tag"`
	Default          json.RawMessage `json:"default"`
	Fields           []field         `json:"fields"`
}

var comment = regexp.MustCompile(`(?m)^\s*//.*$`)

// read returns the schemas in the order of their numbers.
func read(jar string) ([]record, error) {
	archive, err := zip.OpenReader(jar)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	var records []record
	for _, f := range archive.File {
		if !strings.HasPrefix(f.Name, "common/metadata/") || !strings.HasSuffix(f.Name, ".json") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		var one record
		if err := json.Unmarshal(comment.ReplaceAll(text, nil), &one); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		if one.FlexibleVersions != "0+" {
			return nil, fmt.Errorf("%s: flexible versions %q: only records that are flexible from the beginning are known", f.Name, one.FlexibleVersions)
		}
		records = append(records, one)
	}
	if len(records) == 0 {
		return nil, errors.New("the jar has no schemas of metadata records")
	}
	slices.SortFunc(records, func(a, b record) int { return cmp.Compare(a.APIKey, b.APIKey) })
	return records, nil
}

func highest(versions string) (int, error) {
	low, high, isRange := strings.Cut(versions, "-")
	if !isRange {
		high = low
	}
	if low != "0" {
		return 0, fmt.Errorf("versions %q do not begin with 0", versions)
	}
	return strconv.Atoi(high)
}

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

// low is the first version that has the field.
func (f field) low() int {
	low, _ := strconv.Atoi(strings.TrimSuffix(f.Versions, "+"))
	return low
}

func (f field) nullable() bool { return f.NullableVersions != "" }

func (f field) goType() (string, error) {
	if !strings.HasSuffix(f.Versions, "+") {
		return "", fmt.Errorf("%s: versions %q end: not known here", f.Name, f.Versions)
	}
	if len(f.Fields) > 0 {
		return "[]" + goName(strings.TrimPrefix(f.Type, "[]")), nil
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
