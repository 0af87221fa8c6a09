package network

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type handlerFunc func(*Request)

func (f handlerFunc) Handle(r *Request) { f(r) }

// lockedBuffer takes the log of a server.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, change func(*Options), h handlerFunc) (address string, log *lockedBuffer) {
	t.Helper()
	s, log := startServer(t, change, h)
	return s.listeners[0].listener.Addr().String(), log
}

func startServer(t *testing.T, change func(*Options), h handlerFunc) (s *Server, log *lockedBuffer) {
	t.Helper()
	log = &lockedBuffer{}
	options := Options{
		Logger:              slog.New(slog.NewTextHandler(log, nil)),
		MaxRequestBytes:     func() int { return 10 << 20 },
		MaxConnections:      func() int { return math.MaxInt32 },
		MaxConnectionsPerIP: func(string) int { return math.MaxInt32 },
	}
	if change != nil {
		change(&options)
	}
	s, err := Listen([]*Listener{{Name: "PLAINTEXT", Host: "127.0.0.1"}}, options)
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(h)
	t.Cleanup(s.Close)
	return s, log
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// frame is an ApiVersions v0 request with a body of n bytes.
func frame(correlationID int32, n int) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(10+n))
	b = append(b, 0, 18, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(correlationID))
	b = append(b, 0xff, 0xff) // no client id
	return append(b, bytes.Repeat([]byte{'x'}, n)...)
}

func answer(r *Request) {
	b := GetBuffer(0)
	b.B = binary.BigEndian.AppendUint32(b.B, 8)
	b.B = binary.BigEndian.AppendUint32(b.B, uint32(r.Header.CorrelationID))
	b.B = binary.BigEndian.AppendUint32(b.B, uint32(len(r.Body)))
	r.Respond(Bytes{b})
}

func readAnswer(t *testing.T, c net.Conn) (correlationID int32, bodyBytes int) {
	t.Helper()
	var b [12]byte
	if _, err := io.ReadFull(c, b[:]); err != nil {
		t.Fatal(err)
	}
	return int32(binary.BigEndian.Uint32(b[4:])), int(binary.BigEndian.Uint32(b[8:]))
}

func wantClosed(t *testing.T, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Fatalf("the connection gave %d bytes, want it closed", n)
	}
}

func TestAnswersLeaveInTheOrderOfTheRequests(t *testing.T) {
	var mu sync.Mutex
	var held []*Request
	address, _ := start(t, nil, func(r *Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Header.CorrelationID%2 == 1 {
			answer(r) // ready at once, behind one that is not
			return
		}
		if held = append(held, r); len(held) == 4 {
			go func() { // the last first, from another goroutine
				for i := len(held) - 1; i >= 0; i-- {
					answer(held[i])
				}
			}()
		}
	})
	c := dial(t, address)
	for i := range int32(8) {
		if _, err := c.Write(frame(i, int(i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range int32(8) {
		if id, n := readAnswer(t, c); id != i || n != int(i) {
			t.Fatalf("answer %d is for %d with %d bytes", i, id, n)
		}
	}
}

func TestLargeFramesArriveWhole(t *testing.T) {
	address, _ := start(t, nil, answer)
	c := dial(t, address)
	for _, n := range []int{0, 1, 8190, 1 << 20, trustedFrameBytes, 5 << 20} {
		if _, err := c.Write(frame(1, n)); err != nil {
			t.Fatal(err)
		}
		if _, got := readAnswer(t, c); got != n {
			t.Fatalf("a body of %d bytes arrived as %d", n, got)
		}
	}
}

func TestWrongFramesCloseOnlyTheirConnection(t *testing.T) {
	s, log := startServer(t, nil, answer)
	address := s.listeners[0].listener.Addr().String()
	good := dial(t, address)
	for name, bytes := range map[string][]byte{
		"negative length":    {0xff, 0xff, 0xff, 0xff},
		"oversized length":   {0x7f, 0xff, 0xff, 0xff},
		"too short a length": {0, 0, 0, 3, 1, 2, 3},
		"http":               []byte("GET / HTTP/1.1\r\n\r\n"),
		"client id cut":      {0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0x7f, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, address)
			if _, err := c.Write(bytes); err != nil {
				t.Fatal(err)
			}
			wantClosed(t, c)
		})
	}
	if _, err := good.Write(frame(7, 3)); err != nil {
		t.Fatal(err)
	}
	if id, _ := readAnswer(t, good); id != 7 {
		t.Fatal("the good connection was disturbed")
	}
	s.Close() // its log is complete then
	if n := strings.Count(log.String(), "closed a connection"); n != 5 {
		t.Fatalf("%d log lines for 5 wrong connections:\n%s", n, log)
	}
}

func TestCutConnectionsCancelWhatWaits(t *testing.T) {
	cancelled := make(chan struct{})
	address, log := start(t, nil, func(r *Request) { r.OnCancel(func() { close(cancelled) }) })
	c := dial(t, address)
	if _, err := c.Write(append(frame(1, 0), 0, 0)); err != nil { // and two bytes of the next
		t.Fatal(err)
	}
	c.Close()
	<-cancelled
	if s := log.String(); s != "" {
		t.Fatalf("a client that leaves is worth no log line: %s", s)
	}
}

func TestLimitsOfConnections(t *testing.T) {
	address, log := start(t, func(o *Options) { o.MaxConnectionsPerIP = func(string) int { return 1 } }, answer)
	first := dial(t, address)
	if _, err := first.Write(frame(1, 0)); err != nil {
		t.Fatal(err)
	}
	readAnswer(t, first)
	wantClosed(t, dial(t, address))
	if !strings.Contains(log.String(), "max.connections.per.ip") {
		t.Fatalf("the log does not name the setting: %s", log)
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	address, _ := start(t, func(o *Options) { o.MaxIdle = 20 * time.Millisecond }, answer)
	wantClosed(t, dial(t, address))
}

func TestNoResponseKeepsTheOrder(t *testing.T) {
	address, _ := start(t, nil, func(r *Request) {
		if r.Header.CorrelationID == 1 {
			r.NoResponse()
			return
		}
		answer(r)
	})
	c := dial(t, address)
	for i := range int32(3) {
		_, _ = c.Write(frame(i, 0))
	}
	for _, want := range []int32{0, 2} {
		if id, _ := readAnswer(t, c); id != want {
			t.Fatalf("got answer %d, want %d", id, want)
		}
	}
}

func TestTakenAddressIsNamed(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, err = Listen([]*Listener{{Name: "PLAINTEXT", Host: "127.0.0.1", Port: ln.Addr().(*net.TCPAddr).Port}}, Options{})
	if err == nil || !strings.Contains(err.Error(), "is taken by another program") {
		t.Fatalf("got %v", err)
	}
}

// fileResponse sends a file range behind a header.
type fileResponse struct {
	file *os.File
	n    int64
}

func (f fileResponse) WriteResponse(w *Writer) error {
	if err := w.WriteMore(binary.BigEndian.AppendUint32(nil, uint32(f.n))); err != nil {
		return err
	}
	return w.SendFile(f.file.Fd(), 5, f.n)
}
func (fileResponse) Discard() {}

func TestSendFileSendsTheRange(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 1<<20)
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() }) // after the server has ended
	address, _ := start(t, nil, func(r *Request) { r.Respond(fileResponse{file, 8 << 20}) })
	c := dial(t, address)
	_, _ = c.Write(frame(1, 0))
	got := make([]byte, 4+8<<20)
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got[4:], content[5:5+8<<20]) {
		t.Fatal("the bytes differ")
	}
}

