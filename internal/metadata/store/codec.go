package store

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// valueVersion is the first byte of every value. What follows is a protobuf message (docs/metadata.md has the fields):
// fields may be added without a new version, since readers skip those that they do not know. A reader refuses a version
// that it does not know.
const valueVersion = 1

var errMalformed = errors.New("malformed value")

// message is a protobuf message in the making. Like proto3 it leaves out fields that are zero.
type message []byte

func newValue() message { return message{valueVersion} }

func (m *message) varint(field protowire.Number, v uint64) {
	if v != 0 {
		*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), v)
	}
}

func (m *message) signed(field protowire.Number, v int64) { m.varint(field, protowire.EncodeZigZag(v)) }

func (m *message) bool(field protowire.Number, v bool) { m.varint(field, protowire.EncodeBool(v)) }

func (m *message) string(field protowire.Number, s string) {
	if s != "" {
		*m = protowire.AppendString(protowire.AppendTag(*m, field, protowire.BytesType), s)
	}
}

// bytes writes the field even if it is empty: for repeated fields and for those whose presence means something.
func (m *message) bytes(field protowire.Number, b []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), b)
}

func (m *message) ids(field protowire.Number, ids []int32) {
	if len(ids) > 0 {
		m.bytes(field, packIDs(ids))
	}
}

func packIDs(ids []int32) []byte {
	var b []byte
	for _, id := range ids {
		b = protowire.AppendVarint(b, protowire.EncodeZigZag(int64(id)))
	}
	return b
}

func unpackIDs(b []byte) ([]int32, error) {
	ids := make([]int32, 0, len(b))
	for len(b) > 0 {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return nil, errMalformed
		}
		ids = append(ids, int32(protowire.DecodeZigZag(v)))
		b = b[n:]
	}
	return ids, nil
}

// fields is what a decoder gets of each field: its number, and its value as a number or as bytes.
type fields func(field protowire.Number, number uint64, bytes []byte) error

// decodeValue reads a value: the version, then the message.
func decodeValue(value []byte, each fields) error {
	if len(value) == 0 {
		return errMalformed
	}
	if value[0] != valueVersion {
		return fmt.Errorf("version %d, but this build knows %d only: it was written by a newer one", value[0], valueVersion)
	}
	return decodeMessage(value[1:], each)
}

func decodeMessage(b []byte, each fields) error {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errMalformed
		}
		b = b[n:]
		var number uint64
		var bytes []byte
		switch kind {
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(field, kind, b)
			field = 0 // known to nobody
		}
		if n < 0 {
			return errMalformed
		}
		if field != 0 {
			if err := each(field, number, bytes); err != nil {
				return err
			}
		}
		b = b[n:]
	}
	return nil
}

func signedOf(number uint64) int64 { return protowire.DecodeZigZag(number) }
