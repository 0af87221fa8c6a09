package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/snappy"
)

// xerialMagic opens the framing of Java's snappy library: magic, version, oldest compatible version, then blocks that are
// each preceded by their compressed length. Java writes nothing else; other clients may send one bare snappy block.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const (
	xerialHeaderSize = 16
	// xerialBlockSize is the block size of Java's writer.
	xerialBlockSize = 32 << 10
	// maxSnappyRatio is more than any block can expand: three bytes make at most 64. It exposes a block that lies about its size
	// before memory is set aside for it.
	maxSnappyRatio = 24
)

var (
	errSnappyFrame  = errors.New("snappy: the framing is cut or damaged")
	errSnappyLength = errors.New("snappy: a block claims an impossible size")
	errSnappyS2     = errors.New("snappy: a block uses the extensions of s2")
)

// snappyReader decodes block by block. Its memory is the largest decoded block.
type snappyReader struct {
	src      []byte
	xerial   bool
	maxBytes int64
	buf      []byte // decoded block
	at       int    // how much of buf was read
}

var snappyReaders = sync.Pool{New: func() any { return new(snappyReader) }}

func openSnappy(payload []byte, maxBytes int64) (decompressor, error) {
	r := snappyReaders.Get().(*snappyReader)
	r.src, r.xerial, r.maxBytes = payload, isXerial(payload), maxBytes
	r.buf, r.at = r.buf[:0], 0
	if r.xerial {
		r.src = payload[xerialHeaderSize:]
	}
	return r, nil
}

func isXerial(b []byte) bool {
	return len(b) >= xerialHeaderSize && bytes.Equal(b[:len(xerialMagic)], xerialMagic)
}

func (r *snappyReader) Read(p []byte) (int, error) {
	for r.at == len(r.buf) {
		if len(r.src) == 0 {
			return 0, io.EOF
		}
		if err := r.nextBlock(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf[r.at:])
	r.at += n
	return n, nil
}

func (r *snappyReader) nextBlock() error {
	block := r.src
	if !r.xerial {
		r.src = nil
		return r.decode(block)
	}
	// A writer that appends to an existing stream starts with a header again.
	if isXerial(r.src) {
		r.src = r.src[xerialHeaderSize:]
		r.buf, r.at = r.buf[:0], 0
		return nil
	}
	if len(r.src) < 4 {
		return errSnappyFrame
	}
	size := binary.BigEndian.Uint32(r.src)
	if int64(size) > int64(len(r.src)-4) {
		return errSnappyFrame
	}
	block, r.src = r.src[4:4+size], r.src[4+size:]
	return r.decode(block)
}

func (r *snappyReader) decode(block []byte) error {
	size, err := snappy.DecodedLen(block)
	if err != nil {
		return err
	}
	if size > len(block)*maxSnappyRatio {
		return errSnappyLength
	}
	if int64(size) > r.maxBytes {
		return errDecompressedTooLarge
	}
	if cap(r.buf) < size {
		r.buf = make([]byte, 0, max(size, xerialBlockSize))
	}
	r.at = 0
	if hasS2Repeat(block) {
		return errSnappyS2
	}
	r.buf, err = snappy.Decode(r.buf[:size], block)
	return err
}

// hasS2Repeat finds the one instruction that s2, an extension of snappy, adds: a copy at distance 0. The library's fast
// decoder takes it, the consumers of other languages do not. (Its strict decoder takes more than twice as long as the fast one
// with this before it.)
func hasS2Repeat(block []byte) bool {
	_, i := binary.Uvarint(block)
	for i >= 0 && i < len(block) {
		tag := block[i]
		switch tag & 3 {
		case 0: // literal: its length less one, up to 59 in the tag, or in 1 to 4 bytes that follow
			length := int(tag >> 2)
			i++
			if extra := length - 59; extra > 0 {
				if i+extra > len(block) {
					return false
				}
				length = 0
				for j := range extra {
					length |= int(block[i+j]) << (8 * j)
				}
				i += extra
			}
			i += length + 1
		case 1: // copy with 11 bits of distance
			if i+1 < len(block) && tag>>5 == 0 && block[i+1] == 0 {
				return true
			}
			i += 2
		case 2: // copy with 16 bits
			i += 3
		case 3: // copy with 32 bits
			i += 5
		}
	}
	return false
}

func (r *snappyReader) close() {
	r.src = nil
	if cap(r.buf) > maxPooledBuffer {
		r.buf = nil
	}
	snappyReaders.Put(r)
}

func compressSnappy(dst, src []byte) []byte {
	dst = append(dst, xerialMagic...)
	dst = append(dst, 0, 0, 0, 1, 0, 0, 0, 1)
	for len(src) > 0 {
		block := src[:min(len(src), xerialBlockSize)]
		src = src[len(block):]
		start := len(dst)
		dst = grow(dst, 4+snappy.MaxEncodedLen(len(block)))
		encoded := snappy.Encode(dst[start+4:cap(dst)], block)
		binary.BigEndian.PutUint32(dst[start:start+4], uint32(len(encoded)))
		dst = dst[:start+4+len(encoded)]
	}
	return dst
}

// grow makes room for n bytes behind b.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	return append(make([]byte, 0, max(2*cap(b), len(b)+n)), b...)
}
