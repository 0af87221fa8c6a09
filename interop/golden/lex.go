package golden

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenNumber
	tokenString
	tokenRef
	tokenMark // one of { } [ ] ( ) : , . .. = == != @
)

type token struct {
	kind tokenKind
	text string // of a string: its content
	line int
}

func (t token) String() string {
	switch t.kind {
	case tokenEnd:
		return "the end of the file"
	case tokenString:
		return strconv.Quote(t.text)
	case tokenRef:
		return "$" + t.text
	}
	return t.text
}

// syntaxError is a mistake in a script or a recording.
type syntaxError struct {
	line int
	text string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.text) }

func isNameByte(c byte, first bool) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || !first && '0' <= c && c <= '9'
}

// lex splits text into tokens. Line ends mean nothing but the end of a comment.
func lex(text string) ([]token, error) {
	var tokens []token
	line := 1
	for i := 0; i < len(text); {
		c := text[i]
		start := i
		add := func(kind tokenKind, s string) { tokens = append(tokens, token{kind, s, line}) }
		switch {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case c == '"':
			s, n, err := lexString(text[i:])
			if err != nil {
				return nil, &syntaxError{line, err.Error()}
			}
			add(tokenString, s)
			line += strings.Count(text[i:i+n], "\n")
			i += n
		case c == '$' || isNameByte(c, true):
			if c == '$' {
				i++
			}
			from := i
			for i < len(text) && isNameByte(text[i], i == from) {
				i++
			}
			if c == '$' {
				add(tokenRef, text[from:i])
			} else {
				add(tokenName, text[start:i])
			}
			if from == i {
				return nil, &syntaxError{line, "a $ without a name"}
			}
		case c == '-' || '0' <= c && c <= '9':
			i++
			for i < len(text) && ('0' <= text[i] && text[i] <= '9' || text[i] == '.' && i+1 < len(text) && '0' <= text[i+1] && text[i+1] <= '9' && text[i-1] != '.') {
				i++
			}
			add(tokenNumber, text[start:i])
		default:
			n := 1
			if two := text[i:min(i+2, len(text))]; two == ".." || two == "==" || two == "!=" {
				n = 2
			}
			if !strings.Contains("{}[]():,.=@!", text[i:i+1]) {
				return nil, &syntaxError{line, fmt.Sprintf("unexpected %q", text[i:i+1])}
			}
			add(tokenMark, text[i:i+n])
			i += n
		}
	}
	return append(tokens, token{tokenEnd, "", line}), nil
}

// lexString reads a quoted string with the escapes of Go and returns its content and its length in the text.
func lexString(text string) (string, int, error) {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			s, err := strconv.Unquote(text[:i+1])
			if err != nil {
				return "", 0, fmt.Errorf("bad string %s", text[:i+1])
			}
			return s, i + 1, nil
		case '\n':
			return "", 0, fmt.Errorf("a string without its end: %s", text[:i])
		}
	}
	return "", 0, fmt.Errorf("a string without its end")
}

func printable(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	for _, r := range string(b) {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return true
}
