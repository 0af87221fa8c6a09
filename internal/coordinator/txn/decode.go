package txn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// decodeValue reads the value of a record, by Kafka's schema TransactionLogValue v0 or v1. It is done by hand because
// kmsg takes the counts in it at their word, whatever the value has room for.
func decodeValue(b []byte) (*metadata, error) {
	version, err := leadingVersion(b)
	if err != nil {
		return nil, fmt.Errorf("value of a transaction: %w", err)
	}
	if version < 0 || version > maxValueVersion {
		return nil, errUnknownVersion
	}
	md := &metadata{previousProducerID: noProducerID, nextProducerID: noProducerID, lastProducerEpoch: noProducerEpoch}
	r := &valueReader{left: b[2:], flexible: version >= 1}
	md.producerID = r.int64()
	md.producerEpoch = r.int16()
	md.timeoutMs = r.int32()
	md.state = State(r.int8())
	md.topics = r.topics()
	md.updatedMs = r.int64()
	md.startMs = r.int64()
	r.tags(func(tag uint64, value *valueReader) {
		switch tag {
		case 0:
			md.previousProducerID = value.int64()
		case 1:
			md.nextProducerID = value.int64()
		case 2:
			md.clientVersion = value.int16()
		}
	})
	switch {
	case r.err != nil:
		return nil, fmt.Errorf("value of a transaction: %w", r.err)
	case !md.state.valid():
		return nil, fmt.Errorf("value of a transaction: there is no state %d", md.state)
	case md.state == Empty:
		md.topics = nil
	}
	return md, nil
}

// valueReader reads the fields of a value. After the first error it gives zeros.
type valueReader struct {
	left     []byte
	flexible bool
	err      error
}

var errTooShort = errors.New("it ends too early")

func (r *valueReader) take(n uint64) []byte {
	if r.err == nil && n > uint64(len(r.left)) {
		r.err = errTooShort
	}
	if r.err != nil {
		return make([]byte, min(n, 8))
	}
	taken := r.left[:n]
	r.left = r.left[n:]
	return taken
}

func (r *valueReader) int8() int8   { return int8(r.take(1)[0]) }
func (r *valueReader) int16() int16 { return int16(binary.BigEndian.Uint16(r.take(2))) }
func (r *valueReader) int32() int32 { return int32(binary.BigEndian.Uint32(r.take(4))) }
func (r *valueReader) int64() int64 { return int64(binary.BigEndian.Uint64(r.take(8))) }

func (r *valueReader) uvarint() uint64 {
	n, size := binary.Uvarint(r.left)
	if size <= 0 {
		r.err = r.tooShort()
		return 0
	}
	r.take(uint64(size))
	return n
}

// tooShort is the first error, or that the value ends too early.
func (r *valueReader) tooShort() error {
	if r.err != nil {
		return r.err
	}
	return errTooShort
}

// count reads the length of an array whose elements take at least elementBytes; null is one without elements.
func (r *valueReader) count(elementBytes int) int {
	var n int64
	if r.flexible {
		n = int64(r.uvarint()) - 1
	} else {
		n = int64(r.int32())
	}
	if r.err == nil && n > int64(len(r.left)/elementBytes) {
		r.err = errTooShort
	}
	if r.err != nil || n < 0 {
		return 0
	}
	return int(n)
}

func (r *valueReader) string() string {
	if !r.flexible {
		n := r.int16()
		if n < 0 {
			r.err = r.tooShort()
			return ""
		}
		return string(r.take(uint64(n)))
	}
	n := r.uvarint()
	if n == 0 {
		r.err = r.tooShort()
		return ""
	}
	return string(r.take(n - 1))
}

func (r *valueReader) topics() (topics []TopicPartitions) {
	count := r.count(2)
	places := newTopicPlaces(nil, count)
	for range count {
		name := r.string()
		partitions := make([]int32, r.count(4))
		for i := range partitions {
			partitions[i] = r.int32()
		}
		r.tags(func(uint64, *valueReader) {})
		if r.err != nil {
			return nil
		}
		topics = merge(topics, places, name, partitions)
	}
	return topics
}

// tags reads the tagged fields, where the version has them.
func (r *valueReader) tags(field func(tag uint64, value *valueReader)) {
	if !r.flexible {
		return
	}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		tag := r.uvarint()
		value := &valueReader{left: r.take(r.uvarint()), flexible: true}
		if r.err == nil {
			field(tag, value)
			r.err = value.err
		}
	}
}

// merge adds partitions of a topic, which no coordinator writes twice, but somebody else may.
func merge(topics []TopicPartitions, places topicPlaces, topic string, partitions []int32) []TopicPartitions {
	if len(partitions) == 0 {
		return topics
	}
	if i := places.find(topics, topic); i >= 0 {
		for _, p := range partitions {
			if !slices.Contains(topics[i].Partitions, p) {
				topics[i].Partitions = append(topics[i].Partitions, p)
			}
		}
		return topics
	}
	places.added(topic, len(topics))
	return append(topics, TopicPartitions{Topic: topic, Partitions: partitions})
}
