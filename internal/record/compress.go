package record

import (
	"fmt"
	"io"
)

// decompressor is a codec's reader over one payload. Read follows io.Reader; close gives the reader back to its pool.
type decompressor interface {
	io.Reader
	close()
}

// openDecompressor starts reading a compressed payload. maxBytes is what the caller will take at most; codecs that must
// hold a decompressed unit as a whole use it to refuse early.
func openDecompressor(codec Codec, payload []byte, maxBytes int64) (decompressor, error) {
	switch codec {
	case CodecGzip:
		return openGzip(payload)
	case CodecSnappy:
		return openSnappy(payload, maxBytes)
	case CodecLz4:
		return openLz4(payload)
	case CodecZstd:
		return openZstd(payload, maxBytes)
	}
	return nil, &Error{Kind: KindUnknownCodec, Message: fmt.Sprintf("the batch has the unknown compression %d", codec)}
}

// Compress appends the compressed form of src to dst, as Apache Kafka writes it: gzip, snappy in blocks with the xerial framing, an LZ4
// frame of independent 64 KiB blocks without checksums, a zstd frame. Level 0 is the codec's default.
func Compress(dst []byte, codec Codec, level int, src []byte) ([]byte, error) {
	switch codec {
	case CodecNone:
		return append(dst, src...), nil
	case CodecGzip:
		return compressGzip(dst, level, src)
	case CodecSnappy:
		return compressSnappy(dst, src), nil
	case CodecLz4:
		return compressLz4(dst, level, src), nil
	case CodecZstd:
		return compressZstd(dst, level, src)
	}
	return dst, &Error{Kind: KindUnknownCodec, Message: fmt.Sprintf("cannot compress with the unknown %s", codec)}
}

// Decompress appends the decompressed form of src to dst. More than maxBytes of it is an error of KindTooLarge.
func Decompress(dst []byte, codec Codec, src []byte, maxBytes int64) ([]byte, error) {
	if codec == CodecNone {
		return append(dst, src...), nil
	}
	s, err := openStream(codec, src, decompressLimit(maxBytes))
	if err != nil {
		return dst, err
	}
	defer s.close()
	for {
		got, err := s.fill(1)
		if err != nil || got == 0 {
			return dst, err
		}
		dst = append(dst, s.buf[s.at:s.end]...)
		s.at = s.end
	}
}