func TestBudgetHoldsRequestsBack(t *testing.T) {
	b := newBudget(10)
	b.acquire(100) // larger than the whole, but alone
	entered := make(chan struct{})
	go func() { b.acquire(1); close(entered) }()
	select {
	case <-entered:
		t.Fatal("let in above the limit")
	default:
	}
	b.release(100)
	<-entered
	b.release(1)
	if b.used != 0 {
		t.Fatalf("%d bytes are still counted", b.used)
	}
}

func TestBufferClasses(t *testing.T) {
	for _, n := range []int{0, 1, 512, 513, 4096, 4 << 20, 5 << 20} {
		b := GetBuffer(n)
		if len(b.B) != n {
			t.Fatalf("asked %d bytes, got %d", n, len(b.B))
		}
		b.Release()
	}
	grown := GetBuffer(10)
	grown.B = append(grown.B, make([]byte, 3000)...)
	grown.Release()
	if b := GetBuffer(4000); cap(b.B) < 4000 {
		t.Fatal("a grown buffer came back under a class that it does not fill")
	}
}

// countedResponse counts how often it is discarded.
type countedResponse struct{ discarded *atomic.Int32 }

func (countedResponse) WriteResponse(w *Writer) error { return w.Write([]byte{0, 0, 0, 0}) }
func (r countedResponse) Discard()                    { r.discarded.Add(1) }

func TestAnswerToAClosedConnectionIsDiscardedOnce(t *testing.T) {
	var discarded atomic.Int32
	handled := make(chan struct{})
	s, _ := startServer(t, nil, func(r *Request) {
		r.Conn.abort("") // as when the server is closed in the middle of a request
		r.Respond(countedResponse{&discarded})
		close(handled)
	})
	c := dial(t, s.listeners[0].listener.Addr().String())
	if _, err := c.Write(frame(1, 0)); err != nil {
		t.Fatal(err)
	}
	<-handled
	s.Close() // waits for the connection's end
	if n := discarded.Load(); n != 1 {
		t.Fatalf("the answer was discarded %d times: its memory would serve two requests at once", n)
	}
}

func TestConnectionThatEndsAtOnceLeavesNoWriterBehind(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // the writer begins when this goroutine waits, and not before
	s := &Server{}
	c := &Conn{server: s}
	c.mu.Lock()
	c.wakeWriterLocked()
	close(c.wake)
	c.wake = nil // as at the connection's end
	c.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the writer of a connection that has ended waits for ever, and the server cannot close")
	}
}
