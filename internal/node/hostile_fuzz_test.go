package node_test

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/broker"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// fuzzNode is one node for all inputs of a fuzz target: what an earlier input has left behind is part of what a later one meets.
func fuzzNode(f *testing.F) string {
	f.Helper()
	b, err := broker.Start(f.Context(), broker.Config{DataDir: f.TempDir(), Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Properties: map[string]string{"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "1"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = b.Close() })
	attack(f, b.Addr()).send(metadataFrame("n", true)).answer()
	return b.Addr()
}

// serves asserts that the node still answers.
func serves(t *testing.T, address string) {
	t.Helper()
	attack(t, address).send(frameOf(kmsg.NewPtrApiVersionsRequest(), 0)).answer()
}

// FuzzFrames sends any bytes. The node closes or answers, with frames only and in order, and serves the next client.
func FuzzFrames(f *testing.F) {
	good := frameOf(kmsg.NewPtrApiVersionsRequest(), 0)
	f.Add(good)
	f.Add(append(bytes.Clone(good), good...))
	f.Add(append(bytes.Clone(good), 0xff, 0xff, 0xff, 0xff))
	f.Add(length(8, 0, 18, 0, 0, 0, 0, 0, 1))
	f.Add(length(1<<31-1, 0))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add(metadataFrame("n", false))
	address := fuzzNode(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		a := attack(t, address)
		a.send(b).finish()
		for {
			answer, err := a.read()
			if err != nil {
				if !isCut(err) {
					t.Fatalf("neither answered nor closed: %v", err)
				}
				break
			}
			if len(answer) < 4 {
				t.Fatalf("an answer of %d bytes", len(answer))
			}
		}
		serves(t, address)
	})
}

// FuzzRequests sends any body under the header of any served API and version.
func FuzzRequests(f *testing.F) {
	for i, api := range protocol.Served {
		f.Add(uint8(i), uint8(0), sample(api.Key, api.Min))
		f.Add(uint8(i), uint8(api.Max-api.Min), sample(api.Key, api.Max))
	}
	address := fuzzNode(f)
	f.Fuzz(func(t *testing.T, index, above uint8, body []byte) {
		api := protocol.Served[int(index)%len(protocol.Served)]
		version := api.Min + int16(above)%(api.Max-api.Min+1)
		a := attack(t, address)
		a.send(requestFrame(api.Key, version, protocol.FlexibleRequest(api.Key, version), body)).finish()
		answer, err := a.read()
		switch {
		case err == nil && (len(answer) < 4 || binary.BigEndian.Uint32(answer) != 7):
			t.Fatalf("%s version %d: the answer %x does not begin with the correlation id", api.Name, version, answer)
		case err == nil:
			decodes(t, api, version, answer)
		case !isCut(err):
			t.Fatalf("%s version %d: neither answered nor closed: %v", api.Name, version, err)
		}
		serves(t, address)
	})
}

// decodes asserts that an answer is one, whatever was asked.
func decodes(t *testing.T, api protocol.API, version int16, answer []byte) {
	t.Helper()
	resp := kmsg.ResponseForKey(api.Key)
	resp.SetVersion(version)
	answer = answer[4:]
	if resp.IsFlexible() && api.Key != protocol.KeyAPIVersions {
		answer = answer[1:]
	}
	if err := resp.ReadFrom(answer); err != nil {
		t.Fatalf("the answer to %s version %d does not decode: %v\n%x", api.Name, version, err, answer)
	}
}

// FuzzProducedBatches sends any bytes as the records of a partition. What the node takes, it must be able to serve: sound batches at the
// offsets that it said.
func FuzzProducedBatches(f *testing.F) {
	good := batch(f, record.CodecNone, 3, 20)
	f.Add(good, true)
	f.Add(good, false)
	for _, codec := range []record.Codec{record.CodecGzip, record.CodecSnappy, record.CodecLz4, record.CodecZstd} {
		f.Add(batch(f, codec, 3, 20), true)
	}
	f.Add(append(bytes.Clone(good), good...), false)
	f.Add(oldMessage(1), false)
	f.Add(good[:70], false)
	address := fuzzNode(f)
	end := int64(0)
	f.Fuzz(func(t *testing.T, records []byte, seal bool) {
		if seal && len(records) >= record.HeaderSize { // else hardly anything gets past the CRC
			records = bytes.Clone(records)
			binary.BigEndian.PutUint32(records[atLength:], uint32(len(records)-12))
			sealed(records)
		}
		a := attack(t, address)
		p := ask[*kmsg.ProduceResponse](a, produceRequest("n", 0, records), 9).Topics[0].Partitions[0]
		if p.ErrorCode != 0 {
			if p.BaseOffset != -1 {
				t.Fatalf("refused at offset %d", p.BaseOffset)
			}
			return
		}
		b, _, err := record.Next(records)
		if err != nil {
			t.Fatalf("taken although it is no batch: %v", err)
		}
		if b.HasProducerID() && p.BaseOffset < end {
			return // a duplicate
		}
		end = p.BaseOffset + int64(b.NumRecords())
		served := fetchedBatch(t, a, p.BaseOffset)
		if served.BaseOffset() != p.BaseOffset || served.NumRecords() != b.NumRecords() || served.CheckCRC() != nil {
			t.Fatalf("taken at offset %d with %d records, served at %d with %d, %v", p.BaseOffset, b.NumRecords(), served.BaseOffset(), served.NumRecords(), served.CheckCRC())
		}
	})
}

func fetchedBatch(t *testing.T, a *attacker, offset int64) record.Batch {
	t.Helper()
	a.send(fetchFrame("n", offset, 1<<20, 0))
	var resp kmsg.FetchResponse
	resp.SetVersion(12)
	if err := resp.ReadFrom(a.answer()[5:]); err != nil {
		t.Fatal(err)
	}
	b, _, err := record.Next(resp.Topics[0].Partitions[0].RecordBatches)
	if err != nil {
		t.Fatalf("what was taken at offset %d cannot be read: %v", offset, err)
	}
	return b
}
