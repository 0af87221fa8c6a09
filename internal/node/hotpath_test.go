package node_test

import (
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/record"
)

// rawConn sends prepared frames and reads answers into one buffer, so that what it allocates does not blur what the node does.
type rawConn struct {
	t    testing.TB
	conn net.Conn
	buf  []byte
}

func dialRaw(t testing.TB, address string) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &rawConn{t: t, conn: conn, buf: make([]byte, 4<<20)}
}

func (c *rawConn) roundTrip(frame []byte) []byte {
	if _, err := c.conn.Write(frame); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.ReadFull(c.conn, c.buf[:4]); err != nil {
		c.t.Fatal(err)
	}
	n := binary.BigEndian.Uint32(c.buf)
	if _, err := io.ReadFull(c.conn, c.buf[4:4+n]); err != nil {
		c.t.Fatal(err)
	}
	return c.buf[4 : 4+n]
}

func frameOf(req kmsg.Request, version int16) []byte {
	req.SetVersion(version)
	b := kmsg.NewRequestFormatter(kmsg.FormatterClientID("hot")).AppendRequest(nil, req, 1)
	return b
}

func produceFrame(t testing.TB, topic string, records, valueBytes int) []byte {
	t.Helper()
	b := record.NewBuilder(record.CodecNone)
	for range records {
		if err := b.Append(&record.Record{Timestamp: 1, Value: make([]byte, valueBytes)}); err != nil {
			t.Fatal(err)
		}
	}
	batch, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 1000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = batch
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return frameOf(req, 9)
}

func fetchFrame(topic string, offset int64, maxBytes int32, isolation int8) []byte {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxBytes, req.SessionEpoch, req.IsolationLevel = -1, maxBytes, -1, isolation
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.FetchOffset, rp.PartitionMaxBytes, rp.CurrentLeaderEpoch = offset, maxBytes, -1
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return frameOf(req, 12)
}

// hotNode is a node with one topic of one partition.
func hotNode(t *testing.T) *rawConn {
	b := start(t, t.TempDir(), nil)
	c := dialRaw(t, b.Addr())
	create := kmsg.NewPtrMetadataRequest()
	name := "hot"
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = &name
	create.Topics, create.AllowAutoTopicCreation = append(create.Topics, topic), true
	c.roundTrip(frameOf(create, 9))
	return c
}

// allocationsPerRequest is what the whole process allocates for one request, background work included.
func allocationsPerRequest(c *rawConn, frame []byte) float64 {
	return allocationsOf(func() { c.roundTrip(frame) })
}

func allocationsOf(roundTrip func()) float64 {
	const n = 3000
	for range 200 {
		roundTrip()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		roundTrip()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / n
}

func TestHotPathsAllocateLittlePerRequestAndNothingPerRecord(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector allocates too")
	}
	c := hotNode(t)
	// One for the request's place in the queue, and what the runtime's timers and the background work add.
	const limit = 4
	for _, test := range []struct {
		name  string
		frame []byte
	}{
		{"produce of 1 record", produceFrame(t, "hot", 1, 100)},
		{"produce of 500 records", produceFrame(t, "hot", 500, 100)},
		{"fetch of small batches", fetchFrame("hot", 0, 10_000, 0)},
		{"fetch with sendfile", fetchFrame("hot", 0, 1<<20, 0)},
		{"committed fetch without transactions", fetchFrame("hot", 0, 10_000, 1)},
	} {
		if got := allocationsPerRequest(c, test.frame); got > limit {
			t.Errorf("%s: %.1f allocations, at most %d are allowed", test.name, got, limit)
		} else {
			t.Logf("%s: %.2f allocations", test.name, got)
		}
	}
}

// TestShortWaitsWhileRecordsArrive has the end of a fetch's wait coincide with an arrival, thousands of times.
func TestShortWaitsWhileRecordsArrive(t *testing.T) {
	const readers, n = 4, 4000
	writer := hotNode(t)
	frame := produceFrame(t, "hot", 1, 10)
	writer.roundTrip(frame)
	address := writer.conn.RemoteAddr().String()
	var group sync.WaitGroup
	for range readers {
		c := dialRaw(t, address)
		group.Go(func() {
			req := kmsg.NewPtrFetchRequest()
			req.ReplicaID, req.MaxBytes, req.SessionEpoch, req.MaxWaitMillis, req.MinBytes = -1, 1<<20, -1, 1, 1
			rp := kmsg.NewFetchRequestTopicPartition()
			rp.PartitionMaxBytes, rp.CurrentLeaderEpoch = 1<<20, -1
			req.Topics = []kmsg.FetchRequestTopic{{Topic: "hot", Partitions: []kmsg.FetchRequestTopicPartition{rp}}}
			for offset := int64(0); offset < n; {
				req.Topics[0].Partitions[0].FetchOffset = offset
				answer := c.roundTrip(frameOf(req, 11))
				resp := kmsg.NewPtrFetchResponse()
				resp.SetVersion(11)
				if err := resp.ReadFrom(answer[4:]); err != nil {
					t.Error(err)
					return
				}
				part := resp.Topics[0].Partitions[0]
				if part.ErrorCode != 0 || part.HighWatermark < offset {
					t.Errorf("at offset %d: code %d, high watermark %d", offset, part.ErrorCode, part.HighWatermark)
					return
				}
				for rest := part.RecordBatches; len(rest) > 0; {
					batch, left, err := record.Next(rest)
					if err != nil {
						t.Error(err)
						return
					}
					if batch.BaseOffset() != offset {
						t.Errorf("offset %d follows %d", batch.BaseOffset(), offset)
						return
					}
					offset, rest = batch.NextOffset(), left
				}
			}
		})
	}
	for range n {
		writer.roundTrip(frame)
	}
	group.Wait()
}
