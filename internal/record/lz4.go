package record

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/pierrec/lz4/v4"
)

// The LZ4 frame format, as far as Kafka uses it: independent blocks of at most 64 KiB to 4 MiB, with or without block
// checksums. This follows Apache's reader rather than the library's, so that Ottla accepts what every Java consumer can
// read afterwards and nothing more: no dictionaries, no dependent blocks, no second frame.
const (
	lz4Magic         = 0x184D2204
	lz4Version       = 1 << 6
	lz4VersionMask   = 3 << 6
	lz4Independent   = 1 << 5
	lz4BlockChecksum = 1 << 4
	lz4ContentSize   = 1 << 3
	lz4ContentCheck  = 1 << 2
	lz4ReservedFlags = 3
	lz4Stored        = 1 << 31 // in a block's length: the block is not compressed
	lz4Block64K      = 4       // the number of the block size of 64 KiB; each further number has four times the size
	lz4Block4M       = 7
	lz4BlockSize     = 64 << 10
)

var (
	errLz4Header   = errors.New("lz4: the frame header is damaged or asks for what Kafka does not support")
	errLz4Cut      = errors.New("lz4: the frame ends too early")
	errLz4Block    = errors.New("lz4: a block is larger than the frame allows")
	errLz4Checksum = errors.New("lz4: a checksum is wrong")
)

// lz4Reader decodes block by block. Its memory is one block.
type lz4Reader struct {
	src       []byte
	flags     byte
	blockSize int
	buf       []byte // as large as the largest block so far
	block     []byte // the present block: in buf, or in the source if it was stored
	finished  bool
}

var lz4Readers = sync.Pool{New: func() any { return new(lz4Reader) }}

func openLz4(payload []byte) (decompressor, error) {
	r := lz4Readers.Get().(*lz4Reader)
	r.src, r.block, r.finished = payload, nil, false
	if err := r.readHeader(); err != nil {
		r.close()
		return nil, decompressionError(CodecLz4, err)
	}
	return r, nil
}

func (r *lz4Reader) readHeader() error {
	size := 7
	if len(r.src) < size {
		return errLz4Cut
	}
	if binary.LittleEndian.Uint32(r.src) != lz4Magic {
		return errLz4Header
	}
	r.flags = r.src[4]
	descriptor := r.src[5]
	number := descriptor >> 4 & 7
	if r.flags&lz4VersionMask != lz4Version || r.flags&lz4Independent == 0 || r.flags&lz4ReservedFlags != 0 ||
		descriptor&^(7<<4) != 0 || number < lz4Block64K || number > lz4Block4M {
		return errLz4Header
	}
	if r.flags&lz4ContentSize != 0 {
		size += 8
	}
	if len(r.src) < size {
		return errLz4Cut
	}
	if r.src[size-1] != byte(xxHash32(r.src[4:size-1])>>8) {
		return errLz4Checksum
	}
	r.blockSize = lz4BlockSize << (2 * (number - lz4Block64K))
	r.src = r.src[size:]
	return nil
}

func (r *lz4Reader) Read(p []byte) (int, error) {
	for len(r.block) == 0 {
		if r.finished {
			return 0, io.EOF
		}
		if err := r.nextBlock(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.block)
	r.block = r.block[n:]
	return n, nil
}

func (r *lz4Reader) nextBlock() error {
	if len(r.src) < 4 {
		return errLz4Cut
	}
	length := binary.LittleEndian.Uint32(r.src)
	r.src = r.src[4:]
	stored := length&lz4Stored != 0
	size := int(length &^ lz4Stored)
	if size == 0 {
		r.finished = true
		return nil
	}
	need := size
	if r.flags&lz4BlockChecksum != 0 {
		need += 4
	}
	if size > r.blockSize {
		return errLz4Block
	}
	if len(r.src) < need {
		return errLz4Cut
	}
	data := r.src[:size]
	if need > size && binary.LittleEndian.Uint32(r.src[size:]) != xxHash32(data) {
		return errLz4Checksum
	}
	r.src = r.src[need:]
	if stored {
		r.block = data
		return nil
	}
	return r.decode(data)
}

// decode decompresses a block. LZ4 blocks do not tell their size, but expand by less than 255 times, so that a short block
// needs no large buffer whatever the frame says.
func (r *lz4Reader) decode(data []byte) error {
	room := min(r.blockSize, 255*len(data))
	if len(r.buf) < room {
		r.buf = make([]byte, max(room, min(lz4BlockSize, r.blockSize)))
	}
	n, err := lz4.UncompressBlock(data, r.buf[:room])
	if err != nil {
		return err
	}
	r.block = r.buf[:n]
	return nil
}

func (r *lz4Reader) close() {
	r.src, r.block = nil, nil
	if len(r.buf) > maxPooledBuffer {
		r.buf = nil
	}
	lz4Readers.Put(r)
}

// Apache Kafka compresses with LZ4's fast algorithm at level 9, its default, and with the high compression one otherwise.
const (
	minLz4Level = 1
	maxLz4Level = 17
)

var (
	lz4FastPool = sync.Pool{New: func() any { return new(lz4.Compressor) }}
	lz4HighPool = sync.Pool{New: func() any { return new(lz4.CompressorHC) }}
)

// lz4HighLevels are the library's levels, which are search depths; it has fewer than Kafka.
var lz4HighLevels = [...]lz4.CompressionLevel{lz4.Level1, lz4.Level2, lz4.Level3, lz4.Level4, lz4.Level5,
	lz4.Level6, lz4.Level7, lz4.Level8, lz4.Level9}

type lz4Compressor interface {
	CompressBlock(src, dst []byte) (int, error)
}

func compressLz4(dst []byte, level int, src []byte) []byte {
	if level == 0 || level == DefaultLz4Level {
		c := lz4FastPool.Get().(*lz4.Compressor)
		defer lz4FastPool.Put(c)
		return writeLz4Frame(dst, src, c)
	}
	level = min(max(level, minLz4Level), maxLz4Level)
	c := lz4HighPool.Get().(*lz4.CompressorHC)
	defer lz4HighPool.Put(c)
	c.Level = lz4HighLevels[min(level, len(lz4HighLevels))-1]
	return writeLz4Frame(dst, src, c)
}

func writeLz4Frame(dst, src []byte, c lz4Compressor) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, lz4Magic)
	dst = append(dst, lz4Version|lz4Independent, lz4Block64K<<4)
	dst = append(dst, byte(xxHash32(dst[len(dst)-2:])>>8))
	for len(src) > 0 {
		block := src[:min(len(src), lz4BlockSize)]
		src = src[len(block):]
		start := len(dst)
		dst = grow(dst, 4+lz4.CompressBlockBound(len(block)))
		// A result that is not smaller, or none at all, means that the block is better stored as it is.
		n, err := c.CompressBlock(block, dst[start+4:start+4+lz4.CompressBlockBound(len(block))])
		if err != nil || n == 0 || n >= len(block) {
			dst = le.AppendUint32(dst, uint32(len(block))|lz4Stored)
			dst = append(dst, block...)
			continue
		}
		le.PutUint32(dst[start:start+4], uint32(n))
		dst = dst[:start+4+n]
	}
	return le.AppendUint32(dst, 0)
}
