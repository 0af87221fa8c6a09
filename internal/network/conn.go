package network

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"ottla.dev/ottla/internal/protocol"
)

const (
	// maxPipelinedRequests is how many requests of one connection may wait for their answers; the reader stops beyond it.
	maxPipelinedRequests = 64
	// readBufferBytes is the connection's read-ahead. It holds a small request; of a large one it takes the beginning, and the rest is read
	// straight into the frame's own buffer, so that the less it is, the fewer bytes are copied.
	readBufferBytes = 1 << 10
	// trustedFrameBytes is how much memory a length alone can claim; beyond it a frame's buffer grows as its bytes arrive.
	trustedFrameBytes = 2 << 20
	// minFrameBytes is the smallest request header: key, version, correlation id.
	minFrameBytes = 8
)

// Conn is one client connection: a goroutine that reads and handles requests in order, and the queue of their answers. Answers that are
// ready when Handle returns are written by the reader itself, which saves a hand-over between goroutines; those that come later
// are written by a second goroutine, which starts when it is first needed.
type Conn struct {
	// Listener is the listener that accepted the connection.
	Listener *Listener
	// ID names the connection in logs: local and remote address.
	ID string
	// State belongs to the handler, which may keep here what it knows of the client (software name and version). It is only
	// touched by the goroutine that reads.
	State any

	server *Server
	tcp    *net.TCPConn
	writer Writer

	mu       sync.Mutex // guards the fields below and the requests' response state
	queue    []*Request // in the order of arrival, from head on; the head is answered next
	head     int        // index into queue; the slots before it are empty and are reused when the queue runs dry
	handling bool       // the reader is in Handle and will drain the queue when it returns
	writing  bool       // somebody writes the head
	closed   bool
	ended    bool       // the reader has dealt with what was in the queue
	reason   string     // why we closed it; empty when the client did
	room     *sync.Cond // the queue got shorter, or the connection closed
	wake     chan struct{}
}

// RemoteHost returns the client's address without its port.
func (c *Conn) RemoteHost() string {
	if a, ok := c.tcp.RemoteAddr().(*net.TCPAddr); ok {
		return a.IP.String()
	}
	return ""
}

// LocalAddr returns the address that the client reached.
func (c *Conn) LocalAddr() *net.TCPAddr {
	a, _ := c.tcp.LocalAddr().(*net.TCPAddr)
	return a
}

// serve reads until the connection ends.
func (c *Conn) serve() {
	r := bufio.NewReaderSize(c.tcp, readBufferBytes)
	for {
		req, err := c.readRequest(r)
		if err != nil {
			c.end(err)
			return
		}
		if !c.enqueue(req) {
			req.free()
			c.end(nil)
			return
		}
		c.server.handler.Handle(req)
		c.mu.Lock()
		c.handling = false
		c.drainLocked()
		c.mu.Unlock()
	}
}

// readRequest reads one frame and its header.
func (c *Conn) readRequest(r *bufio.Reader) (*Request, error) {
	size, err := c.readSize(r)
	if err != nil {
		return nil, err
	}
	maxBytes := c.server.options.MaxRequestBytes()
	if size < minFrameBytes || int(size) > maxBytes {
		return nil, &violation{fmt.Sprintf("a frame length of %d, allowed are %d to %d (socket.request.max.bytes)", size, minFrameBytes, maxBytes)}
	}
	c.server.budget.acquire(int64(size))
	req := &Request{Conn: c, budgeted: int64(size)}
	if req.frame, err = readFrame(r, int(size)); err != nil {
		req.free()
		return nil, err
	}
	req.Header, req.Body, err = protocol.ParseRequestHeader(req.frame.B)
	if err != nil {
		req.free()
		return nil, &violation{err.Error()}
	}
	return req, nil
}

