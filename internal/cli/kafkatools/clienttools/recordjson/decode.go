package recordjson

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

var errShort = errors.New("the record ends before its last field")

// decoder walks a record's bytes by a schema and appends JSON.
type decoder struct {
	src      []byte
	version  int16
	flexible bool
	// expand names schemas for bytes fields whose content is itself a versioned message.
	expand map[string]*message
}

// appendMessage appends the JSON object that src holds in the given version, and returns what src has left over.
func appendMessage(dst, src []byte, m *message, version int16, expand map[string]*message) (out, rest []byte, err error) {
	d := &decoder{src: src, version: version, flexible: m.flexible.has(version), expand: expand}
	out, err = d.object(dst, m.fields)
	return out, d.src, err
}

// object reads one structure. Tagged fields come last on the wire and in their schema place in the JSON, so each
// field's text is kept until the tags are read.
func (d *decoder) object(dst []byte, fields []*field) ([]byte, error) {
	texts := make([][]byte, len(fields))
	for i, f := range fields {
		if !f.versions.has(d.version) || f.tagged.has(d.version) {
			continue
		}
		text, err := d.value(nil, f)
		if err != nil {
			return dst, fmt.Errorf("%s: %w", f.name, err)
		}
		texts[i] = text
	}
	if d.flexible {
		if err := d.taggedFields(fields, texts); err != nil {
			return dst, err
		}
	}
	dst = append(dst, '{')
	first := true
	for i, f := range fields {
		if texts[i] == nil {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendString(dst, f.name)
		dst = append(dst, ':')
		dst = append(dst, texts[i]...)
	}
	return append(dst, '}'), nil
}

// taggedFields reads the tag section; unknown tags are skipped, as Kafka does.
func (d *decoder) taggedFields(fields []*field, texts [][]byte) error {
	count, err := d.uvarint()
	if err != nil {
		return err
	}
	for ; count > 0; count-- {
		tag, err := d.uvarint()
		if err != nil {
			return err
		}
		size, err := d.uvarint()
		if err != nil {
			return err
		}
		body, err := d.take(int64(size))
		if err != nil {
			return err
		}
		for i, f := range fields {
			if f.tag != tag || !f.tagged.has(d.version) {
				continue
			}
			inner := &decoder{src: body, version: d.version, flexible: true, expand: d.expand}
			text, err := inner.value(nil, f)
			if err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			if string(text) != f.defaultText() {
				texts[i] = text
			}
		}
	}
	return nil
}

// defaultText is the JSON of a field's default, which a tagged field is compared with.
func (f *field) defaultText() string {
	switch {
	case f.def == "null":
		return "null"
	case f.array:
		return "[]"
	case f.typ == "string":
		return strconv.Quote(f.def)
	case f.typ == "uuid":
		return `"AAAAAAAAAAAAAAAAAAAAAA"`
	case f.typ == "bytes":
		return `""`
	case f.def != "":
		return f.def
	case f.typ == "bool":
		return "false"
	case f.typ == "float64":
		return "0.0"
	default:
		return "0"
	}
}

func (d *decoder) value(dst []byte, f *field) ([]byte, error) {
	if !f.array {
		return d.element(dst, f)
	}
	n, err := d.length(4)
	if err != nil {
		return dst, err
	}
	if n < 0 {
		if !f.nullable.has(d.version) {
			return dst, errors.New("a null array where none may be")
		}
		return append(dst, "null"...), nil
	}
	// Every element takes at least a byte, so a count beyond the rest is damage, not a reason to allocate.
	if n > int64(len(d.src)) {
		return dst, errShort
	}
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = d.element(dst, f); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func (d *decoder) element(dst []byte, f *field) ([]byte, error) {
	switch f.typ {
	case "string", "bytes":
		return d.text(dst, f)
	case "struct":
		return d.structure(dst, f)
	case "uuid":
		b, err := d.take(16)
		if err != nil {
			return dst, err
		}
		return appendString(dst, base64.RawURLEncoding.EncodeToString(b)), nil
	}
	size, known := primitiveSizes[f.typ]
	if !known {
		return dst, fmt.Errorf("the schema names an unknown type %q", f.typ)
	}
	b, err := d.take(size)
	if err != nil {
		return dst, err
	}
	return appendPrimitive(dst, f.typ, b), nil
}

var primitiveSizes = map[string]int64{"bool": 1, "int8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "float64": 8}

func appendPrimitive(dst []byte, typ string, b []byte) []byte {
	switch typ {
	case "bool":
		return strconv.AppendBool(dst, b[0] != 0)
	case "int8":
		return strconv.AppendInt(dst, int64(int8(b[0])), 10)
	case "int16":
		return strconv.AppendInt(dst, int64(int16(binary.BigEndian.Uint16(b))), 10)
	case "uint16":
		return strconv.AppendUint(dst, uint64(binary.BigEndian.Uint16(b)), 10)
	case "int32":
		return strconv.AppendInt(dst, int64(int32(binary.BigEndian.Uint32(b))), 10)
	case "uint32":
		return strconv.AppendUint(dst, uint64(binary.BigEndian.Uint32(b)), 10)
	case "int64":
		return strconv.AppendInt(dst, int64(binary.BigEndian.Uint64(b)), 10)
	default:
		return AppendJSONDouble(dst, math.Float64frombits(binary.BigEndian.Uint64(b)))
	}
}

// structure reads a nested structure. Before a nullable one stands whether it is there: in a tagged field a varint that is
// zero for null, elsewhere a byte that is negative for null.
func (d *decoder) structure(dst []byte, f *field) ([]byte, error) {
	switch {
	case !f.nullable.has(d.version) || f.array:
	case f.tagged.has(d.version):
		n, err := d.uvarint()
		if err != nil {
			return dst, err
		}
		if n == 0 {
			return append(dst, "null"...), nil
		}
	default:
		b, err := d.take(1)
		if err != nil {
			return dst, err
		}
		if int8(b[0]) < 0 {
			return append(dst, "null"...), nil
		}
	}
	return d.object(dst, f.children)
}

// text reads a string or bytes field: a length and that many bytes.
func (d *decoder) text(dst []byte, f *field) ([]byte, error) {
	prefix := 2
	if f.typ == "bytes" {
		prefix = 4
	}
	n, err := d.length(prefix)
	if err != nil {
		return dst, err
	}
	if n < 0 {
		if !f.nullable.has(d.version) {
			return dst, errors.New("a null where none may be")
		}
		return append(dst, "null"...), nil
	}
	b, err := d.take(n)
	if err != nil {
		return dst, err
	}
	if f.typ == "string" {
		return appendString(dst, string(b)), nil
	}
	if m := d.expand[f.name]; m != nil {
		if out, ok := appendEmbedded(dst, b, m); ok {
			return out, nil
		}
	}
	return appendString(dst, base64.StdEncoding.EncodeToString(b)), nil
}

// appendEmbedded prints bytes that hold a message behind a two-byte version; false when they do not.
func appendEmbedded(dst, b []byte, m *message) ([]byte, bool) {
	if len(b) < 2 {
		return dst, false
	}
	version := int16(binary.BigEndian.Uint16(b))
	out, _, err := appendMessage(dst, b[2:], m, version, nil)
	if err != nil {
		return dst, false
	}
	return out, true
}

// length reads a count: an unsigned varint plus one in flexible versions, prefix bytes otherwise. Negative is null.
func (d *decoder) length(prefix int) (int64, error) {
	if d.flexible {
		n, err := d.uvarint()
		return int64(n) - 1, err
	}
	b, err := d.take(int64(prefix))
	if err != nil {
		return 0, err
	}
	if prefix == 2 {
		return int64(int16(binary.BigEndian.Uint16(b))), nil
	}
	return int64(int32(binary.BigEndian.Uint32(b))), nil
}

func (d *decoder) take(n int64) ([]byte, error) {
	if n < 0 || n > int64(len(d.src)) {
		return nil, errShort
	}
	b := d.src[:n]
	d.src = d.src[n:]
	return b, nil
}

func (d *decoder) uvarint() (uint32, error) {
	v, n := binary.Uvarint(d.src)
	if n <= 0 || v > math.MaxUint32 {
		return 0, errShort
	}
	d.src = d.src[n:]
	return uint32(v), nil
}
