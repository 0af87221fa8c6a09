package protocol

import (
	"encoding/binary"
	"fmt"
)

// ProduceRequest is a decoded Produce request, versions 3 to 13. It is reused from request to request; its byte fields
// alias the frame, and the records are changed in place when offsets are assigned.
type ProduceRequest struct {
	TransactionalID []byte
	Transactional   bool // TransactionalID is not null
	Acks            int16
	TimeoutMs       int32
	Topics          []ProduceTopic
	partitions      []ProducePartition // backs Topics[i].Partitions
}

// ProduceTopic is one topic of a Produce request: by name up to version 12, by id from version 13 (KIP-516).
type ProduceTopic struct {
	Name       []byte
	ID         [16]byte
	Partitions []ProducePartition
}

// ProducePartition is the records for one partition, and, filled by the handler, what became of them.
type ProducePartition struct {
	Index   int32
	Records []byte // nil for null

	Code           Code
	ErrorMessage   string // "" is sent as null
	BaseOffset     int64
	LogAppendMs    int64
	LogStartOffset int64
	RecordErrors   []ProduceRecordError
	// LeaderID and LeaderEpoch name the current leader beside NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH (KIP-951). Not sent when
	// LeaderID is -1.
	LeaderID    int32
	LeaderEpoch int32
}

// ProduceRecordError says which record of a batch was refused (KIP-467).
type ProduceRecordError struct {
	BatchIndex int32
	Message    string
}

// Decode reads the body of a request of the given version into p, reusing its memory.
func (p *ProduceRequest) Decode(body []byte, version int16) error {
	flexible := version >= 9
	r := reader{b: body}
	p.Topics, p.partitions = p.Topics[:0], p.partitions[:0]
	p.TransactionalID, p.Transactional = r.nullableString(flexible)
	p.Acks = r.int16()
	p.TimeoutMs = r.int32()
	minTopic := 6
	if flexible {
		minTopic = 3
	}
	for n := r.arrayLen(flexible, minTopic); n > 0 && r.err == nil; n-- {
		var t ProduceTopic
		if version >= 13 {
			t.ID = r.uuid()
		} else {
			t.Name, _ = r.nullableString(flexible)
		}
		start := len(p.partitions)
		for m := r.arrayLen(flexible, 6); m > 0 && r.err == nil; m-- {
			part := ProducePartition{Index: r.int32(), BaseOffset: -1, LogAppendMs: -1, LogStartOffset: -1, LeaderID: -1}
			part.Records, _ = r.nullableBytes(flexible)
			if flexible {
				r.tags(nil)
			}
			p.partitions = append(p.partitions, part)
		}
		if flexible {
			r.tags(nil)
		}
		t.Partitions = p.partitions[start:] // fixed up below, when p.partitions no longer moves
		p.Topics = append(p.Topics, t)
	}
	if flexible {
		r.tags(nil)
	}
	if r.err != nil {
		return fmt.Errorf("produce request version %d: %w", version, r.err)
	}
	at := 0
	for i := range p.Topics {
		n := len(p.Topics[i].Partitions)
		p.Topics[i].Partitions = p.partitions[at : at+n : at+n]
		at += n
	}
	return nil
}

// AppendResponse appends the body of the response, from what the handler wrote into the partitions.
func (p *ProduceRequest) AppendResponse(dst []byte, version int16, throttleMs int32, endpoints []NodeEndpoint) []byte {
	flexible := version >= 9
	w := writer{b: dst, flexible: flexible}
	topics := 0
	for i := range p.Topics {
		if len(p.Topics[i].Partitions) > 0 {
			topics++
		}
	}
	w.arrayLen(topics)
	for i := range p.Topics {
		t := &p.Topics[i]
		if len(t.Partitions) == 0 {
			continue
		}
		if version >= 13 {
			w.uuid(t.ID)
		} else {
			w.stringBytes(t.Name)
		}
		w.arrayLen(len(t.Partitions))
		for j := range t.Partitions {
			t.Partitions[j].appendResponse(&w, version)
		}
		w.noTags()
	}
	if version >= 1 {
		w.int32(throttleMs)
	}
	if version >= 10 {
		w.nodeEndpoints(endpoints)
	} else {
		w.noTags()
	}
	return w.b
}

func (p *ProducePartition) appendResponse(w *writer, version int16) {
	b := binary.BigEndian.AppendUint32(w.b, uint32(p.Index))
	b = binary.BigEndian.AppendUint16(b, uint16(p.Code))
	b = binary.BigEndian.AppendUint64(b, uint64(p.BaseOffset))
	if version >= 2 {
		b = binary.BigEndian.AppendUint64(b, uint64(p.LogAppendMs))
	}
	if version >= 5 {
		b = binary.BigEndian.AppendUint64(b, uint64(p.LogStartOffset))
	}
	w.b = b
	if version >= 8 {
		w.arrayLen(len(p.RecordErrors))
		for _, e := range p.RecordErrors {
			w.int32(e.BatchIndex)
			w.nullableString(e.Message)
			w.noTags()
		}
		w.nullableString(p.ErrorMessage)
	}
	if version >= 10 && p.LeaderID >= 0 {
		w.uvarint(1)
		w.currentLeader(0, p.LeaderID, p.LeaderEpoch)
		return
	}
	w.noTags()
}

// Forget drops what the request refers to, so that a pooled one keeps no frame alive.
func (p *ProduceRequest) Forget() {
	clear(p.Topics[:cap(p.Topics)])
	clear(p.partitions[:cap(p.partitions)])
	p.Topics, p.partitions, p.TransactionalID = p.Topics[:0], p.partitions[:0], nil
}
