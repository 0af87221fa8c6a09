package clienttools

import (
	"bufio"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// lineReader makes records of lines, as Apache's LineMessageReader does.
type lineReader struct {
	topic               string
	parseKey            bool
	keySeparator        string
	parseHeaders        bool
	headersDelimiter    string
	headersSeparator    string
	headersSplit        *regexp.Regexp
	headersKeySeparator string
	ignoreError         bool
	nullMarker          *string

	in         *bufio.Reader
	skipLF     bool // the last line ended with a carriage return
	lineNumber int
}

// newLineReader reads the --reader-property settings.
func newLineReader(properties map[string]string, in io.Reader) (*lineReader, error) {
	text := func(name, def string) string {
		if v, ok := properties[name]; ok {
			return v
		}
		return def
	}
	flag := func(name string) bool { return strings.EqualFold(strings.TrimSpace(properties[name]), "true") }
	r := &lineReader{
		topic:               properties["topic"],
		parseKey:            flag("parse.key"),
		keySeparator:        text("key.separator", "\t"),
		parseHeaders:        flag("parse.headers"),
		headersDelimiter:    text("headers.delimiter", "\t"),
		headersSeparator:    text("headers.separator", ","),
		headersKeySeparator: text("headers.key.separator", ":"),
		ignoreError:         flag("ignore.error"),
		in:                  bufio.NewReaderSize(in, 64<<10),
	}
	if marker, ok := properties["null.marker"]; ok {
		r.nullMarker = &marker
	}
	split, err := regexp.Compile(r.headersSeparator)
	if err != nil {
		return nil, exceptionf(classPattern, "headers.separator: %v", err)
	}
	r.headersSplit = split
	return r, r.checkSeparators()
}

// checkSeparators refuses settings under which a line could be read in two ways.
func (r *lineReader) checkSeparators() error {
	clashes := []struct {
		a, b         string
		aName, bName string
	}{
		{r.headersDelimiter, r.headersSeparator, "headers.delimiter", "headers.separator"},
		{r.headersDelimiter, r.headersKeySeparator, "headers.delimiter", "headers.key.separator"},
		{r.headersSeparator, r.headersKeySeparator, "headers.separator", "headers.key.separator"},
	}
	for _, c := range clashes {
		if c.a == c.b {
			return exceptionf(classKafka, "%s and %s may not be equal", c.aName, c.bName)
		}
	}
	markers := []struct{ name, separator string }{
		{"key.separator", r.keySeparator},
		{"headers.separator", r.headersSeparator},
		{"headers.delimiter", r.headersDelimiter},
		{"headers.key.separator", r.headersKeySeparator},
	}
	for _, m := range markers {
		if r.isNull(m.separator) {
			return exceptionf(classKafka, "null.marker and %s may not be equal", m.name)
		}
	}
	return nil
}

func (r *lineReader) isNull(text string) bool { return r.nullMarker != nil && text == *r.nullMarker }

// bytesOrNull turns a field into bytes, and the null marker into none.
func (r *lineReader) bytesOrNull(text string) []byte {
	if r.isNull(text) {
		return nil
	}
	return []byte(text)
}

// next gives the next line's record; io.EOF after the last.
func (r *lineReader) next() (*kgo.Record, error) {
	r.lineNumber++
	line, err := r.readLine()
	if err != nil {
		return nil, err
	}
	rest := line
	record := &kgo.Record{Topic: r.topic}
	if r.parseHeaders {
		headers, after, found, err := r.cut(line, rest, r.headersDelimiter, "headers delimiter")
		if err != nil {
			return nil, err
		}
		rest = after
		if found && !r.isNull(headers) {
			if record.Headers, err = r.splitHeaders(headers); err != nil {
				return nil, err
			}
		}
	}
	if r.parseKey {
		key, after, found, err := r.cut(line, rest, r.keySeparator, "key separator")
		if err != nil {
			return nil, err
		}
		rest = after
		if found {
			record.Key = r.bytesOrNull(key)
		}
	}
	record.Value = r.bytesOrNull(rest)
	return record, nil
}

// cut splits rest at the separator. A line without one is an error, unless errors are ignored: then the part is missing and
// the rest is taken whole.
func (r *lineReader) cut(line, rest, separator, name string) (part, after string, found bool, err error) {
	part, after, found = strings.Cut(rest, separator)
	switch {
	case found:
		return part, after, true, nil
	case r.ignoreError:
		return "", rest, false, nil
	}
	return "", "", false, exceptionf(classKafka, "No %s found on line number %d: '%s'", name, r.lineNumber, line)
}

func (r *lineReader) splitHeaders(text string) ([]kgo.RecordHeader, error) {
	pairs := r.headersSplit.Split(text, -1)
	if len(pairs) > 1 { // as in Java, empty parts at the end do not count
		for len(pairs) > 0 && pairs[len(pairs)-1] == "" {
			pairs = pairs[:len(pairs)-1]
		}
	}
	headers := make([]kgo.RecordHeader, 0, len(pairs))
	for _, pair := range pairs {
		key, value, found := strings.Cut(pair, r.headersKeySeparator)
		switch {
		case !found && r.ignoreError:
			headers = append(headers, kgo.RecordHeader{Key: pair})
		case !found:
			return nil, exceptionf(classKafka, "No header key separator found in pair '%s' on line number %d", pair, r.lineNumber)
		case r.isNull(key):
			return nil, exceptionf(classKafka, "Header keys should not be equal to the null marker '%s' as they can't be null", *r.nullMarker)
		default:
			headers = append(headers, kgo.RecordHeader{Key: key, Value: r.bytesOrNull(value)})
		}
	}
	return headers, nil
}

// readLine reads up to "\n", "\r" or "\r\n"; the last line may lack its end. Bytes that are no UTF-8 become U+FFFD, since
// Apache's reader decodes text.
func (r *lineReader) readLine() (string, error) {
	var line []byte
	for {
		c, err := r.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && len(line) > 0:
			return toUTF8(line), nil
		case err != nil:
			return "", err
		case c == '\n' && r.skipLF:
			r.skipLF = false
			continue
		case c == '\n':
			return toUTF8(line), nil
		case c == '\r':
			r.skipLF = true
			return toUTF8(line), nil
		}
		r.skipLF = false
		line = append(line, c)
	}
}

func toUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return string([]rune(string(b)))
}
