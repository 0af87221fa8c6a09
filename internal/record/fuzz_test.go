package record

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/snappy"
	"pgregory.net/rapid"
)

// FuzzBatches throws bytes at everything that reads them. What is accepted must be readable, and stay so.
func FuzzBatches(f *testing.F) {
	for _, c := range allCodecs {
		b := build(f, c, samples()...)
		f.Add([]byte(b), false)
		f.Add([]byte(append(b.clone(), b...)), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, seal bool) {
		in = bytes.Clone(in)
		rest := in
		for {
			b, next, err := Next(rest)
			if err != nil {
				break
			}
			// A fuzzer does not find CRCs; with this it gets past them.
			if seal {
				b.setCRC()
			}
			readAll(t, b)
			rest = next
		}
		for _, origin := range []Origin{OriginClient, OriginCoordinator, OriginReplication} {
			rules := openRules()
			rules.Origin = origin
			rules.MaxDecompressedBytes = 1 << 20
			result, err := Validate(bytes.Clone(in), rules)
			if err != nil {
				if kindOf(err) == 0 {
					t.Fatalf("not an *Error: %v", err)
				}
				continue
			}
			if origin != OriginReplication {
				checkValid(t, result)
			}
		}
	})
}

// readAll reads a batch of unknown content: no panic, and no more records than it declares.
func readAll(t *testing.T, b Batch) {
	t.Helper()
	records, err := b.Records(1 << 20)
	if err != nil && kindOf(err) == 0 {
		t.Fatalf("not an *Error: %v", err)
	}
	if int64(len(records)) > max(0, int64(b.NumRecords())) {
		t.Fatalf("%d records of %d", len(records), b.NumRecords())
	}
}

// checkValid reads what was accepted.
func checkValid(t *testing.T, result Result) {
	t.Helper()
	b, rest, err := Next(result.Batches)
	if err != nil || len(rest) != 0 {
		t.Fatalf("accepted, but no batch: %v", err)
	}
	if err := b.CheckCRC(); err != nil {
		t.Fatal(err)
	}
	records, err := b.Records(1 << 20)
	if err != nil {
		t.Fatalf("accepted, but not readable: %v", err)
	}
	for i, r := range records {
		if int(r.OffsetDelta) != i {
			t.Fatalf("offset delta %d of record %d was accepted", r.OffsetDelta, i)
		}
	}
	if covered := result.LastOffset - result.FirstOffset + 1; int64(len(records)) != covered {
		t.Fatalf("%d records for %d offsets", len(records), covered)
	}
}

// FuzzDecompress throws bytes at the codecs: no panic, no more bytes than allowed, and the same twice, as decoders come from a pool.
func FuzzDecompress(f *testing.F) {
	for _, c := range allCodecs[1:] {
		compressed, err := Compress(nil, c, 0, text(1, 500))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(int8(c), compressed)
	}
	f.Add(int8(CodecSnappy), snappy.Encode(nil, text(1, 300)))
	f.Fuzz(func(t *testing.T, codec int8, in []byte) {
		const limit = 1 << 20
		first, err := Decompress(nil, Codec(codec&7), in, limit)
		if err != nil && kindOf(err) == 0 {
			t.Fatalf("not an *Error: %v", err)
		}
		if len(first) > limit && Codec(codec&7) != CodecNone {
			t.Fatalf("%d bytes", len(first))
		}
		second, again := Decompress(nil, Codec(codec&7), in, limit)
		if !bytes.Equal(first, second) || (err == nil) != (again == nil) {
			t.Fatalf("%d bytes and %v, then %d bytes and %v", len(first), err, len(second), again)
		}
	})
}

// TestSnappyIsStrict compares our use of the library's fast decoder with its strict one, on damaged blocks.
func TestSnappyIsStrict(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		block := snappy.Encode(nil, text(r.Uint64(), 1+r.IntN(400)))
		for range r.IntN(3) {
			block[r.IntN(len(block))] = byte(r.Uint32() & 0x1f)
		}
		if !isStrictSnappyTheSame(block) {
			t.Fatalf("block %x", block)
		}
	})
	// A literal of one byte, a copy of four, and a copy of eight at the same distance: s2, not snappy.
	repeat := []byte{13, 0, 'a', 0x01, 1, 0x01 | 4<<2, 0}
	if got, err := snappy.Decode(nil, repeat); err != nil || string(got) != "aaaaaaaaaaaaa" {
		t.Fatalf("the block is no s2 either: %q, %v", got, err)
	}
	if _, err := Decompress(nil, CodecSnappy, repeat, 0); kindOf(err) != KindDecompression {
		t.Errorf("an s2 block: %v", err)
	}
}

func isStrictSnappyTheSame(block []byte) bool {
	size, err := snappy.DecodedLen(block)
	if err != nil || size > len(block)*maxSnappyRatio {
		return true
	}
	want, strictErr := snappy.DecodeStrict(nil, block)
	got, err := Decompress(nil, CodecSnappy, block, 1<<20)
	return (err == nil) == (strictErr == nil) && (err != nil || bytes.Equal(got, want))
}
