package storage

import (
	"encoding/binary"
	"fmt"

	"ottla.dev/ottla/internal/vfs"
)

// AbortedTransaction is an aborted transaction of a partition, as the transaction index has it.
type AbortedTransaction struct {
	ProducerID       int64
	FirstOffset      int64 // of its first batch
	LastOffset       int64 // of its marker
	LastStableOffset int64 // the offset below which all transactions had ended when the marker was appended
}

// txnEntryBytes is the size of an entry of a transaction index: version int16, producer id, first offset, last offset and last stable
// offset int64.
const txnEntryBytes = 2 + 4*8

// txnEntryVersion is the only version there is.
const txnEntryVersion = 0

// AppendTransactionIndexEntry appends an entry of a transaction index file. The entries of a file follow one another by their last offsets.
func AppendTransactionIndexEntry(data []byte, t AbortedTransaction) []byte {
	data = binary.BigEndian.AppendUint16(data, txnEntryVersion)
	data = binary.BigEndian.AppendUint64(data, uint64(t.ProducerID))
	data = binary.BigEndian.AppendUint64(data, uint64(t.FirstOffset))
	data = binary.BigEndian.AppendUint64(data, uint64(t.LastOffset))
	return binary.BigEndian.AppendUint64(data, uint64(t.LastStableOffset))
}

func parseTxnEntry(entry []byte) AbortedTransaction {
	return AbortedTransaction{
		ProducerID:       int64(binary.BigEndian.Uint64(entry[2:])),
		FirstOffset:      int64(binary.BigEndian.Uint64(entry[10:])),
		LastOffset:       int64(binary.BigEndian.Uint64(entry[18:])),
		LastStableOffset: int64(binary.BigEndian.Uint64(entry[26:])),
	}
}

// checkTxnEntry tells what is wrong with an entry that follows one with the last offset before; for the first one that is base - 1.
func checkTxnEntry(entry []byte, before int64) error {
	if version := int16(binary.BigEndian.Uint16(entry)); version != txnEntryVersion {
		return fmt.Errorf("%w: an entry of the transaction index has the version %d", errIndexDamaged, version)
	}
	t := parseTxnEntry(entry)
	switch {
	case t.LastOffset <= before:
		return fmt.Errorf("%w: an entry of the transaction index is of a marker at offset %d, and follows offset %d", errIndexDamaged, t.LastOffset, before)
	case t.ProducerID < 0, t.FirstOffset < 0, t.FirstOffset >= t.LastOffset, t.LastStableOffset < 0, t.LastStableOffset > t.LastOffset+1:
		return fmt.Errorf("%w: an entry of the transaction index cannot be: %+v", errIndexDamaged, t)
	}
	return nil
}

// ReadTransactionIndex reads the transaction index file of the segment that begins at base. The error is ErrCorrupt, beside what is sound, if
// something in it is not.
func ReadTransactionIndex(fs vfs.FS, name string, base int64) ([]AbortedTransaction, error) {
	data, err := readFile(fs, name)
	if err != nil {
		return nil, err
	}
	list, err := parseTxnEntries(data, base)
	if err != nil {
		return list, fmt.Errorf("%w: %s: %w", ErrCorrupt, name, err)
	}
	return list, nil
}

func parseTxnEntries(data []byte, base int64) (list []AbortedTransaction, err error) {
	before := base - 1
	for ; len(data) >= txnEntryBytes; data = data[txnEntryBytes:] {
		if err := checkTxnEntry(data[:txnEntryBytes], before); err != nil {
			return list, err
		}
		list = append(list, parseTxnEntry(data))
		before = list[len(list)-1].LastOffset
	}
	if len(data) > 0 {
		return list, fmt.Errorf("%w: the transaction index ends inside an entry of %d bytes", errIndexDamaged, txnEntryBytes)
	}
	return list, nil
}
