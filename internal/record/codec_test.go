package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

func TestCodecNames(t *testing.T) {
	for _, c := range allCodecs {
		if got, err := ParseCodec(c.String()); err != nil || got != c {
			t.Errorf("%s: %v, %v", c, got, err)
		}
	}
	if _, err := ParseCodec("brotli"); err == nil {
		t.Error("brotli was accepted")
	}
	if Codec(5).Valid() || CodecProducer.Valid() || !CodecZstd.Valid() {
		t.Error("Valid")
	}
}

// TestCodecsRoundTrip goes over the sizes at which the codecs' blocks begin and end.
func TestCodecsRoundTrip(t *testing.T) {
	sizes := []int{0, 1, 15, 1000, 32<<10 - 1, 32 << 10, 32<<10 + 1, 64 << 10, 64<<10 + 1, 300_000}
	for _, c := range allCodecs {
		for _, size := range sizes {
			for name, data := range map[string][]byte{"text": text(3, size), "noise": noise(3, size), "zeros": make([]byte, size)} {
				compressed, err := Compress([]byte("before"), c, 0, data)
				if err != nil || !bytes.HasPrefix(compressed, []byte("before")) {
					t.Fatalf("%s, %d bytes of %s: %v", c, size, name, err)
				}
				got, err := Decompress([]byte("x"), c, compressed[6:], int64(size)+1)
				if err != nil || string(got[:1]) != "x" || !bytes.Equal(got[1:], data) {
					t.Fatalf("%s, %d bytes of %s: %v, %d bytes back", c, size, name, err, len(got))
				}
			}
		}
	}
}

func TestLevels(t *testing.T) {
	data := text(9, 100_000)
	for codec, levels := range map[Codec][]int{
		CodecGzip: {-1, 1, 6, 9, 100, -7}, CodecLz4: {1, 5, 9, 12, 17, 99, -3}, CodecZstd: {-131072, 1, 3, 7, 22, 99},
	} {
		for _, level := range levels {
			compressed, err := Compress(nil, codec, level, data)
			if err != nil {
				t.Fatalf("%s level %d: %v", codec, level, err)
			}
			if got, err := Decompress(nil, codec, compressed, 0); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%s level %d: %v", codec, level, err)
			}
		}
	}
	logs := bytes.Repeat(data[:5000], 3)
	for i := range logs {
		if i%97 == 0 {
			logs[i] ^= 3
		}
	}
	for codec, pair := range map[Codec][2]int{CodecGzip: {1, 9}, CodecLz4: {9, 17}, CodecZstd: {1, 19}} {
		low, _ := Compress(nil, codec, pair[0], logs)
		high, _ := Compress(nil, codec, pair[1], logs)
		if len(low) <= len(high) {
			t.Errorf("%s: %d bytes at level %d, %d at level %d", codec, len(low), pair[0], len(high), pair[1])
		}
	}
}

func TestUnknownCodec(t *testing.T) {
	if _, err := Compress(nil, 5, 0, []byte("a")); kindOf(err) != KindUnknownCodec {
		t.Error(err)
	}
	if _, err := Decompress(nil, 7, []byte("a"), 0); kindOf(err) != KindUnknownCodec {
		t.Error(err)
	}
}

