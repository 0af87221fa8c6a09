package record

import (
	"encoding/binary"
	"math/bits"
)

const (
	xxPrime1 uint32 = 2654435761
	xxPrime2 uint32 = 2246822519
	xxPrime3 uint32 = 3266489917
	xxPrime4 uint32 = 668265263
	xxPrime5 uint32 = 374761393
)

// xxHash32 is the checksum of the LZ4 frame format: xxHash of 32 bits with seed 0.
func xxHash32(b []byte) uint32 {
	size := uint32(len(b))
	le := binary.LittleEndian
	hash := xxPrime5
	if len(b) >= 16 {
		prime1 := xxPrime1
		v1, v2, v3, v4 := prime1+xxPrime2, xxPrime2, uint32(0), -prime1
		for ; len(b) >= 16; b = b[16:] {
			v1 = xxRound(v1, le.Uint32(b))
			v2 = xxRound(v2, le.Uint32(b[4:]))
			v3 = xxRound(v3, le.Uint32(b[8:]))
			v4 = xxRound(v4, le.Uint32(b[12:]))
		}
		hash = bits.RotateLeft32(v1, 1) + bits.RotateLeft32(v2, 7) + bits.RotateLeft32(v3, 12) + bits.RotateLeft32(v4, 18)
	}
	hash += size
	for ; len(b) >= 4; b = b[4:] {
		hash = bits.RotateLeft32(hash+le.Uint32(b)*xxPrime3, 17) * xxPrime4
	}
	for _, c := range b {
		hash = bits.RotateLeft32(hash+uint32(c)*xxPrime5, 11) * xxPrime1
	}
	hash = (hash ^ hash>>15) * xxPrime2
	hash = (hash ^ hash>>13) * xxPrime3
	return hash ^ hash>>16
}

func xxRound(v, input uint32) uint32 {
	return bits.RotateLeft32(v+input*xxPrime2, 13) * xxPrime1
}
