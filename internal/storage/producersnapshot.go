package storage

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

// The layout of a snapshot file: version int16, CRC-32C uint32 of what follows it, number of entries int32, entries.
const (
	snapshotVersion    = 1
	snapshotCRCAt      = 2
	snapshotEntriesAt  = 6
	snapshotHeadBytes  = 10
	snapshotEntryBytes = 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// SnapshotEntry is one producer in a snapshot file.
type SnapshotEntry struct {
	ProducerState
	LastOffset  int64 // of the last batch; -1: none
	OffsetDelta int32 // from the last batch's first offset to its last
}

// appendSnapshot encodes entries as a snapshot file.
func appendSnapshot(data []byte, entries []*producerEntry) []byte {
	data = binary.BigEndian.AppendUint16(data, snapshotVersion)
	data = binary.BigEndian.AppendUint32(data, 0)
	data = binary.BigEndian.AppendUint32(data, uint32(len(entries)))
	for _, e := range entries {
		last, ok := e.last()
		if !ok {
			last = batchMetadata{lastSequence: record.NoSequence, lastOffset: -1}
		}
		data = binary.BigEndian.AppendUint64(data, uint64(e.id))
		data = binary.BigEndian.AppendUint16(data, uint16(e.epoch))
		data = binary.BigEndian.AppendUint32(data, uint32(last.lastSequence))
		data = binary.BigEndian.AppendUint64(data, uint64(last.lastOffset))
		data = binary.BigEndian.AppendUint32(data, uint32(last.offsetDelta))
		data = binary.BigEndian.AppendUint64(data, uint64(e.lastTimestamp))
		data = binary.BigEndian.AppendUint32(data, uint32(e.coordinatorEpoch))
		data = binary.BigEndian.AppendUint64(data, uint64(e.txnFirstOffset))
	}
	binary.BigEndian.PutUint32(data[snapshotCRCAt:], crc32.Checksum(data[snapshotEntriesAt:], castagnoli))
	return data
}

// ReadProducerSnapshot reads a snapshot file.
func ReadProducerSnapshot(fs vfs.FS, name string) ([]SnapshotEntry, error) {
	data, err := readFile(fs, name)
	if err != nil {
		return nil, err
	}
	entries, err := parseSnapshot(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrCorrupt, name, err)
	}
	return entries, nil
}

func parseSnapshot(data []byte) ([]SnapshotEntry, error) {
	if len(data) < snapshotHeadBytes {
		return nil, fmt.Errorf("it has %d bytes", len(data))
	}
	if version := binary.BigEndian.Uint16(data); version != snapshotVersion {
		return nil, fmt.Errorf("unknown version %d", version)
	}
	stored, computed := binary.BigEndian.Uint32(data[snapshotCRCAt:]), crc32.Checksum(data[snapshotEntriesAt:], castagnoli)
	if stored != computed {
		return nil, fmt.Errorf("its CRC is %d, computed is %d", stored, computed)
	}
	count := int64(int32(binary.BigEndian.Uint32(data[snapshotEntriesAt:])))
	data = data[snapshotHeadBytes:]
	if count < 0 || count*snapshotEntryBytes != int64(len(data)) {
		return nil, fmt.Errorf("%d entries do not take %d bytes", count, len(data))
	}
	entries := make([]SnapshotEntry, 0, count)
	for ; len(data) > 0; data = data[snapshotEntryBytes:] {
		entries = append(entries, SnapshotEntry{
			ProducerState: ProducerState{
				ProducerID:            int64(binary.BigEndian.Uint64(data)),
				ProducerEpoch:         int16(binary.BigEndian.Uint16(data[8:])),
				LastSequence:          int32(binary.BigEndian.Uint32(data[10:])),
				LastTimestamp:         int64(binary.BigEndian.Uint64(data[26:])),
				CoordinatorEpoch:      int32(binary.BigEndian.Uint32(data[34:])),
				CurrentTxnFirstOffset: int64(binary.BigEndian.Uint64(data[38:])),
			},
			LastOffset:  int64(binary.BigEndian.Uint64(data[14:])),
			OffsetDelta: int32(binary.BigEndian.Uint32(data[22:])),
		})
	}
	return entries, nil
}

// entry returns the state that a snapshot holds of a producer.
func (s *SnapshotEntry) entry() *producerEntry {
	e := newProducerEntry(s.ProducerID)
	e.epoch, e.coordinatorEpoch, e.txnFirstOffset = s.ProducerEpoch, s.CoordinatorEpoch, max(-1, s.CurrentTxnFirstOffset)
	if s.LastOffset >= 0 {
		e.addBatch(s.ProducerEpoch, batchMetadata{s.LastSequence, s.OffsetDelta, s.LastOffset, s.LastTimestamp})
	}
	e.lastTimestamp = s.LastTimestamp
	return &e
}

// ProducerState is what DescribeProducers shows of one producer.
type ProducerState struct {
	ProducerID            int64
	ProducerEpoch         int16
	LastSequence          int32
	LastTimestamp         int64
	CoordinatorEpoch      int32
	CurrentTxnFirstOffset int64 // -1: none
}
