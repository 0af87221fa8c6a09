package kraft

import (
	"fmt"
)

// frameVersion stands before every record.
const frameVersion = 1

// Record is one record of the metadata log. Its types are in records_generated.go.
type Record interface {
	// APIKey returns the number of the type.
	APIKey() int16
	// MaxVersion returns the highest version of the type that is known; the lowest is 0.
	MaxVersion() int16

	decode(d *decoder, version int16)
	append(b []byte, version int16) []byte
}

// UnknownError tells of a record that this build cannot read: a newer Apache Kafka wrote it.
type UnknownError struct {
	Key, Version uint32
}

// Error implements error.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("a metadata record of type %d, version %d, is of a newer Apache Kafka than 4.3", e.Key, e.Version)
}

// DecodeRecord reads the value of a record: frame version, type, version, and the fields.
func DecodeRecord(value []byte) (Record, error) {
	d := &decoder{src: value}
	frame, key, version := d.uvarint(), d.uvarint(), d.uvarint()
	if d.err != nil {
		return nil, d.err
	}
	if frame != frameVersion {
		return nil, fmt.Errorf("a metadata record has the frame version %d; %d is known", frame, frameVersion)
	}
	r := newRecord(key)
	if r == nil || version > uint32(r.MaxVersion()) {
		return nil, &UnknownError{Key: key, Version: version}
	}
	r.decode(d, int16(version))
	if d.err == nil && len(d.src) > 0 {
		d.err = fmt.Errorf("%d bytes follow the fields", len(d.src))
	}
	if d.err != nil {
		return nil, fmt.Errorf("metadata record of type %d, version %d: %w", key, version, d.err)
	}
	return r, nil
}

// AppendRecord writes the value of a record.
func AppendRecord(b []byte, r Record, version int16) []byte {
	b = appendUvarint(append(b, frameVersion), int(r.APIKey()))
	return r.append(appendUvarint(b, int(version)), version)
}
