package kraft

import (
	"encoding/binary"
	"errors"
	"math"

	"ottla.dev/ottla/internal/metadata"
)

var (
	errTruncated = errors.New("the record ends too early")
	errNull      = errors.New("a field is null that may not be")
	errTagSize   = errors.New("a tagged field does not have the size that it tells")
)

// decoder reads the fields of a record. After the first error everything that it returns is zero.
type decoder struct {
	src []byte
	err error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.src = nil
}

// take returns the next n bytes, all zero once they run out: so many that a fixed-size field can be read.
func (d *decoder) take(n int) []byte {
	if d.err != nil || n > len(d.src) {
		d.fail(errTruncated)
		return make([]byte, min(n, 16))
	}
	b := d.src[:n:n]
	d.src = d.src[n:]
	return b
}

func (d *decoder) uvarint() uint32 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.src)
	if n <= 0 || v > math.MaxUint32 {
		d.fail(errTruncated)
		return 0
	}
	d.src = d.src[n:]
	return uint32(v)
}

func (d *decoder) bool() bool          { return d.take(1)[0] != 0 }
func (d *decoder) int8() int8          { return int8(d.take(1)[0]) }
func (d *decoder) int16() int16        { return int16(binary.BigEndian.Uint16(d.take(2))) }
func (d *decoder) uint16() uint16      { return binary.BigEndian.Uint16(d.take(2)) }
func (d *decoder) int32() int32        { return int32(binary.BigEndian.Uint32(d.take(4))) }
func (d *decoder) int64() int64        { return int64(binary.BigEndian.Uint64(d.take(8))) }
func (d *decoder) float64() float64    { return math.Float64frombits(binary.BigEndian.Uint64(d.take(8))) }
func (d *decoder) uuid() metadata.UUID { return metadata.UUID(d.take(16)) }

// compact returns the bytes of a string or a byte array; null tells that there are none, which is not the same as none of them.
func (d *decoder) compact() (b []byte, null bool) {
	n := d.uvarint()
	if n == 0 {
		return nil, true
	}
	if uint64(n)-1 > uint64(len(d.src)) {
		d.fail(errTruncated)
		return nil, false
	}
	return d.take(int(n) - 1), false
}

func (d *decoder) bytes() []byte {
	b, null := d.compact()
	if null {
		d.fail(errNull)
	}
	return append([]byte(nil), b...)
}

func (d *decoder) string() string { return string(d.bytes()) }

func (d *decoder) nullableString() *string {
	b, null := d.compact()
	if null || d.err != nil {
		return nil
	}
	s := string(b)
	return &s
}

// readArray reads an array; nil stands for null. A count is believed as far as there are bytes: no element has none.
func readArray[T any](d *decoder, nullable bool, element func() T) []T {
	n := d.uvarint()
	switch {
	case d.err != nil:
		return nil
	case n == 0:
		if !nullable {
			d.fail(errNull)
		}
		return nil
	case uint64(n)-1 > uint64(len(d.src)):
		d.fail(errTruncated)
		return nil
	}
	list := []T{}
	for range n - 1 {
		e := element()
		if d.err != nil {
			return nil
		}
		list = append(list, e)
	}
	return list
}

// tags reads the tagged fields at the end of a struct. known reads the value of a tag, or tells that it does not know it.
func (d *decoder) tags(known func(tag uint32) bool) {
	for n := d.uvarint(); n > 0 && d.err == nil; n-- {
		tag, size := d.uvarint(), d.uvarint()
		if uint64(size) > uint64(len(d.src)) {
			d.fail(errTruncated)
			return
		}
		rest := d.src[size:]
		d.src = d.src[:size]
		read := known != nil && known(tag)
		if d.err == nil && read && len(d.src) > 0 {
			d.fail(errTagSize)
		}
		if d.err != nil {
			return
		}
		d.src = rest
	}
}
