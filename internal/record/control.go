package record

import (
	"encoding/binary"
	"fmt"
)

// ControlType is what a control record means. It stands in the record's key.
type ControlType int16

// The control records of data partitions. Larger numbers belong to the metadata log of KRaft.
const (
	ControlAbort  ControlType = 0
	ControlCommit ControlType = 1
)

// String returns the name that Kafka's tools print.
func (t ControlType) String() string {
	switch t {
	case ControlAbort:
		return "ABORT"
	case ControlCommit:
		return "COMMIT"
	}
	return fmt.Sprintf("control type %d", int16(t))
}

// controlKeyVersion and markerVersion are the versions that are written; both are also the only ones so far.
const (
	controlKeyVersion = 0
	markerVersion     = 0
)

// ParseControlType reads the key of a control record. Later versions of the key only add to it.
func ParseControlType(key []byte) (ControlType, error) {
	if len(key) < 4 {
		return 0, invalidRecord("the key of a control record has %d bytes instead of 4", len(key))
	}
	if version := int16(binary.BigEndian.Uint16(key)); version < 0 {
		return 0, invalidRecord("the key of a control record has the version %d", version)
	}
	return ControlType(binary.BigEndian.Uint16(key[2:])), nil
}

// Marker is the end of a transaction in a partition.
type Marker struct {
	Type             ControlType
	CoordinatorEpoch int32
}

// ParseMarker reads a commit or abort record.
func ParseMarker(key, value []byte) (Marker, error) {
	typ, err := ParseControlType(key)
	if err != nil {
		return Marker{}, err
	}
	if typ != ControlAbort && typ != ControlCommit {
		return Marker{}, invalidRecord("%s does not end a transaction", typ)
	}
	if len(value) < 6 {
		return Marker{}, invalidRecord("the value of a transaction marker has %d bytes instead of 6", len(value))
	}
	if version := int16(binary.BigEndian.Uint16(value)); version < 0 {
		return Marker{}, invalidRecord("the value of a transaction marker has the version %d", version)
	}
	return Marker{Type: typ, CoordinatorEpoch: int32(binary.BigEndian.Uint32(value[2:]))}, nil
}

// Record returns the marker as the record of a control batch. Build it with a Builder that has Control and Transactional set.
func (m Marker) Record(timestampMs int64) Record {
	key := binary.BigEndian.AppendUint16(nil, controlKeyVersion)
	key = binary.BigEndian.AppendUint16(key, uint16(m.Type))
	value := binary.BigEndian.AppendUint16(nil, markerVersion)
	value = binary.BigEndian.AppendUint32(value, uint32(m.CoordinatorEpoch))
	return Record{Timestamp: timestampMs, Key: key, Value: value}
}
