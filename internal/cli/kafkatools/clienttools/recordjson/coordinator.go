package recordjson

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// ErrUnknownType marks a record whose type no schema has; tools skip it, since a newer node may write such.
var ErrUnknownType = errors.New("unknown record type")

// wording is an error in the words of Apache's tools, which print it with the record.
type wording string

func (w wording) Error() string { return string(w) }

func wordingf(format string, args ...any) error { return wording(fmt.Sprintf(format, args...)) }

// Coordinator prints the records of one coordinator's internal topic.
type Coordinator struct {
	catalog *catalog
	// expand, when set, is applied to the bytes fields of group metadata of the consumer protocol.
	expand map[string]*message
}

// Group prints __consumer_offsets.
func Group() *Coordinator { return &Coordinator{catalog: loadCatalog("group")} }

// GroupExpanded prints __consumer_offsets with the subscriptions and assignments of consumers spelled out, as
// kafka-dump-log does.
func GroupExpanded() *Coordinator {
	data := loadCatalog("client")
	return &Coordinator{catalog: loadCatalog("group"), expand: map[string]*message{
		"subscription": data.byName["ConsumerProtocolSubscription"],
		"assignment":   data.byName["ConsumerProtocolAssignment"],
	}}
}

// Transaction prints __transaction_state.
func Transaction() *Coordinator { return &Coordinator{catalog: loadCatalog("transaction")} }

// Share prints __share_group_state.
func Share() *Coordinator { return &Coordinator{catalog: loadCatalog("share")} }

// Record is one decoded record: its type, the key as a JSON object, and the value's version and JSON object. Value is
// nil for a tombstone.
type Record struct {
	Type    int16
	Key     []byte
	Version int16
	Value   []byte
}

// groupMetadataType is the record type whose values hold the members of classic groups.
const groupMetadataType = 2

// Decode reads a record's key and value. A nil value is a tombstone. Keys carry their record type, and have one version
// only; values carry their version.
func (c *Coordinator) Decode(key, value []byte) (Record, error) {
	if len(key) < 2 {
		return Record{}, wordingf("Could not read version from key's buffer.")
	}
	r := Record{Type: int16(binary.BigEndian.Uint16(key))}
	keySchema := c.catalog.byKey[r.Type]
	if keySchema == nil {
		return r, fmt.Errorf("%w %d", ErrUnknownType, r.Type)
	}
	var err error
	if r.Key, _, err = appendMessage(nil, key[2:], keySchema, 0, nil); err != nil {
		return r, wordingf("Could not read record with version %d from key's buffer due to: %v.", r.Type, err)
	}
	if value == nil {
		return r, nil
	}
	if len(value) < 2 {
		return r, wordingf("Could not read version from value's buffer.")
	}
	r.Version = int16(binary.BigEndian.Uint16(value))
	valueSchema := c.catalog.values[r.Type]
	if valueSchema == nil || !valueSchema.versions.has(r.Version) {
		return r, wordingf("Found an unknown record version %d for %d type", r.Version, r.Type)
	}
	r.Value, _, err = appendMessage(nil, value[2:], valueSchema, r.Version, c.expansionFor(r, value[2:], valueSchema))
	if err != nil {
		return r, wordingf("Could not read record with version %d from value's buffer due to: %v.", r.Version, err)
	}
	return r, nil
}

// expansionFor applies only to groups of the consumer protocol: what other protocols put into the fields is their own.
// The protocol type is the first field of the value.
func (c *Coordinator) expansionFor(r Record, value []byte, schema *message) map[string]*message {
	if c.expand == nil || r.Type != groupMetadataType {
		return nil
	}
	d := &decoder{src: value, version: r.Version, flexible: schema.flexible.has(r.Version)}
	protocolType, err := d.value(nil, schema.fields[0])
	if err != nil || string(protocolType) != `"consumer"` {
		return nil
	}
	return c.expand
}

// AppendFormatted appends the line that the console consumer's formatters print for a record, or nothing when the
// record's type is not among those asked for (no types asked for means all).
func (c *Coordinator) AppendFormatted(dst, key, value []byte, types ...int16) ([]byte, error) {
	r, err := c.Decode(key, value)
	if errors.Is(err, ErrUnknownType) {
		return dst, nil
	}
	if err != nil {
		return dst, err
	}
	if len(types) > 0 && !slices.Contains(types, r.Type) {
		return dst, nil
	}
	dst = append(dst, `{"key":{"type":`...)
	dst = strconv.AppendInt(dst, int64(r.Type), 10)
	dst = append(dst, `,"data":`...)
	dst = append(dst, r.Key...)
	if r.Value == nil {
		return append(dst, `},"value":null}`...), nil
	}
	dst = append(dst, `},"value":{"version":`...)
	dst = strconv.AppendInt(dst, int64(r.Version), 10)
	dst = append(dst, `,"data":`...)
	dst = append(dst, r.Value...)
	return append(dst, "}}"...), nil
}