// TestSnappyForms reads what Java writes (blocks in a frame), what others write (one bare block), and streams that were joined.
func TestSnappyForms(t *testing.T) {
	data := text(4, 100_000)
	frame := append([]byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}, 0, 0, 0, 1, 0, 0, 0, 1)
	blocks := func(size int) []byte {
		var b []byte
		for rest := data; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			block := snappy.Encode(nil, rest[:min(size, len(rest))])
			b = binary.BigEndian.AppendUint32(b, uint32(len(block)))
			b = append(b, block...)
		}
		return b
	}
	one := append(bytes.Clone(frame), blocks(7000)...)
	ours := compressSnappy(nil, data)
	if !bytes.HasPrefix(ours, frame) {
		t.Errorf("ours begins with %x", ours[:16])
	}
	for name, c := range map[string]struct{ in, want []byte }{
		"bare":               {snappy.Encode(nil, data), data},
		"small blocks":       {one, data},
		"one block":          {append(bytes.Clone(frame), blocks(len(data))...), data},
		"two frames":         {append(bytes.Clone(one), one...), append(bytes.Clone(data), data...)},
		"frame without data": {frame, nil},
	} {
		got, err := Decompress(nil, CodecSnappy, c.in, 0)
		if err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%s: %v, %d bytes", name, err, len(got))
		}
	}
	for name, in := range map[string][]byte{
		"cut in a length": one[:18],
		"cut in a block":  one[:100],
		"length too long": append(bytes.Clone(frame), 0x7f, 0xff, 0xff, 0xff, 1),
		"length negative": append(bytes.Clone(frame), 0xff, 0xff, 0xff, 0xff, 1),
		"block of noise":  append(bytes.Clone(frame), 0, 0, 0, 4, 9, 9, 9, 9),
		"bare, cut":       snappy.Encode(nil, data)[:500],
	} {
		if _, err := Decompress(nil, CodecSnappy, in, 0); kindOf(err) != KindDecompression {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLz4Forms reads all forms of a frame that Kafka's reader knows, and refuses the others.
func TestLz4Forms(t *testing.T) {
	data := append(text(4, 200_000), noise(4, 100_000)...)
	frame := func(options ...lz4.Option) []byte {
		var b bytes.Buffer
		w := lz4.NewWriter(&b)
		if err := w.Apply(options...); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	plain := frame(lz4.ChecksumOption(false), lz4.BlockSizeOption(lz4.Block64Kb))
	for name, in := range map[string][]byte{
		"64 KiB":           plain,
		"256 KiB":          frame(lz4.BlockSizeOption(lz4.Block256Kb)),
		"4 MiB":            frame(lz4.BlockSizeOption(lz4.Block4Mb)),
		"block checksums":  frame(lz4.BlockChecksumOption(true), lz4.BlockSizeOption(lz4.Block64Kb)),
		"content checksum": frame(lz4.ChecksumOption(true)),
		"content size":     frame(lz4.SizeOption(uint64(len(data)))),
		"bytes behind":     append(bytes.Clone(plain), 1, 2, 3),
	} {
		if got, err := Decompress(nil, CodecLz4, in, 0); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %v, %d bytes", name, err, len(got))
		}
	}
	flip := func(in []byte, pos int) []byte {
		b := bytes.Clone(in)
		b[pos] ^= 0x20
		return b
	}
	checked := frame(lz4.BlockChecksumOption(true), lz4.BlockSizeOption(lz4.Block64Kb))
	for name, in := range map[string][]byte{
		"nothing":              {},
		"magic":                flip(plain, 0),
		"dependent blocks":     flip(plain, 4),
		"header checksum":      flip(plain, 6),
		"cut header":           plain[:6],
		"cut content size":     frame(lz4.SizeOption(uint64(len(data))))[:10],
		"cut length":           plain[:9],
		"cut block":            plain[:100],
		"no end mark":          plain[:len(plain)-4],
		"block checksum":       flip(checked, len(checked)-12),
		"block over the limit": append(append(bytes.Clone(plain[:7]), 1, 0, 1, 0x80), make([]byte, 65541)...),
	} {
		if _, err := Decompress(nil, CodecLz4, in, 0); kindOf(err) != KindDecompression {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The library, which checks more than Kafka's reader, reads our frames too.
	ours := compressLz4(nil, 0, data)
	if got, err := io.ReadAll(lz4.NewReader(bytes.NewReader(ours))); err != nil || !bytes.Equal(got, data) {
		t.Errorf("the library reads ours: %v, %d bytes", err, len(got))
	}
}

func TestGzipMembers(t *testing.T) {
	member := func(s string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		fmt.Fprint(w, s)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	got, err := Decompress(nil, CodecGzip, append(member("one "), member("two")...), 0)
	if err != nil || string(got) != "one two" {
		t.Errorf("%q, %v", got, err)
	}
	for name, in := range map[string][]byte{"empty": {}, "cut": member("one")[:15], "not gzip": []byte("plain text")} {
		if _, err := Decompress(nil, CodecGzip, in, 0); kindOf(err) != KindDecompression {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestZstdWindows reads frames with windows as small, usual and "ultra" levels declare them, and with none, as one-piece
// encoders write.
func TestZstdWindows(t *testing.T) {
	data := text(6, 300_000)
	for _, window := range []int{1 << 17, 2 << 20, 8 << 20, 128 << 20} {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b, zstd.WithWindowSize(window), zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		// Flushing between keeps the encoder from writing a content size, like Java's stream.
		for piece := range slices.Chunk(data, 100_000) {
			if _, err := w.Write(piece); err != nil {
				t.Fatal(err)
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := zstdWindow(b.Bytes()); got != uint64(window) {
			t.Fatalf("the frame declares a window of %d, want %d", got, window)
		}
		if got, err := Decompress(nil, CodecZstd, b.Bytes(), 0); err != nil || !bytes.Equal(got, data) {
			t.Errorf("window %d: %v, %d bytes", window, err, len(got))
		}
	}
	enc, _ := zstd.NewWriter(nil, zstd.WithSingleSegment(true))
	large := text(7, 9<<20)
	if got, err := Decompress(nil, CodecZstd, enc.EncodeAll(large, nil), 0); err != nil || !bytes.Equal(got, large) {
		t.Errorf("single segment: %v, %d bytes", err, len(got))
	}
	if _, err := Decompress(nil, CodecZstd, enc.EncodeAll(large, nil), 1<<20); kindOf(err) != KindTooLarge {
		t.Errorf("single segment over the limit: %v", err)
	}
}
