package golden

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Bits of a batch's attributes.
const (
	transactionalBit = 1 << 4
	controlBit       = 1 << 5
	horizonBit       = 1 << 6 // the base timestamp is the time from which tombstones or the marker may go
)

// controlKinds are the kinds of control records that end transactions, as they stand in the records' keys.
var controlKinds = []string{"abort", "commit"}

// transactionBits reads `transactional: true` and `control: commit` of a batch. The record of a marker replaces the batch's own; a number
// stands for a kind that is none.
func transactionBits(r *fieldReader) (bits int64, record []byte, err error) {
	if v, ok := r.get("transactional"); ok {
		is, isBool := v.(bool)
		if !isBool {
			return 0, nil, fmt.Errorf("transactional is true or false, not %s", format(v))
		}
		if is {
			bits |= transactionalBit
		}
	}
	epoch := r.number("coordinatorEpoch", 0)
	v, ok := r.get("control")
	if !ok {
		return bits, nil, nil
	}
	kind, ok := v.(int64)
	for i, name := range controlKinds {
		if v == name {
			kind, ok = int64(i), true
		}
	}
	if !ok {
		return 0, nil, fmt.Errorf("control is commit, abort or a number, not %s", format(v))
	}
	marker := kmsg.Record{
		Key:   binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(kind)),
		Value: binary.BigEndian.AppendUint32([]byte{0, 0}, uint32(epoch)),
	}
	body := marker.AppendTo(nil)[1:] // without the one byte of a zero length
	return bits | controlBit, append(binary.AppendVarint(nil, int64(len(body))), body...), nil
}

// controlTree describes the record of a marker in words; another control record stays as it is.
func controlTree(record kmsg.Record, tree *Object) *Object {
	if len(record.Key) != 4 || len(record.Value) != 6 || binary.BigEndian.Uint16(record.Key) != 0 || binary.BigEndian.Uint16(record.Value) != 0 {
		return tree
	}
	kind := int(binary.BigEndian.Uint16(record.Key[2:]))
	if kind >= len(controlKinds) {
		return tree
	}
	fields := []Field{
		tree.Fields[0], tree.Fields[1],
		{Name: "Marker", Value: controlKinds[kind]},
		{Name: "CoordinatorEpoch", Value: int64(int32(binary.BigEndian.Uint32(record.Value[2:])))},
	}
	return &Object{Fields: append(fields, tree.Fields[4:]...)}
}
