package record

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// gzipReader is a pooled gzip stream. Its memory is the 32 KiB window of deflate.
type gzipReader struct {
	source bytes.Reader
	gz     gzip.Reader
}

var gzipReaders = sync.Pool{New: func() any { return new(gzipReader) }}

func openGzip(payload []byte) (decompressor, error) {
	r := gzipReaders.Get().(*gzipReader)
	r.source.Reset(payload)
	if err := r.gz.Reset(&r.source); err != nil {
		r.close()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, decompressionError(CodecGzip, err)
	}
	return r, nil
}

func (r *gzipReader) Read(p []byte) (int, error) { return r.gz.Read(p) }

func (r *gzipReader) close() {
	r.source.Reset(nil)
	gzipReaders.Put(r)
}

const (
	minGzipLevel = gzip.BestSpeed
	maxGzipLevel = gzip.BestCompression
)

// gzipWriters has a pool for each level, as a writer keeps its level for life.
var gzipWriters [maxGzipLevel + 1]sync.Pool

// sliceWriter lets a codec that wants an io.Writer append to a slice.
type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

type gzipWriter struct {
	out sliceWriter
	gz  *gzip.Writer
}

func compressGzip(dst []byte, level int, src []byte) ([]byte, error) {
	if level == 0 || level == DefaultGzipLevel {
		level = 6 // what zlib's default means, so that both share a pool
	}
	level = min(max(level, minGzipLevel), maxGzipLevel)
	w, _ := gzipWriters[level].Get().(*gzipWriter)
	if w == nil {
		gz, err := gzip.NewWriterLevel(io.Discard, level)
		if err != nil {
			return dst, err
		}
		w = &gzipWriter{gz: gz}
	}
	w.out.b = dst
	w.gz.Reset(&w.out)
	_, err := w.gz.Write(src)
	if cerr := w.gz.Close(); err == nil {
		err = cerr
	}
	dst, w.out.b = w.out.b, nil
	gzipWriters[level].Put(w)
	return dst, err
}
