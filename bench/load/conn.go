package load

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	clientID = "ottla-bench"
	// patience is how long one answer may take.
	patience = 90 * time.Second
	// maxAnswerBytes bounds what a length can claim.
	maxAnswerBytes = 256 << 20
	dialTimeout    = 5 * time.Second
)

// Conn is one connection to a broker.
type Conn struct {
	tcp    *net.TCPConn
	reader *bufio.Reader
	buf    []byte // of the last answer
}

// Dial connects.
func Dial(ctx context.Context, addr string) (*Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	tcp, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Conn{tcp: tcp.(*net.TCPConn), reader: bufio.NewReaderSize(tcp, 4<<10)}, nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.tcp.Close() }

// closeWith ends the connection when ctx does; the returned function ends the watch.
func (c *Conn) closeWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { c.tcp.Close() })
}

// Do sends a request, whose version must be one of those without tagged fields, and reads the answer.
func (c *Conn) Do(request kmsg.Request) (kmsg.Response, error) {
	if request.IsFlexible() {
		return nil, fmt.Errorf("%s version %d has tagged fields, which this client does not read", kmsg.Key(request.Key()).Name(), request.GetVersion())
	}
	if err := c.write(kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)).AppendRequest(nil, request, 1)); err != nil {
		return nil, err
	}
	body, err := c.read()
	if err != nil {
		return nil, err
	}
	response := request.ResponseKind()
	response.SetVersion(request.GetVersion())
	return response, response.ReadFrom(body)
}

func (c *Conn) write(frame []byte) error {
	_, err := c.tcp.Write(frame)
	return err
}

// read returns the body of the next answer, which is good until the next call.
func (c *Conn) read() ([]byte, error) {
	if err := c.tcp.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	head, err := c.reader.Peek(8)
	if err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(head)) - 4
	if n < 0 || n > maxAnswerBytes {
		return nil, fmt.Errorf("an answer of %d bytes", n)
	}
	_, _ = c.reader.Discard(8)
	if n > cap(c.buf) {
		c.buf = make([]byte, n+n/4)
	}
	_, err = io.ReadFull(c.reader, c.buf[:n])
	return c.buf[:n], err
}

// errShort is an answer that ends early.
var errShort = errors.New("an answer that ends early")
