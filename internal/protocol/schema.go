package protocol

import (
	"errors"
	"fmt"
)

// The layouts of the served requests (schemas_table.go) are walked before a request is decoded into structures. The decoder takes a count at
// its word: it would allocate for elements that are not there, and look for billions of tagged fields in a frame of twenty bytes.

type schemaKind uint8

const (
	fixed1 schemaKind = iota
	fixed2
	fixed4
	fixed8
	fixed16
	kindString
	kindBytes
	kindStruct
)

var fixedBytes = [...]int{fixed1: 1, fixed2: 2, fixed4: 4, fixed8: 8, fixed16: 16}

// schemaField is one field that is not tagged, in the order of the wire.
type schemaField struct {
	kind             schemaKind
	array            bool
	from, to         int16 // versions that have it
	nullFrom, nullTo int16 // versions in which it may be null
	fields           []schemaField
}

// CheckRequest walks the body of a served request: every length and count must fit into what is left, and null stands only where the
// version allows it. What follows the last field is not looked at.
func CheckRequest(key, version int16, body []byte) error {
	w := schemaWalk{reader: reader{b: body}, version: version, flexible: FlexibleRequest(key, version)}
	w.structure(requestSchemas[key])
	return w.reader.err
}

type schemaWalk struct {
	reader   reader
	version  int16
	flexible bool
}

func (w *schemaWalk) structure(fields []schemaField) {
	for i := range fields {
		f := &fields[i]
		if w.version < f.from || w.version > f.to {
			continue
		}
		w.field(f)
		if w.reader.err != nil {
			return
		}
	}
	if w.flexible {
		w.tags()
	}
}

func (w *schemaWalk) field(f *schemaField) {
	if !f.array {
		w.value(f, f)
		return
	}
	n := w.reader.length(w.flexible, true)
	if n < 0 && w.nullable(f) || w.reader.err != nil { // every negative length is null, as in Apache Kafka
		return
	}
	// Each element takes a byte at the least, so what follows ends with the frame.
	if n < 0 || n > len(w.reader.b) {
		w.reader.fail(fmt.Errorf("an array of %d elements in the remaining %d bytes: %w", n, len(w.reader.b), ErrShort))
		return
	}
	for ; n > 0 && w.reader.err == nil; n-- {
		w.value(f, nil)
	}
}

// value walks one value; owner is the field that may make it null, nil for an element of an array.
func (w *schemaWalk) value(f, owner *schemaField) {
	switch f.kind {
	case kindStruct:
		if owner != nil && f.nullFrom <= f.nullTo && w.nullable(f) {
			if marker := w.reader.int8(); marker < 0 {
				return
			}
		}
		w.structure(f.fields)
	case kindString, kindBytes:
		n := 0
		if f.kind == kindString {
			n = w.reader.stringLen(w.flexible)
		} else {
			n = w.reader.length(w.flexible, true)
		}
		if n < 0 && owner != nil && w.nullable(f) || w.reader.err != nil {
			return
		}
		if n < 0 {
			w.reader.fail(errors.New("a text is null that must not be"))
			return
		}
		w.reader.take(n)
	default:
		w.reader.take(fixedBytes[f.kind])
	}
}

func (w *schemaWalk) nullable(f *schemaField) bool {
	return w.version >= f.nullFrom && w.version <= f.nullTo
}

// tags walks a tagged section; the fields in it stand behind their own lengths.
func (w *schemaWalk) tags() {
	n := int(w.reader.uvarint())
	if n > len(w.reader.b)/2 {
		w.reader.fail(fmt.Errorf("%d tagged fields in the remaining %d bytes: %w", n, len(w.reader.b), ErrShort))
		return
	}
	for ; n > 0 && w.reader.err == nil; n-- {
		w.reader.uvarint()
		w.reader.take(int(w.reader.uvarint()))
	}
}
