package network

import (
	"errors"
	"fmt"
	"net"
	"sync"

	"ottla.dev/ottla/internal/protocol"
)

const (
	// maxPipelinedRequests is how many requests of one connection may wait for their answers; the reader stops beyond it.
	maxPipelinedRequests = 64
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
	r := &frameReader{tcp: c.tcp, idle: c.server.options.MaxIdle}
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
func (c *Conn) readRequest(r *frameReader) (*Request, error) {
	size, err := r.readSize(c.waiting)
	if err != nil {
		return nil, err
	}
	maxBytes := c.server.options.MaxRequestBytes()
	if size < minFrameBytes || int(size) > maxBytes {
		return nil, &violation{fmt.Sprintf("a frame length of %d, allowed are %d to %d (socket.request.max.bytes)", size, minFrameBytes, maxBytes)}
	}
	c.server.budget.acquire(int64(size))
	req := &Request{Conn: c, budgeted: int64(size)}
	if req.frame, err = r.readFrame(int(size)); err != nil {
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
