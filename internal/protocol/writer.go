package protocol

import "encoding/binary"

// writer appends primitive fields to a message. In flexible versions lengths are compact and noTags writes the empty list of
// tagged fields; in the others noTags writes nothing.
type writer struct {
	b        []byte
	flexible bool
}

func (w *writer) int16(v int16) { w.b = binary.BigEndian.AppendUint16(w.b, uint16(v)) }
func (w *writer) int32(v int32) { w.b = binary.BigEndian.AppendUint32(w.b, uint32(v)) }
func (w *writer) int64(v int64) { w.b = binary.BigEndian.AppendUint64(w.b, uint64(v)) }

func (w *writer) uuid(id [16]byte) { w.b = append(w.b, id[:]...) }

func (w *writer) uvarint(v uint32) { w.b = binary.AppendUvarint(w.b, uint64(v)) }

// length writes a length; -1 is null.
func (w *writer) length(n int, wide bool) {
	switch {
	case w.flexible:
		w.uvarint(uint32(n + 1))
	case wide:
		w.int32(int32(n))
	default:
		w.int16(int16(n))
	}
}

func (w *writer) arrayLen(n int) { w.length(n, true) }

func (w *writer) stringBytes(s []byte) {
	w.length(len(s), false)
	w.b = append(w.b, s...)
}

func (w *writer) string(s string) {
	w.length(len(s), false)
	w.b = append(w.b, s...)
}

// nullableString writes null for the empty string.
func (w *writer) nullableString(s string) {
	if s == "" {
		w.length(-1, false)
		return
	}
	w.string(s)
}

func (w *writer) noTags() {
	if w.flexible {
		w.b = append(w.b, 0)
	}
}

// currentLeader writes the tagged field with a partition's leader (KIP-951).
func (w *writer) currentLeader(tag uint32, id, epoch int32) {
	w.uvarint(tag)
	w.uvarint(9) // two int32 and no tagged fields
	w.int32(id)
	w.int32(epoch)
	w.b = append(w.b, 0)
}

// NodeEndpoint is the address of a leader that a response names (KIP-951).
type NodeEndpoint struct {
	ID   int32
	Host string
	Port int32
	Rack string // "" is sent as null
}

// nodeEndpoints writes a structure's tagged fields: field 0 with the endpoints, or none when there are none.
func (w *writer) nodeEndpoints(endpoints []NodeEndpoint) {
	if len(endpoints) == 0 {
		w.noTags()
		return
	}
	value := writer{flexible: true}
	value.arrayLen(len(endpoints))
	for _, e := range endpoints {
		value.int32(e.ID)
		value.string(e.Host)
		value.int32(e.Port)
		value.nullableString(e.Rack)
		value.noTags()
	}
	w.uvarint(1)
	w.uvarint(0)
	w.uvarint(uint32(len(value.b)))
	w.b = append(w.b, value.b...)
}
