package protocol

import "fmt"

// FetchRequest is a decoded Fetch request, versions 4 to 18. It is reused from request to request; its byte fields alias the frame.
type FetchRequest struct {
	ReplicaID    int32 // -1: a consumer
	ReplicaEpoch int64
	MaxWaitMs    int32
	MinBytes     int32
	MaxBytes     int32
	Isolation    int8  // 1: read_committed
	SessionID    int32 // KIP-227; 0 without a session
	SessionEpoch int32 // -1 before version 7
	Topics       []FetchTopic
	Forgotten    []ForgottenTopic
	RackID       []byte
	ClusterID    []byte // nil when not sent

	partitions []FetchPartition
	forgotten  []int32
}

// FetchTopic is one topic of a Fetch request: by name up to version 12, by id from version 13.
type FetchTopic struct {
	Name       []byte
	ID         [16]byte
	Partitions []FetchPartition
}

// FetchPartition says from where to read one partition.
type FetchPartition struct {
	Index              int32
	CurrentLeaderEpoch int32 // -1: unknown to the client
	FetchOffset        int64
	LastFetchedEpoch   int32 // -1: none
	LogStartOffset     int64 // of a follower; -1
	MaxBytes           int32
}

// ForgottenTopic names partitions to drop from a fetch session.
type ForgottenTopic struct {
	Name       []byte
	ID         [16]byte
	Partitions []int32
}

// Decode reads the body of a request of the given version into f, reusing its memory.
func (f *FetchRequest) Decode(body []byte, version int16) error {
	flexible := version >= 12
	r := reader{b: body}
	*f = FetchRequest{
		ReplicaID: -1, ReplicaEpoch: -1, SessionEpoch: -1,
		Topics: f.Topics[:0], Forgotten: f.Forgotten[:0], partitions: f.partitions[:0], forgotten: f.forgotten[:0],
	}
	if version <= 14 {
		f.ReplicaID = r.int32()
	}
	f.MaxWaitMs, f.MinBytes, f.MaxBytes = r.int32(), r.int32(), r.int32()
	f.Isolation = r.int8()
	if version >= 7 {
		f.SessionID, f.SessionEpoch = r.int32(), r.int32()
	}
	for n := r.arrayLen(flexible, 3); n > 0 && r.err == nil; n-- {
		f.decodeTopic(&r, version)
	}
	if version >= 7 {
		for n := r.arrayLen(flexible, 3); n > 0 && r.err == nil; n-- {
			f.decodeForgotten(&r, version)
		}
	}
	if version >= 11 {
		f.RackID, _ = r.nullableString(flexible)
	}
	if flexible {
		r.tags(func(tag uint32, v *reader) {
			switch {
			case tag == 0:
				f.ClusterID, _ = v.nullableString(true)
			case tag == 1 && version >= 15:
				f.ReplicaID, f.ReplicaEpoch = v.int32(), v.int64()
				v.tags(nil)
			}
		})
	}
	if r.err != nil {
		return fmt.Errorf("fetch request version %d: %w", version, r.err)
	}
	f.fixSlices()
	return nil
}

func (f *FetchRequest) decodeTopic(r *reader, version int16) {
	flexible := version >= 12
	var t FetchTopic
	if version >= 13 {
		t.ID = r.uuid()
	} else {
		t.Name, _ = r.nullableString(flexible)
	}
	start := len(f.partitions)
	for m := r.arrayLen(flexible, 16); m > 0 && r.err == nil; m-- {
		p := FetchPartition{Index: r.int32(), CurrentLeaderEpoch: -1, LastFetchedEpoch: -1, LogStartOffset: -1}
		if version >= 9 {
			p.CurrentLeaderEpoch = r.int32()
		}
		p.FetchOffset = r.int64()
		if version >= 12 {
			p.LastFetchedEpoch = r.int32()
		}
		if version >= 5 {
			p.LogStartOffset = r.int64()
		}
		p.MaxBytes = r.int32()
		if flexible {
			r.tags(nil) // a replica's directory and high watermark: for followers, which read through another way
		}
		f.partitions = append(f.partitions, p)
	}
	if flexible {
		r.tags(nil)
	}
	t.Partitions = f.partitions[start:]
	f.Topics = append(f.Topics, t)
}

func (f *FetchRequest) decodeForgotten(r *reader, version int16) {
	flexible := version >= 12
	var t ForgottenTopic
	if version >= 13 {
		t.ID = r.uuid()
	} else {
		t.Name, _ = r.nullableString(flexible)
	}
	start := len(f.forgotten)
	for m := r.arrayLen(flexible, 4); m > 0 && r.err == nil; m-- {
		f.forgotten = append(f.forgotten, r.int32())
	}
	if flexible {
		r.tags(nil)
	}
	t.Partitions = f.forgotten[start:]
	f.Forgotten = append(f.Forgotten, t)
}

