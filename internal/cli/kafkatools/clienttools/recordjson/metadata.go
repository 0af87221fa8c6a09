package recordjson

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// metadataFrameVersion stands before every record of the metadata log.
const metadataFrameVersion = 1

// Metadata decodes the value of a record of the metadata log (__cluster_metadata) to
// {"type":…,"version":…,"data":…}.
func Metadata(value []byte) ([]byte, error) {
	d := &decoder{src: value}
	frame, err := d.uvarint()
	if err != nil {
		return nil, fmt.Errorf("the frame version: %w", err)
	}
	if frame != metadataFrameVersion {
		return nil, fmt.Errorf("unknown frame version %d, only %d is supported", frame, metadataFrameVersion)
	}
	key, err := d.uvarint()
	if err != nil {
		return nil, fmt.Errorf("the record type: %w", err)
	}
	version, err := d.uvarint()
	if err != nil {
		return nil, fmt.Errorf("the record version: %w", err)
	}
	if key > 1<<15-1 || version > 1<<15-1 {
		return nil, fmt.Errorf("record type %d, version %d: too large", key, version)
	}
	m := loadCatalog("metadata").byKey[int16(key)]
	if m == nil {
		return nil, fmt.Errorf("unknown metadata record type %d", key)
	}
	if !m.versions.has(int16(version)) {
		return nil, fmt.Errorf("%s has no version %d", m.name, version)
	}
	out := append([]byte(nil), `{"type":`...)
	out = appendString(out, upperSnake(m.name))
	out = append(out, `,"version":`...)
	out = strconv.AppendUint(out, uint64(version), 10)
	out = append(out, `,"data":`...)
	out, rest, err := appendMessage(out, d.src, m, int16(version), nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%s: %d bytes follow the record", m.name, len(rest))
	}
	return append(out, '}'), nil
}

// upperSnake turns TopicRecord into TOPIC_RECORD, the form in which Kafka prints record types.
func upperSnake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// Control decodes a message of a control record by its schema's name; its first field is its version.
func Control(name string, value []byte) ([]byte, error) {
	m := loadCatalog("client").byName[name]
	if m == nil {
		return nil, fmt.Errorf("no schema %q", name)
	}
	if len(value) < 2 {
		return nil, errShort
	}
	version := int16(binary.BigEndian.Uint16(value))
	if !m.versions.has(version) {
		return nil, fmt.Errorf("%s has no version %d", name, version)
	}
	out, _, err := appendMessage(nil, value, m, version, nil)
	return out, err
}
