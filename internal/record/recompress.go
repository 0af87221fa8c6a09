package record

import (
	"encoding/binary"
	"sync"
)

// recompressBuffers holds decompressed records between their two codecs.
var recompressBuffers = sync.Pool{New: func() any { return new([]byte) }}

// recompress checks the batch and builds it anew with another codec. The records stay byte for byte what they were, and so
// does the header but for length, codec and CRC: producer, sequence and flags are kept.
func recompress(w *walker, target Codec) (Result, error) {
	old := w.batch
	records := old.Payload()
	if old.Codec() != CodecNone {
		buf := recompressBuffers.Get().(*[]byte)
		defer func() {
			if cap(*buf) <= maxPooledBuffer {
				recompressBuffers.Put(buf)
			}
		}()
		var err error
		if *buf, err = Decompress((*buf)[:0], old.Codec(), records, w.recompressLimit(target)); err != nil {
			return Result{}, err
		}
		records = *buf
	}
	if err := w.verdict(w.walkPlain(records)); err != nil {
		return Result{}, err
	}
	out := append(make([]byte, 0, HeaderSize+len(records)), old[:HeaderSize]...)
	out, err := Compress(out, target, w.rules.level(target), records)
	if err != nil {
		return Result{}, err
	}
	if limit := w.rules.MaxMessageBytes; limit > 0 && len(out) > limit {
		return Result{}, tooLarge(len(out), limit)
	}
	b := Batch(out)
	binary.BigEndian.PutUint32(b[posLength:], uint32(len(b)-LogOverhead))
	attributes := b.Attributes()&attrKnown&^attrCodecMask | int16(target)
	binary.BigEndian.PutUint16(b[posAttributes:], uint16(attributes))
	result := assign(b, &w.rules, w.maxTimestamp)
	b.setCRC()
	return result, nil
}

// recompressLimit is how far to decompress: not beyond what would then be too large to append.
func (w *walker) recompressLimit(target Codec) int64 {
	limit := w.rules.maxDecompressedBytes()
	if target == CodecNone && w.rules.MaxMessageBytes > HeaderSize {
		limit = min(limit, int64(w.rules.MaxMessageBytes-HeaderSize))
	}
	return limit
}