// fixSlices points the topics at the arrays that back them, which may have moved while they grew.
func (f *FetchRequest) fixSlices() {
	at := 0
	for i := range f.Topics {
		n := len(f.Topics[i].Partitions)
		f.Topics[i].Partitions = f.partitions[at : at+n : at+n]
		at += n
	}
	at = 0
	for i := range f.Forgotten {
		n := len(f.Forgotten[i].Partitions)
		f.Forgotten[i].Partitions = f.forgotten[at : at+n : at+n]
		at += n
	}
}

// FetchResponseHead is what stands before the topics of a Fetch response.
type FetchResponseHead struct {
	ThrottleMs int32
	Code       Code // of the session
	SessionID  int32
	Topics     int
}

// FetchPartitionHead is what stands before the records of one partition of a Fetch response.
type FetchPartitionHead struct {
	Index            int32
	Code             Code
	HighWatermark    int64
	LastStableOffset int64
	LogStartOffset   int64
	RecordsSize      int // bytes that follow; -1 for null
	// Committed writes the list of aborted transactions also when there are none, as answers to read_committed have it, instead of null.
	Committed bool
	Aborted   []AbortedTransaction
	// DivergingEpoch and DivergingEndOffset tell a follower or consumer where its log parts from the leader's (KIP-595); not sent
	// when the end offset is negative.
	DivergingEpoch     int32
	DivergingEndOffset int64
	LeaderID           int32 // not sent when negative (KIP-951)
	LeaderEpoch        int32
}

// AbortedTransaction tells a reader that is to see committed records only that those of the producer from the offset on, up to its next
// marker, were not.
type AbortedTransaction struct {
	ProducerID  int64
	FirstOffset int64
}

// FetchResponseWriter appends the parts of a Fetch response's body; the records are written between a partition's head and tail.
type FetchResponseWriter struct {
	w       writer
	version int16
}

// NewFetchResponseWriter starts a body at the end of dst.
func NewFetchResponseWriter(dst []byte, version int16) FetchResponseWriter {
	return FetchResponseWriter{w: writer{b: dst, flexible: version >= 12}, version: version}
}

// Bytes returns what has been written, dst included.
func (f *FetchResponseWriter) Bytes() []byte { return f.w.b }

// Head writes the beginning of the body.
func (f *FetchResponseWriter) Head(h FetchResponseHead) {
	f.w.int32(h.ThrottleMs)
	if f.version >= 7 {
		f.w.int16(int16(h.Code))
		f.w.int32(h.SessionID)
	}
	f.w.arrayLen(h.Topics)
}

// Topic begins a topic with its number of partitions.
func (f *FetchResponseWriter) Topic(name []byte, id [16]byte, partitions int) {
	if f.version >= 13 {
		f.w.uuid(id)
	} else {
		f.w.stringBytes(name)
	}
	f.w.arrayLen(partitions)
}

// Partition writes everything of a partition up to its records.
func (f *FetchResponseWriter) Partition(p FetchPartitionHead) {
	w := &f.w
	w.int32(p.Index)
	w.int16(int16(p.Code))
	w.int64(p.HighWatermark)
	w.int64(p.LastStableOffset)
	if f.version >= 5 {
		w.int64(p.LogStartOffset)
	}
	w.abortedTransactions(p)
	if f.version >= 11 {
		w.int32(-1) // preferred read replica
	}
	w.length(p.RecordsSize, true)
}

func (w *writer) abortedTransactions(p FetchPartitionHead) {
	if !p.Committed {
		w.length(-1, true)
		return
	}
	w.length(len(p.Aborted), true)
	for _, a := range p.Aborted {
		w.int64(a.ProducerID)
		w.int64(a.FirstOffset)
		w.noTags()
	}
}

// EndPartition writes what follows a partition's records.
func (f *FetchResponseWriter) EndPartition(p FetchPartitionHead) {
	w := &f.w
	if f.version < 12 {
		return
	}
	diverging, leader := p.DivergingEndOffset >= 0, p.LeaderID >= 0
	tags := uint32(0)
	if diverging {
		tags++
	}
	if leader {
		tags++
	}
	w.uvarint(tags)
	if diverging {
		w.uvarint(0)
		w.uvarint(13)
		w.int32(p.DivergingEpoch)
		w.int64(p.DivergingEndOffset)
		w.noTags()
	}
	if leader {
		w.currentLeader(1, p.LeaderID, p.LeaderEpoch)
	}
}

// EndTopic ends a topic.
func (f *FetchResponseWriter) EndTopic() { f.w.noTags() }

// End ends the body.
func (f *FetchResponseWriter) End(endpoints []NodeEndpoint) {
	if f.version >= 16 {
		f.w.nodeEndpoints(endpoints)
		return
	}
	f.w.noTags()
}
