// Package kafkaschema reads the message schemas in Apache Kafka's jars, for the programs that generate code from them.
package kafkaschema

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"io"
	"math"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Message is a schema file.
type Message struct {
	APIKey           int16   `json:"apiKey"`
	Name             string  `json:"name"`
	ValidVersions    string  `json:"validVersions"`
	FlexibleVersions string  `json:"flexibleVersions"`
	Fields           []Field `json:"fields"`
	CommonStructs    []Field `json:"commonStructs"`
}

// Field is a field of a message, of a struct or of an array's elements, or a struct that fields name as their type.
type Field struct {
	Name             string          `json:"name"`
	Type             string          `json:"type"`
	Versions         string          `json:"versions"`
	NullableVersions string          `json:"nullableVersions"`
	TaggedVersions   string          `json:"taggedVersions"`
	Tag              *int            `json:"tag"`
	Default          json.RawMessage `json:"default"`
	Fields           []Field         `json:"fields"`
}

// MaxVersion is where versions without an end do end.
const MaxVersion = math.MaxInt16

// Generate writes output, the Go source that generate makes of the schemas whose names in a jar match pattern. The jar is the one argument
// of the program.
func Generate(output, pattern string, generate func([]Message) ([]byte, error)) error {
	if len(os.Args) != 2 {
		return fmt.Errorf("the one argument is the jar of Apache Kafka with %s", pattern)
	}
	messages, err := read(os.Args[1], pattern)
	if err != nil {
		return err
	}
	source, err := generate(messages)
	if err != nil {
		return err
	}
	if source, err = format.Source(source); err != nil {
		return err
	}
	return os.WriteFile(output, source, 0o644)
}

func read(jar, pattern string) ([]Message, error) {
	archive, err := zip.OpenReader(jar)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	var messages []Message
	for _, f := range archive.File {
		if ok, _ := path.Match(pattern, f.Name); !ok {
			continue
		}
		m, err := readMessage(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		messages = append(messages, m)
	}
	if len(messages) == 0 {
		return nil, errors.New("the jar has no " + pattern)
	}
	return messages, nil
}

var comment = regexp.MustCompile(`(?m)^\s*//.*$`)

func readMessage(f *zip.File) (m Message, err error) {
	r, err := f.Open()
	if err != nil {
		return m, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(comment.ReplaceAll(text, nil), &m)
}

// Versions reads "3", "3+", "3-5" and "none" (or nothing), which is an empty range.
func Versions(s string) (low, high int16, err error) {
	switch {
	case s == "" || s == "none":
		return 1, 0, nil
	case strings.HasSuffix(s, "+"):
		n, err := strconv.ParseInt(s[:len(s)-1], 10, 16)
		return int16(n), MaxVersion, err
	}
	from, to, ok := strings.Cut(s, "-")
	if !ok {
		to = from
	}
	a, err := strconv.ParseInt(from, 10, 16)
	if err != nil {
		return 0, 0, err
	}
	z, err := strconv.ParseInt(to, 10, 16)
	return int16(a), int16(z), err
}
