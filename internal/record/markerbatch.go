package record

import "encoding/binary"

// markerKeyBytes and markerValueBytes are the sizes of a marker's record: version and type, version and coordinator epoch.
const (
	markerKeyBytes   = 4
	markerValueBytes = 6
)

// MarkerBatchBytes is the size of every batch that AppendMarkerBatch makes.
const MarkerBatchBytes = HeaderSize + 1 + 1 + 1 + 1 + 1 + markerKeyBytes + 1 + markerValueBytes + 1

// AppendMarkerBatch appends the control batch that ends a producer's transaction in a partition. Its offset is 0 and its leader epoch
// unknown: the log that appends it assigns both. It allocates nothing where buf has room for MarkerBatchBytes more.
func AppendMarkerBatch(buf []byte, producerID int64, producerEpoch int16, m Marker, timestampMs int64) []byte {
	var key [markerKeyBytes]byte
	binary.BigEndian.PutUint16(key[0:], controlKeyVersion)
	binary.BigEndian.PutUint16(key[2:], uint16(m.Type))
	var value [markerValueBytes]byte
	binary.BigEndian.PutUint16(value[0:], markerVersion)
	binary.BigEndian.PutUint32(value[2:], uint32(m.CoordinatorEpoch))

	var head [HeaderSize]byte
	start := len(buf)
	buf = append(buf, head[:]...)
	buf = appendRecord(buf, &Record{Key: key[:], Value: value[:]}, 0, 0)
	b := Builder{
		LeaderEpoch: NoLeaderEpoch, ProducerID: producerID, ProducerEpoch: producerEpoch, BaseSequence: NoSequence,
		Transactional: true, Control: true, LogAppendTimeMs: NoTimestamp,
		numRecords: 1, baseTimestamp: timestampMs, maxTimestamp: timestampMs,
	}
	b.writeHeader(Batch(buf[start:]))
	return buf
}

// Marker returns the transaction marker that a control batch holds, and its timestamp. ok is false for a control batch that ends no transaction:
// one that the cleaner has emptied, or one of another kind. The batch must be whole.
func (b Batch) Marker() (m Marker, timestampMs int64, ok bool, err error) {
	if !b.IsControl() || b.NumRecords() == 0 {
		return m, 0, false, nil
	}
	if b.Codec() != CodecNone {
		return b.compressedMarker()
	}
	payload := b.Payload()
	size, n := varint32(payload)
	if n <= 0 {
		return m, 0, false, varintError(n)
	}
	if payload = payload[n:]; size < 0 || int(size) > len(payload) {
		return m, 0, false, errRecordTruncated
	}
	var f fields
	if err := f.parse(payload[:size]); err != nil {
		return m, 0, false, err
	}
	return markerOf(f.key, f.value, recordTimestamp(b, f.timestampDelta))
}

// compressedMarker is Marker for a batch that nobody is known to write, and nothing forbids.
func (b Batch) compressedMarker() (m Marker, timestampMs int64, ok bool, err error) {
	reader, err := NewReader(b, 0)
	if err != nil {
		return m, 0, false, err
	}
	defer reader.Close()
	var r Record
	if err := reader.Next(&r); err != nil {
		return m, 0, false, err
	}
	return markerOf(r.Key, r.Value, r.Timestamp)
}

func markerOf(key, value []byte, timestampMs int64) (Marker, int64, bool, error) {
	typ, err := ParseControlType(key)
	if err != nil || typ != ControlAbort && typ != ControlCommit {
		return Marker{}, 0, false, err
	}
	m, err := ParseMarker(key, value)
	return m, timestampMs, err == nil, err
}
