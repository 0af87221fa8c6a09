package scripttest

import (
	"slices"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/protocol"
)

// Command is a line of a script: a verb, words, and key=value arguments.
type Command struct {
	Verb  string
	Words []string
	Args  map[string]string
}

// Parse reads a line. What is not key=value is a word.
func Parse(line string) Command {
	fields := strings.Fields(line)
	c := Command{Verb: fields[0], Args: make(map[string]string)}
	for _, f := range fields[1:] {
		if key, value, ok := strings.Cut(f, "="); ok {
			c.Args[key] = value
		} else {
			c.Words = append(c.Words, f)
		}
	}
	return c
}

// Word is the first word, which is the label of a request; "" where there is none.
func (c Command) Word() string {
	if len(c.Words) == 0 {
		return ""
	}
	return c.Words[0]
}

// Is reports whether the word is among the words.
func (c Command) Is(word string) bool { return slices.Contains(c.Words, word) }

// Str is the argument, or fallback.
func (c Command) Str(key, fallback string) string {
	if v, ok := c.Args[key]; ok {
		return v
	}
	return fallback
}

// Optional is the argument, or nil.
func (c Command) Optional(key string) *string {
	if v, ok := c.Args[key]; ok {
		return &v
	}
	return nil
}

// Num is the argument as a number, or fallback.
func (c Command) Num(key string, fallback int64) int64 {
	v, ok := c.Args[key]
	if !ok {
		return fallback
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// List is the argument's items, with commas between them.
func (c Command) List(key string) []string {
	if c.Args[key] == "" {
		return nil
	}
	return strings.Split(c.Args[key], ",")
}

// Version is the version of the request.
func (c Command) Version(fallback int64) int16 { return int16(c.Num("v", fallback)) }

// Code is the error code of that name.
func Code(name string) protocol.Code {
	for code := protocol.Code(-1); code < 200; code++ {
		if code.Name() == name {
			return code
		}
	}
	panic("no code: " + name)
}
