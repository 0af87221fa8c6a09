package compact

import "math"

// GroupSegment is a segment that is about to be cleaned.
type GroupSegment struct {
	Base           int64
	SizeBytes      int64
	IndexBytes     int64
	TimeIndexBytes int64
}

// Group puts neighbouring segments together of which each row becomes one segment: as many as surely fit into the size of a segment and
// of its indexes, whose entries are 32 bits wide. Each group is how many segments it has. end is where the last segment ends.
func Group(segments []GroupSegment, end, segmentBytes, indexBytes int64) (groups []int) {
	for len(segments) > 0 {
		n := groupSize(segments, end, segmentBytes, indexBytes)
		groups = append(groups, n)
		segments = segments[n:]
	}
	return groups
}

func groupSize(segments []GroupSegment, end, segmentBytes, indexBytes int64) int {
	first := segments[0]
	for n, s := range segments[1:] {
		first.SizeBytes += s.SizeBytes
		first.IndexBytes += s.IndexBytes
		first.TimeIndexBytes += s.TimeIndexBytes
		last := end - 1
		if n+2 < len(segments) {
			last = segments[n+2].Base - 1
		}
		if first.SizeBytes > segmentBytes || first.IndexBytes > indexBytes || first.TimeIndexBytes > indexBytes ||
			s.SizeBytes > 0 && last-first.Base > math.MaxInt32 {
			return n + 1
		}
	}
	return len(segments)
}
