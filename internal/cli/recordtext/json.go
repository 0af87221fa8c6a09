package recordtext

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
)

// JSON is a record as JSON. Bytes that are no text stand base64 in the fields made for it.
type JSON struct {
	Topic       string   `json:"topic"`
	Partition   int32    `json:"partition"`
	Offset      int64    `json:"offset"`
	Timestamp   int64    `json:"timestamp"` // milliseconds
	Key         *string  `json:"key"`
	KeyBase64   *string  `json:"key_base64,omitempty"`
	Value       *string  `json:"value"`
	ValueBase64 *string  `json:"value_base64,omitempty"`
	Headers     []Header `json:"headers,omitempty"`
}

// Header is one header of a record.
type Header struct {
	Name        string  `json:"name"`
	Value       *string `json:"value"`
	ValueBase64 *string `json:"value_base64,omitempty"`
}

// ToJSON gives the JSON form of a record.
func ToJSON(r *kgo.Record) JSON {
	j := JSON{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli()}
	j.Key, j.KeyBase64 = text(r.Key)
	j.Value, j.ValueBase64 = text(r.Value)
	for _, h := range r.Headers {
		one := Header{Name: h.Key}
		one.Value, one.ValueBase64 = text(h.Value)
		j.Headers = append(j.Headers, one)
	}
	return j
}

// text gives bytes as a string, or as base64 if they are no UTF-8; nil stays nil.
func text(b []byte) (plain, encoded *string) {
	if b == nil {
		return nil, nil
	}
	s := string(b)
	if utf8.Valid(b) {
		return &s, nil
	}
	s = base64.StdEncoding.EncodeToString(b)
	return nil, &s
}

// input is a record as it is read: a key or value may be any JSON, and text stands for itself.
type input struct {
	Partition   *int32          `json:"partition"`
	Timestamp   *int64          `json:"timestamp"`
	Key         json.RawMessage `json:"key"`
	KeyBase64   *string         `json:"key_base64"`
	Value       json.RawMessage `json:"value"`
	ValueBase64 *string         `json:"value_base64"`
	Headers     []Header        `json:"headers"`
}

// ParseJSON reads a record in the form that ToJSON gives; topic and offset are not taken. A partition that is not said becomes -1. A key or value
// that is no text but other JSON is taken as that JSON.
func ParseJSON(line []byte, r *kgo.Record) (err error) {
	var in input
	if err := json.Unmarshal(line, &in); err != nil {
		return fmt.Errorf("%q is no record in JSON: %w", start(line), err)
	}
	r.Partition = -1
	if in.Partition != nil {
		r.Partition = *in.Partition
	}
	if in.Timestamp != nil {
		r.Timestamp = time.UnixMilli(*in.Timestamp)
	}
	if r.Key, err = content(in.Key, in.KeyBase64); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if r.Value, err = content(in.Value, in.ValueBase64); err != nil {
		return fmt.Errorf("value: %w", err)
	}
	for _, h := range in.Headers {
		header := kgo.RecordHeader{Key: h.Name}
		switch {
		case h.Value != nil:
			header.Value = []byte(*h.Value)
		case h.ValueBase64 != nil:
			if header.Value, err = base64.StdEncoding.DecodeString(*h.ValueBase64); err != nil {
				return fmt.Errorf("header %s: %w", h.Name, err)
			}
		}
		r.Headers = append(r.Headers, header)
	}
	return nil
}

func content(raw json.RawMessage, encoded *string) ([]byte, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case encoded != nil:
		return base64.StdEncoding.DecodeString(*encoded)
	case len(raw) == 0 || string(raw) == "null":
		return nil, nil
	case raw[0] == '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return []byte(s), err
	}
	return raw, nil
}
