package group

import "unicode/utf16"

// PartitionFor returns the partition of __consumer_offsets, of which there are partitionCount, that a group lives in.
func PartitionFor(groupID string, partitionCount int32) int32 {
	hash := javaHash(groupID)
	if hash < 0 {
		hash = -hash
	}
	if hash < 0 { // -2^31 has no positive counterpart
		hash = 0
	}
	return hash % partitionCount
}

// javaHash is Java's String.hashCode. Kafka derives the partition of a group from it, so clients and data depend on it.
func javaHash(s string) int32 {
	var hash int32
	for _, r := range s {
		if r1, r2 := utf16.EncodeRune(r); r1 != '\uFFFD' {
			hash = 31*(31*hash+r1) + r2
			continue
		}
		hash = 31*hash + r
	}
	return hash
}

// utf16Len is Java's String.length, in which Kafka's limits for strings are meant.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
