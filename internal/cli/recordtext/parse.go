package recordtext

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Parser reads records from lines.
type Parser struct {
	tokens     []token
	partitions bool
}

// NewParser compiles the format of a line. It may have %k, %v, %h, %p and %T, each once and with text between them.
func NewParser(format string) (*Parser, error) {
	tokens, err := tokenize(strings.TrimSuffix(format, `\n`))
	if err != nil {
		return nil, err
	}
	p := &Parser{tokens: tokens}
	seen := map[byte]bool{}
	for i, t := range tokens {
		switch {
		case t.verb == 0:
			continue
		case !strings.ContainsRune("kvhpT", rune(t.verb)):
			return nil, fmt.Errorf("format %q: %%%c cannot be read, only %%k, %%v, %%h, %%p and %%T", format, t.verb)
		case seen[t.verb]:
			return nil, fmt.Errorf("format %q: %%%c stands there twice", format, t.verb)
		case i > 0 && tokens[i-1].verb != 0:
			return nil, fmt.Errorf("format %q: nothing tells %%%c from %%%c", format, tokens[i-1].verb, t.verb)
		}
		seen[t.verb] = true
	}
	if len(seen) == 0 {
		return nil, fmt.Errorf("format %q: neither %%k nor %%v", format)
	}
	p.partitions = seen['p']
	return p, nil
}

// HasPartition says whether lines name their partition.
func (p *Parser) HasPartition() bool { return p.partitions }

// Parse reads one line, without its line end, into the record. The record keeps parts of the line.
func (p *Parser) Parse(line []byte, r *kgo.Record) error {
	for i := 0; i < len(p.tokens); i++ {
		t := p.tokens[i]
		if t.verb == 0 {
			rest, ok := bytes.CutPrefix(line, []byte(t.text))
			if !ok {
				return fmt.Errorf("%q does not start with %q", start(line), t.text)
			}
			line = rest
			continue
		}
		field := line
		line = nil
		if i+1 < len(p.tokens) {
			separator := p.tokens[i+1].text
			var ok bool
			if field, line, ok = bytes.Cut(field, []byte(separator)); !ok {
				return fmt.Errorf("%q has no %q after %%%c", start(field), separator, t.verb)
			}
			i++
		}
		if err := set(r, t.verb, field); err != nil {
			return err
		}
	}
	if len(line) > 0 {
		return fmt.Errorf("%q is left over at the end", start(line))
	}
	return nil
}

// start is the beginning of a line, short enough for an error.
func start(line []byte) []byte { return line[:min(len(line), 40)] }

func set(r *kgo.Record, verb byte, field []byte) error {
	switch verb {
	case 'k':
		r.Key = field
	case 'v':
		r.Value = field
	case 'h':
		return setHeaders(r, string(field))
	case 'p':
		n, err := strconv.ParseInt(string(field), 10, 32)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is no partition", start(field))
		}
		r.Partition = int32(n)
	case 'T':
		ms, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil || ms < 0 {
			return fmt.Errorf("%q is no timestamp in milliseconds", start(field))
		}
		r.Timestamp = time.UnixMilli(ms)
	}
	return nil
}

func setHeaders(r *kgo.Record, text string) error {
	if text == "" {
		return nil
	}
	for word := range strings.SplitSeq(text, ",") {
		h, err := ParseHeader(word)
		if err != nil {
			return err
		}
		r.Headers = append(r.Headers, h)
	}
	return nil
}

// ParseHeader reads name=value.
func ParseHeader(word string) (kgo.RecordHeader, error) {
	name, value, ok := strings.Cut(word, "=")
	if !ok || name == "" {
		return kgo.RecordHeader{}, fmt.Errorf("%q is no header: name=value", word)
	}
	return kgo.RecordHeader{Key: name, Value: []byte(value)}, nil
}
