package kraft

import (
	"encoding/binary"
	"math"

	"ottla.dev/ottla/internal/metadata"
)

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendInt8(b []byte, v int8) []byte          { return append(b, byte(v)) }
func appendInt16(b []byte, v int16) []byte        { return binary.BigEndian.AppendUint16(b, uint16(v)) }
func appendUint16(b []byte, v uint16) []byte      { return binary.BigEndian.AppendUint16(b, v) }
func appendInt32(b []byte, v int32) []byte        { return binary.BigEndian.AppendUint32(b, uint32(v)) }
func appendInt64(b []byte, v int64) []byte        { return binary.BigEndian.AppendUint64(b, uint64(v)) }
func appendFloat64(b []byte, v float64) []byte    { return appendInt64(b, int64(math.Float64bits(v))) }
func appendUUID(b []byte, v metadata.UUID) []byte { return append(b, v[:]...) }
func appendUvarint(b []byte, v int) []byte        { return binary.AppendUvarint(b, uint64(v)) }
func appendBytes(b []byte, v []byte) []byte       { return append(appendUvarint(b, len(v)+1), v...) }
func appendString(b []byte, v string) []byte      { return append(appendUvarint(b, len(v)+1), v...) }
func appendNullableString(b []byte, v *string) []byte {
	if v == nil {
		return append(b, 0)
	}
	return appendString(b, *v)
}

// appendArray writes an array; nil is null where that may be, else empty.
func appendArray[T any](b []byte, list []T, nullable bool, element func([]byte, T) []byte) []byte {
	if list == nil && nullable {
		return append(b, 0)
	}
	b = appendUvarint(b, len(list)+1)
	for _, e := range list {
		b = element(b, e)
	}
	return b
}

// tagged collects the tagged fields of a struct, in the order of their tags.
type tagged struct {
	count int
	data  []byte
}

func (t *tagged) add(tag int, value []byte) {
	t.count++
	t.data = appendUvarint(appendUvarint(t.data, tag), len(value))
	t.data = append(t.data, value...)
}

func (t *tagged) append(b []byte) []byte { return append(appendUvarint(b, t.count), t.data...) }