// readSize waits for the next frame's length. An idle connection is ended after connections.max.idle.ms, unless an answer is still owed.
func (c *Conn) readSize(r *bufio.Reader) (int32, error) {
	idle := c.server.options.MaxIdle
	for {
		if idle > 0 && r.Buffered() < 4 {
			if err := c.tcp.SetReadDeadline(time.Now().Add(idle)); err != nil {
				return 0, err
			}
		}
		head, err := r.Peek(4)
		if err == nil {
			_, _ = r.Discard(4)
			return int32(binary.BigEndian.Uint32(head)), nil
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && len(head) == 0 && c.waiting() {
			continue
		}
		if errors.Is(err, io.EOF) && len(head) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
}

// readFrame reads n bytes into a pooled buffer. What a length claims beyond trustedFrameBytes is allocated as the bytes arrive.
func readFrame(r *bufio.Reader, n int) (*Buffer, error) {
	buf := GetBuffer(min(n, trustedFrameBytes))
	for at := 0; ; {
		if _, err := io.ReadFull(r, buf.B[at:]); err != nil {
			buf.Release()
			return nil, err
		}
		if at = len(buf.B); at == n {
			return buf, nil
		}
		larger := GetBuffer(min(n, 2*at))
		copy(larger.B, buf.B)
		buf.Release()
		buf = larger
	}
}

func (c *Conn) waiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lengthLocked() > 0
}

func (c *Conn) lengthLocked() int { return len(c.queue) - c.head }

// enqueue gives the request its place in the order; it reports whether the connection is still open.
func (c *Conn) enqueue(req *Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.lengthLocked() >= maxPipelinedRequests && !c.closed {
		c.room.Wait()
	}
	if c.closed {
		return false
	}
	if c.head > maxPipelinedRequests {
		c.queue, c.head = append(c.queue[:0], c.queue[c.head:]...), 0
	}
	c.queue = append(c.queue, req)
	c.handling = true
	return true
}

// complete records the answer of a request and sees that it is written when its turn comes.
func (c *Conn) complete(req *Request, resp Response) {
	c.mu.Lock()
	if req.done {
		c.mu.Unlock()
		panic("network: a request was answered twice: " + c.ID)
	}
	req.done, req.response, req.cancel = true, resp, nil
	if c.ended {
		c.mu.Unlock()
		if resp != nil {
			resp.Discard()
		}
		req.free()
		return
	}
	if c.closed { // the reader will end the connection, and this answer with it
		c.mu.Unlock()
		return
	}
	if !c.handling && !c.writing && c.queue[c.head] == req {
		c.wakeWriterLocked()
	}
	c.mu.Unlock()
}

// wakeWriterLocked has the second goroutine drain the queue.
func (c *Conn) wakeWriterLocked() {
	if c.wake == nil {
		wake := make(chan struct{}, 1) // not the field: the connection may end, and clear it, before the goroutine has begun
		c.wake = wake
		c.server.running.Go(func() {
			for range wake {
				c.mu.Lock()
				c.drainLocked()
				c.mu.Unlock()
			}
		})
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// drainLocked writes the answers at the head of the queue that are ready. It gives the lock up while it writes.
func (c *Conn) drainLocked() {
	for !c.writing && !c.closed && c.lengthLocked() > 0 && c.queue[c.head].done {
		req := c.queue[c.head]
		c.queue[c.head] = nil
		if c.head++; c.head == len(c.queue) {
			c.queue, c.head = c.queue[:0], 0
		}
		c.writing = true
		c.mu.Unlock()
		var err error
		if req.response != nil {
			err = req.response.WriteResponse(&c.writer)
			req.response.Discard()
			req.response = nil
		}
		req.free()
		c.mu.Lock()
		c.writing = false
		c.room.Signal()
		if err != nil {
			c.closeLocked("")
		}
	}
}

// abort closes the connection with a reason for the log.
func (c *Conn) abort(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(reason)
}

// closeLocked makes the reader end; it does the rest.
func (c *Conn) closeLocked(reason string) {
	if c.closed {
		return
	}
	c.closed, c.reason = true, reason
	c.room.Broadcast()
	_ = c.tcp.Close()
}

// end runs once, in the reader, when nothing more can be read.
func (c *Conn) end(err error) {
	var broken *violation
	if errors.As(err, &broken) {
		c.abort(broken.what)
	} else {
		c.abort("")
	}
	c.mu.Lock()
	queue, reason := c.queue[c.head:], c.reason
	c.queue, c.head, c.ended = nil, 0, true
	if c.wake != nil {
		close(c.wake)
		c.wake = nil
	}
	var cancels []func()
	var done []*Request
	for _, req := range queue {
		switch {
		case req.done:
			done = append(done, req)
		case req.cancel != nil:
			cancels = append(cancels, req.cancel)
			req.cancel = nil
		}
	}
	c.mu.Unlock()
	for _, req := range done {
		if req.response != nil {
			req.response.Discard()
		}
		req.free()
	}
	for _, cancel := range cancels {
		cancel()
	}
	if reason != "" {
		c.server.options.Logger.Warn("closed a connection", "reason", reason, "connection", c.ID, "listener", c.Listener.Name)
	}
	c.server.forget(c)
}

// violation is an error in what the client sent.
type violation struct{ what string }

func (v *violation) Error() string { return v.what }
