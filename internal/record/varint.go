package record

import "math/bits"

// The records' numbers are zigzag varints of at most 5 bytes (int32) or 10 bytes (int64), as in protocol buffers. Each
// reader returns the number and how many bytes it took; 0 bytes means that b ends inside the number, -1 that it is too long.
// Like Kafka's, they take an overlong form of a small number, and drop bits beyond the width from the last byte.

// Nearly all numbers in records are of one or two bytes, which the first lines of each reader are for.
func varint32(b []byte) (value int32, size int) {
	if len(b) >= 2 {
		u := uint32(b[0])
		if u < 0x80 {
			return int32(u>>1) ^ -int32(u&1), 1
		}
		if b[1] < 0x80 {
			u = u&0x7f | uint32(b[1])<<7
			return int32(u>>1) ^ -int32(u&1), 2
		}
	}
	var u uint32
	for i := 0; i < 5; i++ {
		if i >= len(b) {
			return 0, 0
		}
		c := b[i]
		u |= uint32(c&0x7f) << (7 * i)
		if c < 0x80 {
			return int32(u>>1) ^ -int32(u&1), i + 1
		}
	}
	return 0, -1
}

func varint64(b []byte) (value int64, size int) {
	if len(b) >= 2 {
		u := uint64(b[0])
		if u < 0x80 {
			return int64(u>>1) ^ -int64(u&1), 1
		}
		if b[1] < 0x80 {
			u = u&0x7f | uint64(b[1])<<7
			return int64(u>>1) ^ -int64(u&1), 2
		}
	}
	var u uint64
	for i := 0; i < 10; i++ {
		if i >= len(b) {
			return 0, 0
		}
		c := b[i]
		u |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return int64(u>>1) ^ -int64(u&1), i + 1
		}
	}
	return 0, -1
}

func appendVarint(b []byte, value int64) []byte {
	u := uint64(value<<1) ^ uint64(value>>63)
	for u >= 0x80 {
		b = append(b, byte(u)|0x80)
		u >>= 7
	}
	return append(b, byte(u))
}

func sizeOfVarint(value int64) int {
	u := uint64(value<<1) ^ uint64(value>>63)
	return (bits.Len64(u|1) + 6) / 7
}
