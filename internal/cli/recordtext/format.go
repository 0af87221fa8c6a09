package recordtext

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Format writes records as text.
type Format struct{ tokens []token }

// NewFormat compiles a format.
func NewFormat(format string) (*Format, error) {
	tokens, err := tokenize(format)
	if err != nil {
		return nil, err
	}
	return &Format{tokens}, nil
}

// Append adds a record's text to dst. Nothing is added between records but what the format says.
func (f *Format) Append(dst []byte, r *kgo.Record) []byte {
	for _, t := range f.tokens {
		switch t.verb {
		case 0:
			dst = append(dst, t.text...)
		case 't':
			dst = append(dst, r.Topic...)
		case 'p':
			dst = strconv.AppendInt(dst, int64(r.Partition), 10)
		case 'o':
			dst = strconv.AppendInt(dst, r.Offset, 10)
		case 'k':
			dst = append(dst, r.Key...)
		case 'v':
			dst = append(dst, r.Value...)
		case 'K':
			dst = strconv.AppendInt(dst, length(r.Key), 10)
		case 'V':
			dst = strconv.AppendInt(dst, length(r.Value), 10)
		case 'T':
			dst = strconv.AppendInt(dst, r.Timestamp.UnixMilli(), 10)
		case 'D':
			dst = r.Timestamp.UTC().AppendFormat(dst, dateFormat)
		case 'h':
			dst = appendHeaders(dst, r.Headers)
		}
	}
	return dst
}

// dateFormat is RFC 3339 with the milliseconds that Kafka keeps.
const dateFormat = "2006-01-02T15:04:05.000Z07:00"

// Date writes a record's time for people.
func Date(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05.000") }

func length(b []byte) int64 {
	if b == nil {
		return -1
	}
	return int64(len(b))
}

func appendHeaders(dst []byte, headers []kgo.RecordHeader) []byte {
	for i, h := range headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, h.Key...), '='), h.Value...)
	}
	return dst
}

// Headers writes headers as %h does.
func Headers(headers []kgo.RecordHeader) string { return string(appendHeaders(nil, headers)) }
