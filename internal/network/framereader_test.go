package network

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"
)

// TestFramesComeWholeHoweverTheyAreCut sends frames of all kinds of sizes in pieces of all kinds of sizes.
func TestFramesComeWholeHoweverTheyAreCut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	sizes := []int{8, 9, readAheadBytes - 5, readAheadBytes - 4, readAheadBytes - 3, readAheadBytes, 3 * readAheadBytes,
		trustedFrameBytes - 1, trustedFrameBytes, trustedFrameBytes + 1, trustedFrameBytes + readAheadBytes + 1, 3*trustedFrameBytes + 7}
	var stream []byte
	var frames [][]byte
	for i := range 400 {
		size := 8 + random.IntN(3000)
		if i%20 == 0 {
			size = sizes[(i/20)%len(sizes)]
		}
		frame := make([]byte, size)
		for j := range frame {
			frame[j] = byte(random.Uint32())
		}
		frames = append(frames, frame)
		stream = binary.BigEndian.AppendUint32(stream, uint32(size))
		stream = append(stream, frame...)
	}
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		defer theirs.Close()
		for len(stream) > 0 {
			n := 1 + random.IntN(4000)
			if random.IntN(10) == 0 {
				n = 1 + random.IntN(1<<20)
			}
			n = min(n, len(stream))
			if _, err := theirs.Write(stream[:n]); err != nil {
				return
			}
			stream = stream[n:]
		}
	}()
	r := &frameReader{tcp: ours, idle: time.Hour}
	never := func() bool { return false }
	for i, want := range frames {
		size, err := r.readSize(never)
		if err != nil || int(size) != len(want) {
			t.Fatalf("frame %d: size %d, want %d, error %v", i, size, len(want), err)
		}
		buf, err := r.readFrame(int(size))
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if !bytes.Equal(buf.B, want) {
			t.Fatalf("frame %d of %d bytes came changed", i, size)
		}
		buf.Release()
	}
	if _, err := r.readSize(never); !errors.Is(err, io.EOF) {
		t.Fatalf("at the end: %v", err)
	}
}

func TestAStreamThatEndsWithinAFrameIsToldFromOneThatEndsBetween(t *testing.T) {
	for _, sent := range [][]byte{{0, 0}, {0, 0, 0, 10}, {0, 0, 0, 10, 1, 2, 3}} {
		ours, theirs := net.Pipe()
		go func() {
			_, _ = theirs.Write(sent)
			theirs.Close()
		}()
		r := &frameReader{tcp: ours}
		size, err := r.readSize(func() bool { return false })
		if err == nil {
			_, err = r.readFrame(int(size))
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %v: %v", sent, err)
		}
		ours.Close()
	}
}

// TestAnIdleConnectionEndsUnlessAnAnswerIsOwed: the deadline passes twice while an answer is owed, then for good.
func TestAnIdleConnectionEndsUnlessAnAnswerIsOwed(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	owed := 2
	r := &frameReader{tcp: ours, idle: time.Millisecond}
	_, err := r.readSize(func() bool { owed--; return owed >= 0 })
	if !errors.Is(err, os.ErrDeadlineExceeded) || owed != -1 {
		t.Errorf("%v, asked %d times", err, 2-owed)
	}
}
