package network

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

const (
	// readAheadBytes is how much is read beyond a frame: the next frame's length and, mostly, its header, so that a stream of requests
	// costs one system call each. What is read ahead is copied once, so it is not more.
	readAheadBytes = 1 << 10
	// trustedFrameBytes is how much memory a length alone can claim; beyond it a frame's buffer grows as its bytes arrive.
	trustedFrameBytes = 2 << 20
)

// frameReader cuts a connection's bytes into frames. Frames are read straight into their own buffers.
type frameReader struct {
	tcp   net.Conn
	idle  time.Duration // ≤ 0: for ever
	armed time.Time     // when the deadline was last set

	ahead [readAheadBytes]byte // bytes of the frame that is read next
	n     int                  // how many of them there are
}

// readSize waits for the next frame's length. A connection on which nothing comes for idle is ended with os.ErrDeadlineExceeded, unless
// busy tells that an answer is still owed.
func (r *frameReader) readSize(busy func() bool) (int32, error) {
	for r.n < 4 {
		if err := r.arm(); err != nil {
			return 0, err
		}
		n, err := r.tcp.Read(r.ahead[r.n:])
		r.n += n
		switch {
		case n > 0 || err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && r.n == 0 && busy():
			r.armed = time.Time{}
		case errors.Is(err, io.EOF) && r.n > 0:
			return 0, io.ErrUnexpectedEOF
		default:
			return 0, err
		}
	}
	size := int32(binary.BigEndian.Uint32(r.ahead[:]))
	r.n = copy(r.ahead[:], r.ahead[4:r.n])
	return size, nil
}

// arm sets the deadline. Not for each frame, which would cost more than it is worth: a connection may be idle an eighth longer.
func (r *frameReader) arm() error {
	if r.idle <= 0 {
		return nil
	}
	now := time.Now()
	slack := r.idle / 8
	if now.Sub(r.armed) < slack {
		return nil
	}
	r.armed = now
	return r.tcp.SetReadDeadline(now.Add(r.idle + slack))
}

// readFrame reads a frame of size bytes into a pooled buffer, and beyond it what has already come of the next. What a length claims
// beyond trustedFrameBytes is allocated as the bytes arrive.
func (r *frameReader) readFrame(size int) (*Buffer, error) {
	buf := GetBuffer(min(size, trustedFrameBytes) + readAheadBytes)
	at := copy(buf.B[:min(size, len(buf.B))], r.ahead[:r.n])
	r.n = copy(r.ahead[:], r.ahead[at:r.n])
	for at < size {
		if at == len(buf.B) {
			larger := GetBuffer(min(size, 2*at) + readAheadBytes)
			copy(larger.B, buf.B)
			buf.Release()
			buf = larger
		}
		n, err := r.tcp.Read(buf.B[at:min(len(buf.B), size+readAheadBytes)])
		if at += n; at < size && err != nil {
			buf.Release()
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	if at > size {
		r.n = copy(r.ahead[:], buf.B[size:at])
	}
	buf.B = buf.B[:size]
	return buf, nil
}
