package golden

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	answerPatience = 20 * time.Second
	maxAnswerBytes = 64 << 20
)

// errClosed is the broker's closing of a connection; for many wrong requests it is the answer.
var errClosed = errors.New("the broker closed the connection")

// reply is one frame without its length, or why there is none.
type reply struct {
	frame []byte
	err   error
}

// connection is one TCP connection. Kafka answers each connection's requests in their order, so waiters form a queue.
type connection struct {
	conn net.Conn

	mu      sync.Mutex // guards what follows
	waiters []chan reply
	stray   int // frames that nobody waited for
	ended   error
}

func dial(addr string) (*connection, error) {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	c := &connection{conn: conn}
	go c.read()
	return c, nil
}

func (c *connection) read() {
	for {
		frame, err := readFrame(c.conn)
		c.mu.Lock()
		if err != nil {
			c.ended = err
			for _, w := range c.waiters {
				w <- reply{err: err}
			}
			c.waiters = nil
			c.mu.Unlock()
			return
		}
		if len(c.waiters) == 0 {
			c.stray++
		} else {
			c.waiters[0] <- reply{frame: frame}
			c.waiters = c.waiters[1:]
		}
		c.mu.Unlock()
	}
}

func readFrame(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, errClosed
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxAnswerBytes {
		return nil, fmt.Errorf("an answer that claims %d bytes", n)
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(r, frame); err != nil {
		return nil, errClosed
	}
	return frame, nil
}

// send writes bytes; where an answer is due, the channel gives it.
func (c *connection) send(b []byte, answerDue bool) <-chan reply {
	waiter := make(chan reply, 1)
	c.mu.Lock()
	if c.ended != nil {
		waiter <- reply{err: c.ended}
		c.mu.Unlock()
		return waiter
	}
	if answerDue {
		c.waiters = append(c.waiters, waiter)
	}
	c.mu.Unlock()
	c.conn.SetWriteDeadline(time.Now().Add(answerPatience))
	c.conn.Write(b) // a broken connection shows itself to the reader
	return waiter
}

// strays returns how many answers came that nobody asked for.
func (c *connection) strays() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stray
}

// isOpen tells whether the broker has not closed the connection.
func (c *connection) isOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended == nil
}

func receive(waiter <-chan reply) ([]byte, error) {
	select {
	case r := <-waiter:
		return r.frame, r.err
	case <-time.After(answerPatience):
		return nil, fmt.Errorf("no answer within %s", answerPatience)
	}
}
