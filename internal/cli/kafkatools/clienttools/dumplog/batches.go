package dumplog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/vfs"
)

const (
	headerPeekBytes = 17 // up to and with the magic
	// legacyOverhead is the smallest message of the formats before batches: CRC, magic, attributes, key and value lengths.
	legacyOverhead = 14
)

// batchScanner reads the batches of a log one after the other.
type batchScanner struct {
	file  string
	r     *bufio.Reader
	at    int64 // position of the next batch
	end   int64 // no batch may reach beyond
	batch []byte
}

// scanBatches reads the batches of f from position from up to position end.
func scanBatches(name string, f vfs.File, from, end int64) *batchScanner {
	section := io.NewSectionReader(f, from, max(end-from, 0))
	return &batchScanner{file: name, r: bufio.NewReaderSize(section, 256<<10), at: from, end: end}
}

// next gives the next batch and its position; it is valid until the next call. io.EOF is the end, also where a batch is
// cut off.
func (s *batchScanner) next() (batch []byte, position int64, err error) {
	if s.at+headerPeekBytes > s.end {
		return nil, s.at, io.EOF
	}
	head, err := s.r.Peek(headerPeekBytes)
	if err != nil {
		return nil, s.at, s.readError(err)
	}
	length := int64(int32(binary.BigEndian.Uint32(head[8:])))
	if length < legacyOverhead {
		return nil, s.at, fmt.Errorf("found record size %d smaller than minimum record overhead (%d) in file %s at position %d",
			length, legacyOverhead, s.file, s.at)
	}
	size := length + record.LogOverhead
	if s.at+size > s.end {
		return nil, s.at, io.EOF
	}
	if magic := int8(head[16]); magic < 0 || magic > record.Magic || (magic == record.Magic && size < record.HeaderSize) {
		return nil, s.at, fmt.Errorf("found a batch with magic %d and size %d in file %s at position %d", magic, size, s.file, s.at)
	}
	if int64(cap(s.batch)) < size {
		s.batch = make([]byte, size) // size is no more than what the file has
	}
	s.batch = s.batch[:size]
	if _, err := io.ReadFull(s.r, s.batch); err != nil {
		return nil, s.at, s.readError(err)
	}
	position = s.at
	s.at += size
	return s.batch, position, nil
}

// readError makes a file that became shorter meanwhile an end like any other.
func (s *batchScanner) readError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// isLegacy tells the formats before record batches.
func isLegacy(batch []byte) bool { return int8(batch[16]) < record.Magic }

// lastOffset is the last offset of a batch; a wrapper of the old formats carries the last offset of what it wraps.
func lastOffset(batch []byte) int64 {
	if isLegacy(batch) {
		return int64(binary.BigEndian.Uint64(batch))
	}
	return record.Batch(batch).LastOffset()
}

// legacy is what the batch line shows of a message of the old formats.
type legacy struct {
	magic      int8
	crc        uint32
	valid      bool
	codec      record.Codec
	stampType  string
	timestamp  int64
	key, value []byte
}

// parseLegacy reads a message of magic 0 or 1.
func parseLegacy(batch []byte) (legacy, error) {
	body := batch[record.LogOverhead:]
	m := legacy{
		crc: binary.BigEndian.Uint32(body), magic: int8(body[4]), codec: record.Codec(body[5] & 7),
		stampType: "NoTimestampType", timestamp: record.NoTimestamp,
	}
	m.valid = crc32.ChecksumIEEE(body[4:]) == m.crc
	rest := body[6:]
	if m.magic == 1 {
		if len(rest) < 8 {
			return m, errors.New("a message is shorter than its header")
		}
		m.stampType = record.TimestampType(body[5] >> 3 & 1).String()
		m.timestamp = int64(binary.BigEndian.Uint64(rest))
		rest = rest[8:]
	}
	var err error
	if m.key, rest, err = cutLegacy(rest); err != nil {
		return m, err
	}
	m.value, _, err = cutLegacy(rest)
	return m, err
}

func cutLegacy(b []byte) (field, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errors.New("a message is shorter than its fields")
	}
	n := int64(int32(binary.BigEndian.Uint32(b)))
	b = b[4:]
	switch {
	case n < 0:
		return nil, b, nil
	case n > int64(len(b)):
		return nil, nil, errors.New("a message is shorter than its fields")
	}
	return b[:n], b[n:], nil
}
