package main

import (
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"testing"

	"ottla.dev/ottla/bench/floor/frame"
	"ottla.dev/ottla/bench/load"
	"ottla.dev/ottla/internal/record"
)

func TestSinkStoresWhatItAnswersFor(t *testing.T) {
	s := &sink{dir: t.TempDir(), files: map[string]*partition{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go frame.Serve(conn, s.handler(conn))
		}
	}()
	shape := load.Shape{RecordBytes: 100, BatchBytes: 1000, Partitions: 4, PartitionsPerRequest: 2}
	done, err := load.Produce{Shape: shape, Producers: 3, InFlight: 5, Bytes: 100_000, Floor: true}.Run(t.Context(), listener.Addr().String(), "t")
	if err != nil {
		t.Fatal(err)
	}
	stored := int64(0)
	for _, name := range []string{"t-0", "t-1", "t-2", "t-3"} {
		text, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		stored += int64(len(text))
		for rest := text; len(rest) > 0; {
			var b record.Batch
			if b, rest, err = record.Next(rest); err != nil || b.CRC() != b.ComputeCRC() {
				t.Fatalf("%s: not whole batches: %v", name, err)
			}
		}
	}
	if stored != done.Bytes {
		t.Errorf("%d bytes stored, %d acknowledged", stored, done.Bytes)
	}
}

// segment is some batches.
func segment(t *testing.T, codec record.Codec) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (load.Shape{RecordBytes: 100, BatchBytes: 1000, Codec: codec}).WriteLog(&b, 5000); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSinkRefusesDamage(t *testing.T) {
	s := &sink{dir: t.TempDir(), files: map[string]*partition{}}
	good := segment(t, record.CodecNone)
	if base, err := s.append([]byte("t"), 0, bytes.Clone(good)); err != nil || base != 0 {
		t.Fatalf("base offset %d, error %v", base, err)
	}
	if base, err := s.append([]byte("t"), 0, bytes.Clone(good)); err != nil || base == 0 {
		t.Fatalf("base offset %d, error %v", base, err)
	}
	damaged := bytes.Clone(good)
	damaged[len(damaged)-1] ^= 1
	for name, batches := range map[string][]byte{"CRC": damaged, "cut": good[:len(good)-1], "head": good[:30]} {
		if _, err := s.append([]byte("t"), 1, batches); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	s.decompress = true
	if _, err := s.append([]byte("t"), 2, segment(t, record.CodecZstd)); err != nil {
		t.Error(err)
	}
	bogus := segment(t, record.CodecZstd)
	first, _, err := record.Next(bogus)
	if err != nil {
		t.Fatal(err)
	}
	clear(first.Payload())
	binary.BigEndian.PutUint32(first[crcAt:], first.ComputeCRC())
	if _, err := s.append([]byte("t"), 2, bogus); err == nil {
		t.Error("no error for what cannot be decompressed")
	}
	if _, err := s.produce(nil, []byte{0, 0, 0, 8, 0, 0, 0, 1, 0, 0}); err == nil {
		t.Error("no error for a request that ends early")
	}
}
