package record

import (
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/klauspost/compress/snappy"
)

// TestBombs holds every codec to its limit: the bytes that it may take, and the memory that it may use for them.
func TestBombs(t *testing.T) {
	const size, limit, allowance = 64 << 20, 1 << 20, 24 << 20
	zeros := make([]byte, size)
	for _, c := range allCodecs[1:] {
		t.Run(c.String(), func(t *testing.T) {
			b := build(t, c, rec("k", "v"))
			value := appendVarint(nil, int64(size+11))
			value = append(value, 0, 0, 0, 1)
			value = append(appendVarint(value, size), zeros...)
			bomb := b.withRecords(t, append(value, 0))
			rules := openRules()
			rules.MaxMessageBytes = 0
			rules.MaxDecompressedBytes = limit

			used := allocated(func() {
				if _, err := Validate(bomb, rules); kindOf(err) != KindTooLarge {
					t.Errorf("validated: %v", err)
				}
			})
			if used > allowance {
				t.Errorf("validating took %d MiB", used>>20)
			}
			if _, err := bomb.Records(limit); kindOf(err) != KindTooLarge {
				t.Errorf("read: %v", err)
			}
			if _, err := Decompress(nil, c, bomb.Payload(), limit); kindOf(err) != KindTooLarge {
				t.Errorf("decompressed: %v", err)
			}
			// The same within a limit that is large enough is a record that does not have the size that it claims.
			rules.MaxDecompressedBytes = 2 * size
			if _, err := Validate(bomb, rules); kindOf(err) != KindInvalidRecord {
				t.Errorf("within the limit: %v", err)
			}
		})
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestLies are small payloads that claim to be large. None may cost the memory that it claims.
func TestLies(t *testing.T) {
	snappyBlock := binary.AppendUvarint(nil, DefaultMaxDecompressedBytes-1)
	snappyFrame := append(append([]byte{}, xerialMagic...), 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, byte(len(snappyBlock)+1))
	snappyFrame = append(append(snappyFrame, snappyBlock...), 0)
	lz4Frame := compressLz4(nil, 0, nil)[:7]
	lz4Frame[5] = lz4Block4M << 4
	lz4Frame[6] = byte(xxHash32(lz4Frame[4:6]) >> 8)
	lz4Frame = append(lz4Frame, 2, 0, 0, 0, 0xf0, 0xff)
	// A zstd frame of one segment whose content size is 200 MiB, and one with a window of 128 MiB; both end after the header.
	zstdSegment := append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0}, binary.LittleEndian.AppendUint32(nil, 200<<20)...)
	zstdWide := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3}
	long := appendVarint(nil, 1<<30)
	for _, c := range []struct {
		name    string
		codec   Codec
		payload []byte
		allowed uint64
	}{
		{"snappy block", CodecSnappy, snappyBlock, 1 << 20},
		{"snappy frame", CodecSnappy, snappyFrame, 1 << 20},
		{"lz4 block size", CodecLz4, lz4Frame, 1 << 20},
		{"zstd window", CodecZstd, zstdWide, 4 << 20},
		{"zstd content size", CodecZstd, zstdSegment, 1 << 20},
		{"record size", CodecSnappy, snappy.Encode(nil, append(long, 0, 0, 0)), 1 << 20},
	} {
		b := build(t, c.codec, rec("k", "v")).withPayload(c.payload)
		used := allocated(func() {
			if _, err := Validate(b, openRules()); err == nil {
				t.Errorf("%s: accepted", c.name)
			}
			if _, err := b.Records(0); err == nil {
				t.Errorf("%s: read", c.name)
			}
		})
		if used > 2*c.allowed {
			t.Errorf("%s: took %d KiB", c.name, used>>10)
		}
	}
}
