package record

// plain is what validation wants of one usual record: numbers of at most three bytes, no headers. Most records are usual, and reading them in
// one pass without calls and slices halves what the walk over small records costs.
type plain struct {
	timestampDelta int64
	offsetDelta    int32
	hasKey         bool
	sizeBytes      int // with its length
}

// minPlainBytes is how much must follow for the fixed part of a usual record to be read without further checks: length and three numbers
// before the key's length, of three bytes each, the attributes, and the key's length.
const minPlainBytes = 16

// read reads a usual record at the start of b. It reports false for every other one, sound or not: the careful reader judges those.
func (p *plain) read(b []byte) bool {
	if len(b) < minPlainBytes {
		return false
	}
	length, at := tinyVarint(b, 0)
	if at == 0 {
		length, at = shortVarint(b, 0)
	}
	end := at + int(length)
	if at == 0 || length < 0 || end > len(b) {
		return false
	}
	at++ // the attributes
	timestampDelta, offsetDelta, keyBytes := int32(0), int32(0), int32(0)
	if n := uint32(b[at]) | uint32(b[at+1]) | uint32(b[at+2]); n < 0x80 { // mostly the three are of one byte
		timestampDelta, offsetDelta, keyBytes = oneByte(b[at]), oneByte(b[at+1]), oneByte(b[at+2])
		at += 3
	} else {
		if timestampDelta, at = shortVarint(b, at); at == 0 {
			return false
		}
		if offsetDelta, at = shortVarint(b, at); at == 0 {
			return false
		}
		if keyBytes, at = shortVarint(b, at); at == 0 {
			return false
		}
	}
	if keyBytes < -1 {
		return false
	}
	if p.hasKey = keyBytes >= 0; p.hasKey {
		at += int(keyBytes)
	}
	if at+3 > end { // the value's length must be readable inside the record
		return false
	}
	valueBytes, next := tinyVarint(b, at)
	if next == 0 {
		valueBytes, next = shortVarint(b, at)
	}
	if at = next; at == 0 || valueBytes < -1 {
		return false
	}
	at += int(max(valueBytes, 0))
	p.timestampDelta, p.offsetDelta, p.sizeBytes = int64(timestampDelta), offsetDelta, end
	return at+1 == end && b[at] == 0 // no headers
}

// oneByte decodes a zigzag varint of one byte.
func oneByte(b byte) int32 { return int32(b>>1) ^ -int32(b&1) }

// tinyVarint is shortVarint for at most two bytes, as most lengths have, small enough to be part of its caller.
func tinyVarint(b []byte, at int) (value int32, next int) {
	n := uint32(b[at])
	if n < 0x80 {
		return int32(n>>1) ^ -int32(n&1), at + 1
	}
	v := uint32(b[at+1])
	if v >= 0x80 {
		return 0, 0
	}
	n = n&0x7f | v<<7
	return int32(n>>1) ^ -int32(n&1), at + 2
}

// shortVarint reads a zigzag varint of at most three bytes at a position that has three, and returns the position behind it, 0 if it is
// longer.
func shortVarint(b []byte, at int) (value int32, next int) {
	n := uint32(b[at])
	if n < 0x80 {
		return int32(n>>1) ^ -int32(n&1), at + 1
	}
	v := uint32(b[at+1])
	if v < 0x80 {
		n = n&0x7f | v<<7
		return int32(n>>1) ^ -int32(n&1), at + 2
	}
	w := uint32(b[at+2])
	if w < 0x80 {
		n = n&0x7f | (v&0x7f)<<7 | w<<14
		return int32(n>>1) ^ -int32(n&1), at + 3
	}
	return 0, 0
}
