// Package network accepts connections, frames requests and keeps the order of their answers. It knows nothing of what a request means.
package network

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Listener is one address that the node serves.
type Listener struct {
	Name     string // of the listener, such as PLAINTEXT
	Host     string // empty: all addresses
	Port     int    // 0: one that is free; after Listen, the one that was taken
	listener *net.TCPListener
}

// Wildcard tells whether the listener serves every address of the machine.
func (l *Listener) Wildcard() bool {
	ip := net.ParseIP(l.Host)
	return l.Host == "" || ip != nil && ip.IsUnspecified()
}

// Options are the limits of a server. The functions are asked each time, because their settings change at run time.
type Options struct {
	Logger              *slog.Logger
	MaxRequestBytes     func() int          // socket.request.max.bytes
	QueuedMaxBytes      int64               // queued.max.request.bytes; ≤ 0: without limit
	MaxIdle             time.Duration       // connections.max.idle.ms; ≤ 0: for ever
	MaxConnections      func() int          // max.connections
	MaxConnectionsPerIP func(ip string) int // max.connections.per.ip and its overrides
	SendBufferBytes     int                 // socket.send.buffer.bytes; negative: the system's; 0: by how far the client is
	ReceiveBufferBytes  int                 // socket.receive.buffer.bytes; ≤ 0: the system's
	Backlog             int                 // socket.listen.backlog.size; informational on systems that fix it
}

// Server owns the listeners and connections of a node.
type Server struct {
	options   Options
	handler   Handler
	budget    *budget
	listeners []*Listener
	running   sync.WaitGroup

	mu     sync.Mutex // guards conns, perIP and closed
	conns  map[*Conn]struct{}
	perIP  map[string]int
	closed bool
}

// Listen opens the listeners. Nothing is accepted before Serve. An address that is taken is an error that names it.
func Listen(listeners []*Listener, options Options) (*Server, error) {
	s := &Server{options: options, budget: newBudget(options.QueuedMaxBytes), conns: map[*Conn]struct{}{}, perIP: map[string]int{}}
	for _, l := range listeners {
		address := net.JoinHostPort(l.Host, strconv.Itoa(l.Port))
		ln, err := net.Listen("tcp", address)
		if err != nil {
			s.closeListeners()
			if errors.Is(err, syscall.EADDRINUSE) {
				return nil, fmt.Errorf("listener %s: the address %s is taken by another program: stop it, or choose another port (listeners=%s://%s:PORT): %w", l.Name, address, l.Name, l.Host, err)
			}
			return nil, fmt.Errorf("listener %s on %s: %w", l.Name, address, err)
		}
		l.listener = ln.(*net.TCPListener)
		l.Port = ln.Addr().(*net.TCPAddr).Port
		s.listeners = append(s.listeners, l)
	}
	return s, nil
}

// Listeners returns the open listeners with the ports that they got.
func (s *Server) Listeners() []*Listener { return s.listeners }

// Serve begins to accept connections; their requests go to h.
func (s *Server) Serve(h Handler) {
	s.handler = h
	for _, l := range s.listeners {
		s.running.Go(func() { s.accept(l) })
	}
}

func (s *Server) accept(l *Listener) {
	for {
		tcp, err := l.listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Out of file descriptors, mostly. Wait for some to come back rather than spin.
			s.options.Logger.Error("cannot accept a connection", "listener", l.Name, "error", err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		c := s.admit(l, tcp)
		if c == nil {
			_ = tcp.Close()
			continue
		}
		s.running.Go(c.serve)
	}
}

// admit makes the connection, or returns nil when a limit forbids it.
func (s *Server) admit(l *Listener, tcp *net.TCPConn) *Conn {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	if n := sendBufferBytes(s.options.SendBufferBytes, raw); n > 0 {
		_ = tcp.SetWriteBuffer(n)
	}
	if s.options.ReceiveBufferBytes > 0 {
		_ = tcp.SetReadBuffer(s.options.ReceiveBufferBytes)
	}
	c := &Conn{Listener: l, server: s, tcp: tcp, writer: Writer{tcp: tcp, raw: raw}, ID: tcp.LocalAddr().String() + "-" + tcp.RemoteAddr().String()}
	c.room = sync.NewCond(&c.mu)
	ip := c.RemoteHost()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if limit := s.options.MaxConnections(); len(s.conns) >= limit {
		s.options.Logger.Warn("refused a connection", "reason", fmt.Sprintf("%d connections are open, max.connections is %d", len(s.conns), limit), "client", ip)
		return nil
	}
	if limit := s.options.MaxConnectionsPerIP(ip); s.perIP[ip] >= limit {
		s.options.Logger.Warn("refused a connection", "reason", fmt.Sprintf("%d connections from this address are open, max.connections.per.ip allows %d", s.perIP[ip], limit), "client", ip)
		return nil
	}
	s.conns[c] = struct{}{}
	s.perIP[ip]++
	return c
}

func (s *Server) forget(c *Conn) {
	ip := c.RemoteHost()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.perIP[ip]--; s.perIP[ip] <= 0 {
		delete(s.perIP, ip)
	}
}

// Connections returns how many connections are open.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		_ = l.listener.Close()
	}
}

// StopAccepting closes the listeners and leaves the connections.
func (s *Server) StopAccepting() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.closeListeners()
}

// Close ends all connections and returns when their goroutines have.
func (s *Server) Close() {
	s.StopAccepting()
	s.mu.Lock()
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		c.abort("")
	}
	s.running.Wait()
}
