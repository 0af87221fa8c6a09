package protocol

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrShort is returned for a message that ends before its fields do.
var ErrShort = errors.New("the message ends before its fields do")

// reader takes primitive fields off a message. The first error sticks and every later read returns zero values, so that
// decoders check once, at the end. Byte fields alias the message.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail(ErrShort)
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) int8() int8 {
	if b := r.take(1); b != nil {
		return int8(b[0])
	}
	return 0
}

func (r *reader) int16() int16 {
	if b := r.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *reader) int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *reader) uuid() (id [16]byte) {
	copy(id[:], r.take(16))
	return id
}

// uvarint reads an unsigned variable-length integer of at most 32 bits (KIP-482).
func (r *reader) uvarint() uint32 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > 1<<32-1 {
		r.fail(fmt.Errorf("a variable-length integer is cut or too long: %w", ErrShort))
		return 0
	}
	r.b = r.b[n:]
	return uint32(v)
}

// length reads a length that is int16 (wide false) or int32 (wide true), or, in flexible versions, a uvarint of the length plus
// one. A null gives -1.
func (r *reader) length(flexible, wide bool) int {
	switch {
	case flexible:
		return int(r.uvarint()) - 1
	case wide:
		return int(r.int32())
	default:
		return int(r.int16())
	}
}

// nullableBytes reads bytes with a 32-bit length; ok is false for null.
func (r *reader) nullableBytes(flexible bool) (b []byte, ok bool) {
	n := r.length(flexible, true)
	if n == -1 {
		return nil, false
	}
	return r.take(n), true
}

// maxStringBytes bounds a text also in flexible versions, whose lengths could tell more.
const maxStringBytes = math.MaxInt16

// nullableString reads a string with a 16-bit length, as bytes of the message; ok is false for null.
func (r *reader) nullableString(flexible bool) (b []byte, ok bool) {
	n := r.stringLen(flexible)
	if n == -1 {
		return nil, false
	}
	return r.take(n), true
}

// stringLen is length for a string.
func (r *reader) stringLen(flexible bool) int {
	n := r.length(flexible, false)
	if n > maxStringBytes {
		r.fail(fmt.Errorf("a text of %d bytes; there may be %d", n, maxStringBytes))
		return 0
	}
	return n
}

// arrayLen reads the length of an array that may not be null. A length that the rest of the message cannot hold, at minSize bytes an
// element, is an error before anything is allocated for it.
func (r *reader) arrayLen(flexible bool, minSize int) int {
	n := r.length(flexible, true)
	if n == -1 && r.err == nil {
		r.fail(errors.New("an array is null that must not be"))
	}
	if n < 0 || n > len(r.b)/minSize {
		r.fail(fmt.Errorf("an array of %d elements does not fit into the remaining %d bytes: %w", n, len(r.b), ErrShort))
		return 0
	}
	return n
}

// tags walks the tagged fields of a flexible structure; each gets its own bytes. A nil function skips them.
func (r *reader) tags(each func(tag uint32, value *reader)) {
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		tag := r.uvarint()
		value := reader{b: r.take(int(r.uvarint()))}
		if each == nil || r.err != nil {
			continue
		}
		each(tag, &value)
		if value.err != nil {
			r.fail(fmt.Errorf("tagged field %d: %w", tag, value.err))
		}
	}
}
