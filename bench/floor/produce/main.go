// Command produce is the floor under a broker's way in: it reads Produce requests of version 8, checks the CRC-32C of every batch,
// appends the records to a file with one write and answers. It knows no topics, assigns no offsets and forgets everything. With -decompress it
// also decompresses what is compressed, as whoever checks records must.
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"ottla.dev/ottla/bench/floor/frame"
	"ottla.dev/ottla/internal/record"
)

const (
	batchHeadBytes = 61
	crcAt          = 17
	crcFrom        = 21
	attributesAt   = 21
	// maxDecompressedBytes bounds what a batch can claim.
	maxDecompressedBytes = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sink keeps one file per partition in a directory of its own.
type sink struct {
	dir        string
	decompress bool

	mu    sync.Mutex // guards files
	files map[string]*partition
}

type partition struct {
	mu   sync.Mutex // guards file and next: the appends of one partition have an order
	file *os.File
	next int64
}

func main() {
	dir, err := os.MkdirTemp("", "ottla-floor-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := &sink{dir: dir, files: map[string]*partition{}}
	flag.BoolVar(&s.decompress, "decompress", false, "decompress compressed batches, and forget what was in them")
	err = frame.Main(func(conn *net.TCPConn) (frame.Handler, error) { return s.handler(conn), nil })
	_ = os.RemoveAll(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// handler answers the requests of one connection.
func (s *sink) handler(conn io.Writer) frame.Handler {
	var out []byte
	return func(request []byte) error {
		var err error
		if out, err = s.produce(out[:0], request); err != nil {
			return err
		}
		_, err = conn.Write(out)
		return err
	}
}

// produce stores what one request holds and appends the frame of the answer to out.
func (s *sink) produce(out, request []byte) ([]byte, error) {
	c := frame.Cursor{B: request}
	key, version, correlation := c.Header()
	if key != 0 || version != 8 {
		return nil, fmt.Errorf("a request of key %d version %d: this program knows Produce version 8", key, version)
	}
	c.String() // transactional id
	c.Int16()  // acks
	c.Int32()  // timeout
	be := binary.BigEndian
	out = append(out, 0, 0, 0, 0)
	out = be.AppendUint32(out, uint32(correlation))
	topics := c.Int32()
	out = be.AppendUint32(out, uint32(topics))
	for ; topics > 0 && !c.Short; topics-- {
		topic := c.String()
		out = be.AppendUint16(out, uint16(len(topic)))
		out = append(out, topic...)
		partitions := c.Int32()
		out = be.AppendUint32(out, uint32(partitions))
		for ; partitions > 0 && !c.Short; partitions-- {
			index := c.Int32()
			base, err := s.append(topic, index, c.Take(int(c.Int32())))
			if err != nil {
				return nil, err
			}
			out = be.AppendUint32(out, uint32(index))
			out = append(out, 0, 0) // no error
			out = be.AppendUint64(out, uint64(base))
			out = append(out, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff) // no append time
			out = append(out, 0, 0, 0, 0, 0, 0, 0, 0)                         // log start offset
			out = append(out, 0, 0, 0, 0, 0xff, 0xff)                         // no record errors, no message
		}
	}
	if c.Short {
		return nil, errors.New("a Produce request that ends early")
	}
	out = append(out, 0, 0, 0, 0) // no throttling
	be.PutUint32(out, uint32(len(out)-4))
	return out, nil
}

// append checks the batches and writes them behind the partition's file.
func (s *sink) append(topic []byte, index int32, batches []byte) (int64, error) {
	records := int64(0)
	for b := batches; len(b) > 0; {
		if len(b) < batchHeadBytes {
			return 0, errors.New("a batch that ends early")
		}
		size := 12 + int(binary.BigEndian.Uint32(b[8:]))
		if size < batchHeadBytes || size > len(b) {
			return 0, fmt.Errorf("a batch of %d bytes where %d are left", size, len(b))
		}
		if got, want := crc32.Checksum(b[crcFrom:size], castagnoli), binary.BigEndian.Uint32(b[crcAt:]); got != want {
			return 0, fmt.Errorf("a batch with the CRC %x, computed %x", want, got)
		}
		if err := s.look(b[:size]); err != nil {
			return 0, err
		}
		records += int64(binary.BigEndian.Uint32(b[23:])) + 1
		b = b[size:]
	}
	p, err := s.partition(topic, index)
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	base := p.next
	p.next += records
	_, err = p.file.Write(batches)
	return base, err
}

// buffers hold what was decompressed.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// look decompresses a batch, if it is compressed and that is wanted.
func (s *sink) look(b []byte) error {
	codec := record.Codec(b[attributesAt+1] & 7)
	if !s.decompress || codec == record.CodecNone {
		return nil
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	var err error
	*buffer, err = record.Decompress((*buffer)[:0], codec, b[batchHeadBytes:], maxDecompressedBytes)
	return err
}

func (s *sink) partition(topic []byte, index int32) (*partition, error) {
	var name [300]byte
	key := append(append(name[:0], topic...), '-', byte(index>>24), byte(index>>16), byte(index>>8), byte(index))
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.files[string(key)]; ok {
		return p, nil
	}
	file, err := os.OpenFile(filepath.Join(s.dir, fmt.Sprintf("%s-%d", topic, index)), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	p := &partition{file: file}
	s.files[string(key)] = p
	return p, nil
}
