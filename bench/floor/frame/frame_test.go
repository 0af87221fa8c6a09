package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestServeFindsFramesHoweverTheyArrive(t *testing.T) {
	var stream []byte
	sizes := []int{0, 1, 4, 100, bufferBytes / 2, bufferBytes, 3 * bufferBytes, 7}
	for i, size := range sizes {
		stream = binary.BigEndian.AppendUint32(stream, uint32(size))
		stream = append(stream, bytes.Repeat([]byte{byte(i)}, size)...)
	}
	for name, r := range map[string]io.Reader{"whole": bytes.NewReader(stream), "halves": iotest.HalfReader(bytes.NewReader(stream))} {
		var got []int
		err := Serve(r, func(request []byte) error {
			for _, b := range request {
				if int(b) != len(got) {
					t.Fatalf("%s: frame %d holds a byte of %d", name, len(got), b)
				}
			}
			got = append(got, len(request))
			return nil
		})
		if !errors.Is(err, io.EOF) || len(got) != len(sizes) {
			t.Fatalf("%s: %d of %d frames, error %v", name, len(got), len(sizes), err)
		}
		for i := range sizes {
			if got[i] != sizes[i] {
				t.Errorf("%s: frame %d has %d bytes, want %d", name, i, got[i], sizes[i])
			}
		}
	}
}

func TestServeRefusesHugeFrames(t *testing.T) {
	err := Serve(bytes.NewReader([]byte{0x7f, 0, 0, 0}), func([]byte) error { return nil })
	if err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("error %v", err)
	}
}

func TestCursorStopsAtTheEnd(t *testing.T) {
	c := Cursor{B: []byte{0, 5, 'a'}}
	if s := c.String(); s != nil || !c.Short || c.Int64() != 0 {
		t.Fatalf("%q, short %v", s, c.Short)
	}
}
