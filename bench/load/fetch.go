package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"
)

// Fetch is a load that reads partitions from their beginning to their end and throws the records away.
type Fetch struct {
	Partitions        int `json:"partitions"`
	Consumers         int `json:"consumers"` // connections at a time, each of which reads everything
	Passes            int `json:"passes"`    // how many connections, one after another, each of these is; 0: one
	MaxBytes          int `json:"maxBytes"`  // of an answer
	MaxPartitionBytes int `json:"maxPartitionBytes"`
}

// Run fetches.
func (l Fetch) Run(ctx context.Context, addr, topic string) (Done, error) {
	var total atomic.Int64
	started := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range l.Consumers {
		group.Go(func() error {
			for range max(1, l.Passes) {
				if err := l.pass(ctx, addr, topic, &total); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return Done{Bytes: total.Load(), Elapsed: time.Since(started)}, err
}

// pass reads everything once, over a connection of its own.
func (l Fetch) pass(ctx context.Context, addr, topic string, total *atomic.Int64) error {
	c, err := Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer c.Close()
	defer c.closeWith(ctx)()
	r := newReader(c, topic, l)
	for !r.atEnd() {
		n, err := r.fetch()
		if err != nil {
			return err
		}
		total.Add(n)
	}
	return nil
}

// Sizes of the end of a Fetch request of version 11, which stays the same but for the offsets.
const (
	fetchPartitionBytes = 28
	fetchOffsetAt       = 8 // in a partition
	fetchTailBytes      = 6 // no forgotten topics, no rack
)

// reader reads the partitions of one topic.
type reader struct {
	conn   *Conn
	frame  []byte
	next   []int64 // offset by partition
	end    []int64 // high watermark by partition, as last told
	onRead func(partition int32, next int64)
}

func newReader(c *Conn, topic string, l Fetch) *reader {
	request := kmsg.NewPtrFetchRequest()
	request.Version, request.MaxWaitMillis, request.MinBytes, request.MaxBytes = 11, 500, 1, int32(l.MaxBytes)
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	r := &reader{conn: c, next: make([]int64, l.Partitions), end: make([]int64, l.Partitions)}
	for i := range l.Partitions {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.CurrentLeaderEpoch, p.PartitionMaxBytes = int32(i), -1, int32(l.MaxPartitionBytes)
		t.Partitions = append(t.Partitions, p)
		r.end[i] = math.MaxInt64
	}
	request.Topics = append(request.Topics, t)
	r.frame = kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)).AppendRequest(nil, request, 1)
	return r
}

func (r *reader) atEnd() bool {
	for i := range r.next {
		if r.next[i] < r.end[i] {
			return false
		}
	}
	return true
}

// fetch sends one request and returns how many bytes of whole batches came.
func (r *reader) fetch() (int64, error) {
	if err := r.send(); err != nil {
		return 0, err
	}
	return r.receive()
}

func (r *reader) send() error {
	at := len(r.frame) - fetchTailBytes - len(r.next)*fetchPartitionBytes + fetchOffsetAt
	for _, next := range r.next {
		binary.BigEndian.PutUint64(r.frame[at:], uint64(next))
		at += fetchPartitionBytes
	}
	return r.conn.write(r.frame)
}

func (r *reader) receive() (int64, error) {
	b, err := r.conn.read()
	if err != nil {
		return 0, err
	}
	be := binary.BigEndian
	if len(b) < 14 {
		return 0, errShort
	}
	if err := kerr.ErrorForCode(int16(be.Uint16(b[4:]))); err != nil {
		return 0, fmt.Errorf("fetch: %w", err)
	}
	topics := int(be.Uint32(b[10:]))
	at, total := 14, int64(0)
	for ; topics > 0; topics-- {
		if len(b)-at < 2 {
			return 0, errShort
		}
		if at += 2 + int(be.Uint16(b[at:])); len(b)-at < 4 {
			return 0, errShort
		}
		partitions := int(be.Uint32(b[at:]))
		for at += 4; partitions > 0; partitions-- {
			n, whole, err := r.partition(b[at:])
			if err != nil {
				return 0, err
			}
			at, total = at+n, total+whole
		}
	}
	return total, nil
}

// partition takes in one partition of the answer and returns its size and how much of it is whole batches.
func (r *reader) partition(b []byte) (size int, whole int64, err error) {
	const fixed = 4 + 2 + 8 + 8 + 8
	be := binary.BigEndian
	if len(b) < fixed+4 {
		return 0, 0, errShort
	}
	index, code := int(be.Uint32(b)), int16(be.Uint16(b[4:]))
	if code != 0 || index >= len(r.next) {
		return 0, 0, fmt.Errorf("fetch from partition %d: %w", index, kerr.ErrorForCode(code))
	}
	r.end[index] = int64(be.Uint64(b[6:]))
	at := fixed + 4 + 16*max(0, int(int32(be.Uint32(b[fixed:])))) + 4 // aborted transactions, preferred replica
	if len(b) < at+4 {
		return 0, 0, errShort
	}
	n := max(0, int(int32(be.Uint32(b[at:]))))
	if at += 4; len(b)-at < n {
		return 0, 0, errShort
	}
	batches := b[at : at+n]
	for len(batches) >= 27 {
		length := 12 + int(be.Uint32(batches[8:]))
		if length > len(batches) {
			break
		}
		r.next[index] = int64(be.Uint64(batches)) + int64(be.Uint32(batches[23:])) + 1
		batches, whole = batches[length:], whole+int64(length)
	}
	if whole == 0 && n > 0 {
		return 0, 0, fmt.Errorf("fetch from partition %d: %d bytes and no whole batch", index, n)
	}
	if whole > 0 && r.onRead != nil {
		r.onRead(int32(index), r.next[index])
	}
	return at + n, whole, nil
}
