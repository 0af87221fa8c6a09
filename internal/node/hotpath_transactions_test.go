package node_test

import (
	"encoding/binary"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// hotTransaction is a producer that writes the same batches of one long transaction over and over, with the sequence put where it belongs.
type hotTransaction struct {
	c        *rawConn
	frame    []byte
	batch    int // where the batch stands in the frame
	records  int
	sequence int32
	producer *kmsg.InitProducerIDResponse
}

const hotID = "hot-transaction"

func newHotTransaction(t *testing.T, c *rawConn, address string, records int, version int16) *hotTransaction {
	t.Helper()
	a, id := attack(t, address), hotID
	init := beginAs(t, a, id)
	b := record.NewBuilder(record.CodecNone)
	b.ProducerID, b.ProducerEpoch, b.Transactional = init.ProducerID, init.ProducerEpoch, true
	for range records {
		if err := b.Append(&record.Record{Timestamp: 1, Value: make([]byte, 100)}); err != nil {
			t.Fatal(err)
		}
	}
	batch, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if version < 12 {
		addPartition(t, a, id, init, "hot")
	}
	req := produceRequest("hot", 0, batch)
	req.TransactionID = &id
	frame := frameOf(req, version)
	h := &hotTransaction{c: c, frame: frame, records: records, producer: init}
	for at := range frame {
		if len(frame)-at >= len(batch) && string(frame[at:at+len(batch)]) == string(batch) {
			h.batch = at
			return h
		}
	}
	t.Fatal("the batch is not in the frame")
	return nil
}

// roundTrip sends the next batch. Its checksum covers the sequence.
func (h *hotTransaction) roundTrip() {
	b := record.Batch(h.frame[h.batch:])
	b = b[:b.Size()]
	binary.BigEndian.PutUint32(b[53:], uint32(h.sequence))
	binary.BigEndian.PutUint32(b[17:], b.ComputeCRC())
	h.sequence = record.IncrementSequence(h.sequence, int32(h.records))
	h.c.roundTrip(h.frame)
}

func TestTransactionalProduceAllocatesAsLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector allocates too")
	}
	for _, version := range []int16{9, 12} {
		b := start(t, t.TempDir(), nil)
		c := dialRaw(t, b.Addr())
		c.roundTrip(metadataFrame("hot", true))
		one := newHotTransaction(t, c, b.Addr(), 100, version)
		one.roundTrip()
		if code := producedCode(one.c.buf, version); code != protocol.None {
			t.Fatalf("version %d: the transaction's first batch got %s", version, code.Name())
		}
		if got := allocationsOf(one.roundTrip); got > 4 {
			t.Errorf("version %d: %.1f allocations for a batch in a transaction", version, got)
		} else {
			t.Logf("version %d: %.2f allocations for a batch in a transaction", version, got)
		}
		if code := producedCode(one.c.buf, version); code != protocol.None {
			t.Fatalf("version %d: the last batch got %s", version, code.Name())
		}
		endTransaction(t, attack(t, b.Addr()), hotID, one.producer, false, 4)
		awaitStable(t, attack(t, b.Addr()), "hot")
		for isolation, name := range []string{"read_uncommitted", "read_committed"} {
			frame := fetchFrame("hot", 0, 20_000, int8(isolation))
			if got := allocationsPerRequest(c, frame); got > 4 {
				t.Errorf("%.1f allocations for a %s fetch of aborted records", got, name)
			} else {
				t.Logf("%.2f allocations for a %s fetch of aborted records", got, name)
			}
		}
	}
}

// producedCode reads the code of the one partition out of an answer with the topic "hot".
func producedCode(buf []byte, version int16) protocol.Code {
	var resp kmsg.ProduceResponse
	resp.SetVersion(version)
	n := binary.BigEndian.Uint32(buf)
	if resp.ReadFrom(buf[4+5:4+n]) != nil {
		return protocol.CorruptMessage
	}
	return protocol.Code(resp.Topics[0].Partitions[0].ErrorCode)
}
