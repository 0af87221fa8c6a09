// Package frame is what the two floor programs share: a listener and the reading of Kafka's request frames out of one large buffer.
package frame

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
)

// bufferBytes holds several requests of a usual size, so that one read takes in what the client has in flight.
const bufferBytes = 512 << 10

// maxFrameBytes bounds what one length can claim.
const maxFrameBytes = 64 << 20

// Handler answers one request, header included. It writes the answer itself.
type Handler func(request []byte) error

// Main serves connections until the process is told to stop. newHandler is called once per connection.
func Main(newHandler func(*net.TCPConn) (Handler, error)) error {
	listen := flag.String("listen", "127.0.0.1:0", "the address to listen on")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-stop
		listener.Close()
	}()
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			h, err := newHandler(conn.(*net.TCPConn))
			if err == nil {
				err = Serve(conn, h)
			}
			if err != nil && !errors.Is(err, io.EOF) {
				fmt.Fprintln(os.Stderr, err)
			}
		}()
	}
}

// Serve hands every frame of r to h, in place, until r ends.
func Serve(r io.Reader, h Handler) error {
	buf := make([]byte, bufferBytes)
	from, to := 0, 0
	for {
		for to-from >= 4 {
			size := int(binary.BigEndian.Uint32(buf[from:]))
			if size > maxFrameBytes {
				return fmt.Errorf("a frame of %d bytes", size)
			}
			if to-from < 4+size {
				if 4+size > len(buf) {
					larger := make([]byte, 2*(4+size))
					to, from = copy(larger, buf[from:to]), 0
					buf = larger
				}
				break
			}
			if err := h(buf[from+4 : from+4+size]); err != nil {
				return err
			}
			from += 4 + size
		}
		if from == to {
			from, to = 0, 0
		} else if from > len(buf)/2 {
			from, to = 0, copy(buf, buf[from:to])
		}
		n, err := r.Read(buf[to:])
		if to += n; err != nil && n == 0 {
			return err
		}
	}
}

// Cursor reads the fields of a request. Reading beyond the end gives zeros and sets Short.
type Cursor struct {
	B     []byte
	Short bool
}

// Take returns the next n bytes.
func (c *Cursor) Take(n int) []byte {
	if n < 0 || n > len(c.B) {
		c.Short, c.B = true, nil
		return nil
	}
	b := c.B[:n]
	c.B = c.B[n:]
	return b
}

// Int16 reads two bytes.
func (c *Cursor) Int16() int16 {
	if b := c.Take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

// Int32 reads four bytes.
func (c *Cursor) Int32() int32 {
	if b := c.Take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

// Int64 reads eight bytes.
func (c *Cursor) Int64() int64 {
	if b := c.Take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// String reads a string with a length of two bytes; a null one is empty.
func (c *Cursor) String() []byte {
	return c.Take(int(max(c.Int16(), 0)))
}

// Header reads a request header of version 1.
func (c *Cursor) Header() (key, version int16, correlation int32) {
	key, version, correlation = c.Int16(), c.Int16(), c.Int32()
	c.String()
	return key, version, correlation
}
