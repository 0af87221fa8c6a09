package clienttools

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// show prints a record so that null and empty differ.
func show(r *kgo.Record) string {
	field := func(b []byte) string {
		if b == nil {
			return "null"
		}
		return fmt.Sprintf("%q", b)
	}
	var headers []string
	for _, h := range r.Headers {
		headers = append(headers, h.Key+"="+field(h.Value))
	}
	return fmt.Sprintf("[%s] %s %s", strings.Join(headers, " "), field(r.Key), field(r.Value))
}

func readLines(t *testing.T, input string, properties ...string) (records []string, err error) {
	t.Helper()
	settings := keyValues(properties)
	settings["topic"] = "t"
	r, err := newLineReader(settings, strings.NewReader(input))
	if err != nil {
		return nil, err
	}
	for {
		record, err := r.next()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return records, err
		}
		if record.Topic != "t" {
			t.Errorf("topic %q", record.Topic)
		}
		records = append(records, show(record))
	}
}

func TestLineReader(t *testing.T) {
	const keys, headers = "parse.key=true", "parse.headers=true"
	cases := []struct {
		name, input string
		properties  []string
		want        string
	}{
		{"lines", "a\nb\n\nc", nil, `[] null "a"; [] null "b"; [] null ""; [] null "c"`},
		{"all ends of lines", "a\r\nb\rc\n\rd", nil, `[] null "a"; [] null "b"; [] null "c"; [] null ""; [] null "d"`},
		{"no UTF-8", "a\xffb\n", nil, `[] null "a` + "\uFFFD" + `b"`},
		{"key", "k\tv\n\tx\n", []string{keys}, `[] "k" "v"; [] "" "x"`},
		{"separator of several characters", "k::v::w", []string{keys, "key.separator=::"}, `[] "k" "v::w"`},
		{"headers and key", "h1:v1,h2:\tk\tv", []string{keys, headers}, `[h1="v1" h2=""] "k" "v"`},
		{"headers only", "a:b:c\tv", []string{headers}, `[a="b:c"] null "v"`},
		{"other separators", "a=1;b=2|v", []string{headers, "headers.delimiter=|", "headers.separator=;", "headers.key.separator=="}, `[a="1" b="2"] null "v"`},
		{"a regular expression separates headers", "a:1--b:2\tv", []string{headers, "headers.separator=-+"}, `[a="1" b="2"] null "v"`},
		{"a separator at the end of headers", "a:1,,\tv", []string{headers}, `[a="1"] null "v"`},
		{"null marker", "a:N\tN\tN\nN\tk\tv", []string{keys, headers, "null.marker=N"}, `[a=null] null null; [] "k" "v"`},
		{"ignored errors", "no key\nk\tv\nh\tk\tv", []string{keys, "ignore.error=true"}, `[] null "no key"; [] "k" "v"; [] "h" "k\tv"`},
		{"ignored errors of headers", "h,i:1\tv\nplain", []string{headers, "ignore.error=TRUE "}, `[h=null i="1"] null "v"; [] null "plain"`},
		{"words are no truth", "k\tv", []string{"parse.key=yes"}, `[] null "k\tv"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := readLines(t, c.input, c.properties...)
			if err != nil || strings.Join(got, "; ") != c.want {
				t.Errorf("%v\nhave %s\nwant %s", err, strings.Join(got, "; "), c.want)
			}
		})
	}
}

func TestLineReaderErrors(t *testing.T) {
	cases := []struct {
		input      string
		properties []string
		want       string
		before     int // records before the error
	}{
		{"k\tv\nbad\n", []string{"parse.key=true"}, "No key separator found on line number 2: 'bad'", 1},
		{"bad\n", []string{"parse.headers=true"}, "No headers delimiter found on line number 1: 'bad'", 0},
		{"h\tv\n", []string{"parse.headers=true"}, "No header key separator found in pair 'h' on line number 1", 0},
		{"N:1\tv\n", []string{"parse.headers=true", "null.marker=N"}, "Header keys should not be equal to the null marker 'N' as they can't be null", 0},
		{"", []string{"headers.delimiter=,"}, "headers.delimiter and headers.separator may not be equal", 0},
		{"", []string{"headers.delimiter=:"}, "headers.delimiter and headers.key.separator may not be equal", 0},
		{"", []string{"headers.separator=:"}, "headers.separator and headers.key.separator may not be equal", 0},
		{"", []string{"null.marker=\t"}, "null.marker and key.separator may not be equal", 0},
		{"", []string{"null.marker=,"}, "null.marker and headers.separator may not be equal", 0},
		{"", []string{"headers.separator=("}, "PatternSyntaxException", 0},
	}
	for _, c := range cases {
		got, err := readLines(t, c.input, c.properties...)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(got) != c.before {
			t.Errorf("%q %q: %d records, %v, want %d and %q", c.input, c.properties, len(got), err, c.before, c.want)
		}
	}
}
