package load

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"testing"
	"time"

	"ottla.dev/ottla/broker"
	"ottla.dev/ottla/internal/record"
)

const topic = "load"

func startBroker(t *testing.T, partitions int) (context.Context, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	b, err := broker.Start(ctx, broker.Config{DataDir: t.TempDir(), Addr: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if err := CreateTopics(ctx, b.Addr(), partitions, topic); err != nil {
		t.Fatal(err)
	}
	return ctx, b.Addr()
}

// TestWhatIsProducedIsFetched counts bytes on both ways: a load that leaves something out would flatter its side.
func TestWhatIsProducedIsFetched(t *testing.T) {
	small := Shape{RecordBytes: 100, BatchBytes: 4 << 10, Partitions: 1, PartitionsPerRequest: 1}
	keyed := Shape{RecordBytes: 100, KeyBytes: 16, BatchBytes: 1 << 10, Partitions: 8, PartitionsPerRequest: 8}
	turns := Shape{RecordBytes: 1000, BatchBytes: 8 << 10, Partitions: 8, PartitionsPerRequest: 2}
	packed := small
	packed.Codec = record.CodecZstd
	const size = 300 << 10
	for name, p := range map[string]Produce{
		"one partition": {Shape: small, Producers: 1, InFlight: 5, Bytes: size},
		"one in flight": {Shape: small, Producers: 1, InFlight: 1, Bytes: size},
		"compressed":    {Shape: packed, Producers: 2, InFlight: 5, Bytes: size},
		"idempotent":    {Shape: small, Producers: 3, InFlight: 5, Bytes: size, Idempotent: true},
		"keyed":         {Shape: keyed, Producers: 1, InFlight: 5, Bytes: size},
		"in turn":       {Shape: turns, Producers: 5, InFlight: 2, Bytes: size},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, addr := startBroker(t, p.Partitions)
			produced, err := p.Run(ctx, addr, topic)
			if err != nil {
				t.Fatal(err)
			}
			if produced.Bytes < size || produced.Bytes > size+256<<10 {
				t.Errorf("%d bytes produced, want %d", produced.Bytes, size)
			}
			for answer, f := range map[string]Fetch{
				"large": {Partitions: p.Partitions, Consumers: 2, MaxBytes: 50 << 20, MaxPartitionBytes: 1 << 20},
				"small": {Partitions: p.Partitions, Consumers: 2, MaxBytes: 50 << 20, MaxPartitionBytes: 10_000},
			} {
				fetched, err := f.Run(ctx, addr, topic)
				if err != nil {
					t.Fatal(err)
				}
				if fetched.Bytes != 2*produced.Bytes {
					t.Errorf("%s answers: %d bytes fetched by two consumers, %d produced", answer, fetched.Bytes, produced.Bytes)
				}
			}
		})
	}
}

func TestRefusedRecordsEndTheLoad(t *testing.T) {
	ctx, addr := startBroker(t, 1)
	p := Produce{Shape: Shape{RecordBytes: 2 << 20, BatchBytes: 1, Partitions: 1, PartitionsPerRequest: 1}, Producers: 2, InFlight: 5, Bytes: 100 << 20}
	if done, err := p.Run(ctx, addr, topic); err == nil {
		t.Fatalf("%d bytes in batches larger than max.message.bytes, and no error", done.Bytes)
	}
	p.Shape = Shape{RecordBytes: 100, BatchBytes: 1, Partitions: 2, PartitionsPerRequest: 2}
	if done, err := p.Run(ctx, addr, topic); err == nil {
		t.Fatalf("%d bytes to a partition that is not there, and no error", done.Bytes)
	}
}

func TestPacedCountsEveryRequest(t *testing.T) {
	for _, tail := range []bool{false, true} {
		ctx, addr := startBroker(t, 1)
		p := Paced{Shape: Shape{RecordBytes: 100, BatchBytes: 500, Partitions: 1, PartitionsPerRequest: 1}, PerSecond: 200, For: 500 * time.Millisecond, Tail: tail}
		h, err := p.Run(ctx, addr, topic)
		if err != nil {
			t.Fatal(err)
		}
		if h.TotalCount() != 100 {
			t.Errorf("tail %v: %d latencies of 100 requests", tail, h.TotalCount())
		}
	}
}

func TestFranzLoads(t *testing.T) {
	ctx, addr := startBroker(t, 1)
	produced, err := FranzProduce{RecordBytes: 1000, Bytes: 200_000}.Run(ctx, addr, topic)
	if err != nil || produced.Bytes != 200_000 {
		t.Fatalf("%d bytes, error %v", produced.Bytes, err)
	}
	fetched, err := FranzFetch{Bytes: 200_000}.Run(ctx, addr, topic)
	if err != nil || fetched.Bytes != 200_000 {
		t.Fatalf("%d bytes, error %v", fetched.Bytes, err)
	}
}

func TestWrittenLogIsALog(t *testing.T) {
	var text bytes.Buffer
	if err := (Shape{RecordBytes: 100, BatchBytes: 2000}).WriteLog(&text, 10_000); err != nil {
		t.Fatal(err)
	}
	next, batches := int64(0), 0
	for rest := text.Bytes(); len(rest) > 0; batches++ {
		var b record.Batch
		var err error
		if b, rest, err = record.Next(rest); err != nil {
			t.Fatal(err)
		}
		if b.BaseOffset() != next || b.ComputeCRC() != b.CRC() {
			t.Fatalf("batch %d begins at %d, want %d", batches, b.BaseOffset(), next)
		}
		next = b.NextOffset()
	}
	if text.Len() < 10_000 || batches < 5 {
		t.Fatalf("%d bytes in %d batches", text.Len(), batches)
	}
}

func TestNumberedBatchesKeepAGoodCRC(t *testing.T) {
	f, err := Shape{RecordBytes: 100, BatchBytes: 1000, Partitions: 1, PartitionsPerRequest: 1}.frame(topic, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int32(3) {
		f.number(77, 5)
		b := record.Batch(f.bytes[len(f.bytes)-f.batch:])
		if b.CRC() != b.ComputeCRC() || b.ProducerID() != 77 || b.ProducerEpoch() != 5 || b.BaseSequence() != i*b.NumRecords() {
			t.Fatalf("batch %d: id %d, epoch %d, sequence %d", i, b.ProducerID(), b.ProducerEpoch(), b.BaseSequence())
		}
	}
}

func TestAnswersThatEndEarly(t *testing.T) {
	be := binary.BigEndian
	answer := be.AppendUint32(nil, 1)
	answer = append(be.AppendUint16(answer, 1), 't')
	answer = be.AppendUint32(answer, 1)
	answer = append(answer, make([]byte, 4+2+8+8+8)...)
	answer = be.AppendUint32(answer, 1)                    // one record error
	answer = append(be.AppendUint32(answer, 0), 0, 1, 'e') // with a message
	answer = append(answer, 0xff, 0xff, 0, 0, 0, 0)        // no message; throttling
	if err := checkProduced(answer); err != nil {
		t.Fatal(err)
	}
	for n := range len(answer) - 4 {
		if checkProduced(answer[:n]) == nil {
			t.Errorf("no error for the first %d bytes", n)
		}
	}
	answer[4+3+4+4+1] = 6
	if checkProduced(answer) == nil {
		t.Error("no error for an error code")
	}
}
