package load

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/record"
)

// Where fields of a batch are.
const (
	batchCRC      = 17
	batchCRCFrom  = 21
	batchProducer = 43
	batchSequence = 53
)

// Shape is what the requests of a load look like.
type Shape struct {
	RecordBytes          int `json:"recordBytes"` // of a record's value
	KeyBytes             int `json:"keyBytes,omitempty"`
	BatchBytes           int `json:"batchBytes"` // without compression; at least one record
	Partitions           int `json:"partitions"`
	PartitionsPerRequest int `json:"partitionsPerRequest"`
	// Codec compresses the batches.
	Codec record.Codec `json:"codec,omitempty"`
}

// frame is a Produce request that is ready to be sent.
type frame struct {
	bytes    []byte
	payload  int // bytes of batches in it
	records  int // in each of its batches
	batch    int // size of the last batch, which ends the frame
	sequence int32
}

// frame builds request number n of a load: with as many batches as PartitionsPerRequest, for partitions that follow those of
// request n-1.
func (s Shape) frame(topic string, n int, acks int16) (*frame, error) {
	request := kmsg.NewPtrProduceRequest()
	request.Version, request.Acks, request.TimeoutMillis = 8, acks, int32(patience/time.Millisecond)
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	f := &frame{}
	for i := range s.PartitionsPerRequest {
		batch, records, err := s.batch(uint64(n*s.PartitionsPerRequest + i))
		if err != nil {
			return nil, err
		}
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = int32((n*s.PartitionsPerRequest+i)%s.Partitions), batch
		t.Partitions = append(t.Partitions, p)
		f.payload, f.records, f.batch = f.payload+len(batch), records, len(batch)
	}
	request.Topics = append(request.Topics, t)
	f.bytes = kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)).AppendRequest(nil, request, 1)
	return f, nil
}

// batch builds one batch of random words, which compress as text does.
func (s Shape) batch(seed uint64) (record.Batch, int, error) {
	rng := newRand(seed)
	b := record.NewBuilder(s.Codec)
	now := time.Now().UnixMilli()
	for b.NumRecords() == 0 || b.Size()+s.RecordBytes+s.KeyBytes+12 <= s.BatchBytes {
		r := record.Record{Timestamp: now, Value: words(rng, s.RecordBytes)}
		if s.KeyBytes > 0 {
			r.Key = fmt.Appendf(nil, "%0*d", s.KeyBytes, rng.Uint32())[:s.KeyBytes]
		}
		if err := b.Append(&r); err != nil {
			return nil, 0, err
		}
	}
	batch, err := b.Build()
	return batch, b.NumRecords(), err
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// words returns n bytes of words from a small vocabulary and numbers in between.
func words(rng *rand.Rand, n int) []byte {
	vocabulary := [...]string{"order", "customer", "created", "payment", "shipped", "street", "amount", "currency", "warehouse", "priority", "status", "pending"}
	var out []byte
	for len(out) < n {
		out = fmt.Appendf(out, "%s=%d;", vocabulary[rng.IntN(len(vocabulary))], rng.Uint32())
	}
	return out[:n]
}

// number makes the frame, which has one batch, the next one of an idempotent producer.
func (f *frame) number(producer int64, epoch int16) {
	b := f.bytes[len(f.bytes)-f.batch:]
	be := binary.BigEndian
	be.PutUint64(b[batchProducer:], uint64(producer))
	be.PutUint16(b[batchProducer+8:], uint16(epoch))
	be.PutUint32(b[batchSequence:], uint32(f.sequence))
	be.PutUint32(b[batchCRC:], crc32.Checksum(b[batchCRCFrom:], castagnoli))
	f.sequence += int32(f.records)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// WriteLog writes a log segment with batches of the shape, at least so many bytes, for the floor to serve: one write for each batch, as logs
// are written. Written at once, the file would have larger pieces in the page cache, which are sent with less work.
func (s Shape) WriteLog(to io.Writer, bytes int64) error {
	batch, records, err := s.batch(0)
	if err != nil {
		return err
	}
	for offset, written := int64(0), int64(0); written < bytes; offset += int64(records) {
		batch.SetBaseOffset(offset)
		batch.SetPartitionLeaderEpoch(0)
		if _, err := to.Write(batch); err != nil {
			return err
		}
		written += int64(len(batch))
	}
	return nil
}
