package record

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	// maxZstdWindow is the window that a streaming decoder may need; level 19 of the reference implementation uses as much.
	maxZstdWindow = 8 << 20
	// maxWideZstdWindow is what Java's library takes at most (a window log of 27). Frames between the two limits come from the
	// "ultra" levels, which ask for 128 MiB even for a small batch.
	maxWideZstdWindow = 128 << 20
	// maxWideZstd bounds how many frames with wide windows are decoded at a time, each into one piece of memory.
	maxWideZstd = 2
	// maxZstdRatio is how much a frame can expand at most: a block of 4 bytes makes 128 KiB.
	maxZstdRatio = 128 << 10 / 4
)

var errZstdLength = errors.New("zstd: a frame claims an impossible size")

var wideZstd = make(chan struct{}, maxWideZstd)

// zstdReader is a pooled stream decoder without goroutines.
type zstdReader struct {
	source bytes.Buffer
	dec    *zstd.Decoder
}

var zstdReaders sync.Pool

func openZstd(payload []byte, maxBytes int64) (decompressor, error) {
	if zstdWindow(payload) > maxZstdWindow {
		return openWideZstd(payload, maxBytes)
	}
	r, _ := zstdReaders.Get().(*zstdReader)
	if r == nil {
		dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(maxZstdWindow), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, err
		}
		r = &zstdReader{dec: dec}
	}
	// Given a bytes.Buffer with a small frame, the decoder skips the stream's ring buffer.
	r.source = *bytes.NewBuffer(payload)
	if err := r.dec.Reset(&r.source); err != nil {
		return nil, decompressionError(CodecZstd, err)
	}
	return r, nil
}

// zstdWindow returns the window that the first frame asks for, 0 if the header is damaged.
func zstdWindow(payload []byte) uint64 {
	var h zstd.Header
	if err := h.Decode(payload); err != nil {
		return 0
	}
	if h.SingleSegment {
		return h.FrameContentSize
	}
	return h.WindowSize
}

func (r *zstdReader) Read(p []byte) (int, error) { return r.dec.Read(p) }

func (r *zstdReader) close() {
	r.source = bytes.Buffer{}
	// Without an input the decoder forgets the payload.
	_ = r.dec.Reset(nil)
	zstdReaders.Put(r)
}

// wideZstdReader holds a frame that was decoded as a whole. A stream decoder would set aside the window that the frame
// declares; this takes what the content really needs.
type wideZstdReader struct{ bytes.Reader }

func openWideZstd(payload []byte, maxBytes int64) (decompressor, error) {
	// The decoder sets the declared size aside before it decodes.
	var h zstd.Header
	if err := h.Decode(payload); err == nil && h.FrameContentSize/maxZstdRatio > uint64(len(payload)) {
		return nil, decompressionError(CodecZstd, errZstdLength)
	}
	wideZstd <- struct{}{}
	defer func() { <-wideZstd }()
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(uint64(maxBytes)), zstd.WithDecoderMaxWindow(maxWideZstdWindow))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	out, err := dec.DecodeAll(payload, nil)
	switch {
	case err == zstd.ErrDecoderSizeExceeded:
		return nil, errDecompressedTooLarge
	case err != nil:
		return nil, decompressionError(CodecZstd, err)
	}
	r := &wideZstdReader{}
	r.Reset(out)
	return r, nil
}

func (r *wideZstdReader) close() {}

var _ io.Reader = (*wideZstdReader)(nil)

// zstdWriters has a pool for each of the library's four levels.
var zstdWriters [int(zstd.SpeedBestCompression) + 1]sync.Pool

func compressZstd(dst []byte, level int, src []byte) ([]byte, error) {
	if level == 0 {
		level = DefaultZstdLevel
	}
	speed := zstd.EncoderLevelFromZstd(level)
	enc, _ := zstdWriters[speed].Get().(*zstd.Encoder)
	if enc == nil {
		var err error
		enc, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(speed),
			zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false))
		if err != nil {
			return dst, err
		}
	}
	dst = enc.EncodeAll(src, dst)
	zstdWriters[speed].Put(enc)
	return dst, nil
}
