// Package recordtext turns records into text and text into records, by formats that people write: %k\t%v\n, or JSON with a record per line.
package recordtext

import (
	"fmt"
	"strconv"
	"strings"
)

// Verbs lists the verbs of formats, for the help.
const Verbs = `  %t  topic                %T  timestamp in milliseconds
  %p  partition            %D  timestamp as date and time
  %o  offset               %h  headers as name=value,name=value
  %k  key                  %K  length of the key, -1 for none
  %v  value (also %s)      %V  length of the value (also %S), -1 for none
  %%  a percent sign       \n \t \r \0 \\ \xHH as usual`

// token is a verb, or literal text when verb is 0.
type token struct {
	verb byte
	text string
}

const verbs = "tpokKvVsSThD"

// tokenize splits a format.
func tokenize(format string) ([]token, error) {
	var tokens []token
	var literal strings.Builder
	for i := 0; i < len(format); i++ {
		switch c := format[i]; {
		case c != '%' && c != '\\':
			literal.WriteByte(c)
		case i+1 == len(format):
			return nil, fmt.Errorf("format %q ends in the middle of %c", format, c)
		case c == '\\':
			b, used, err := escape(format[i+1:])
			if err != nil {
				return nil, fmt.Errorf("format %q: %w", format, err)
			}
			literal.WriteByte(b)
			i += used
		case format[i+1] == '%':
			literal.WriteByte('%')
			i++
		case strings.IndexByte(verbs, format[i+1]) < 0:
			return nil, fmt.Errorf("format %q: there is no verb %%%c", format, format[i+1])
		default:
			if literal.Len() > 0 {
				tokens = append(tokens, token{text: literal.String()})
				literal.Reset()
			}
			i++
			tokens = append(tokens, token{verb: canonical(format[i])})
		}
	}
	if literal.Len() > 0 {
		tokens = append(tokens, token{text: literal.String()})
	}
	return tokens, nil
}

// canonical maps the second name of a verb to its first.
func canonical(verb byte) byte {
	switch verb {
	case 's':
		return 'v'
	case 'S':
		return 'V'
	}
	return verb
}

// escape reads what follows a backslash and tells how many bytes that took.
func escape(text string) (b byte, used int, err error) {
	switch text[0] {
	case 'n':
		return '\n', 1, nil
	case 't':
		return '\t', 1, nil
	case 'r':
		return '\r', 1, nil
	case '0':
		return 0, 1, nil
	case '\\':
		return '\\', 1, nil
	case 'x':
		if len(text) >= 3 {
			if n, err := strconv.ParseUint(text[1:3], 16, 8); err == nil {
				return byte(n), 3, nil
			}
		}
		return 0, 0, fmt.Errorf(`\x wants two hexadecimal digits`)
	}
	return 0, 0, fmt.Errorf(`there is no \%c`, text[0])
}
