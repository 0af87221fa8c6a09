package node_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/broker"
)

// The tests in the hostile_* files send a node what no client should send, break what it keeps on disk, and take its disk away. Each
// case asks for Kafka's error code or a closed connection, for one log line that helps, and that a good client beside it
// notices nothing. docs/wrong-input.md is the table of what they found to be so.

// hostileLog keeps a node's log and lets a test wait for a line of it.
type hostileLog struct {
	mu      sync.Mutex // guards text
	written *sync.Cond
	text    bytes.Buffer
}

func newHostileLog() *hostileLog {
	l := &hostileLog{}
	l.written = sync.NewCond(&l.mu)
	return l
}

func (l *hostileLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.written.Broadcast()
	return l.text.Write(p)
}

// mark returns how much has been logged so far.
func (l *hostileLog) mark() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Len()
}

// since returns what has been logged since a mark.
func (l *hostileLog) since(mark int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text.Bytes()[mark:])
}

// waitFor waits until a line with all the words has been logged since the mark, and returns it. The log is written after the
// connection is closed, so a test that saw the latter may have to wait for the former.
func (l *hostileLog) waitFor(t *testing.T, mark int, words ...string) string {
	t.Helper()
	expired := false
	timer := time.AfterFunc(10*time.Second, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		expired = true
		l.written.Broadcast()
	})
	defer timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for line := range strings.Lines(string(l.text.Bytes()[mark:])) {
			if containsAll(line, words) {
				return line
			}
		}
		if expired {
			t.Fatalf("no log line with %q in:\n%s", words, l.text.Bytes()[mark:])
		}
		l.written.Wait()
	}
}

func containsAll(line string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// victim is a node, its log and a good client that uses it while the test does its worst.
type victim struct {
	t    *testing.T
	b    *broker.Broker
	dir  string
	log  *hostileLog
	good *goodClient
}

func startVictim(t *testing.T, dir string, properties map[string]string) *victim {
	t.Helper()
	v := &victim{t: t, dir: dir, log: newHostileLog()}
	var err error
	v.b, err = broker.Start(t.Context(), broker.Config{DataDir: dir, Addr: "127.0.0.1:0", Properties: properties, Logger: slog.New(slog.NewTextHandler(v.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return v
}

// attacked starts a node with a good client at work, which must have lost nothing when the test ends.
func attacked(t *testing.T, properties map[string]string) *victim {
	t.Helper()
	v := startVictim(t, t.TempDir(), properties)
	v.good = startGoodClient(t, v.b.Addr())
	return v
}

// goodClient produces and consumes, one record after the other, until the test ends.
type goodClient struct {
	cancel context.CancelFunc
	done   chan struct{}
	acked  int
	err    error
}

const goodTopic = "good"

func startGoodClient(t *testing.T, address string) *goodClient {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic(goodTopic), kgo.RecordRetries(0),
		kgo.ConsumeTopics(goodTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ProduceSync(within(t), kgo.StringRecord("0")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	g := &goodClient{done: make(chan struct{}), acked: 1}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	g.cancel = cancel
	go g.run(ctx, c)
	t.Cleanup(func() {
		cancel()
		<-g.done
		if g.err != nil {
			t.Errorf("the good client was disturbed after %d records: %v", g.acked, g.err)
		}
	})
	return g
}

func (g *goodClient) run(ctx context.Context, c *kgo.Client) {
	defer close(g.done)
	defer c.Close()
	read := 0
	for g.err == nil && ctx.Err() == nil {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		if g.err = c.ProduceSync(bounded, kgo.StringRecord(fmt.Sprint(g.acked))).FirstErr(); g.err == nil {
			g.acked++
		}
		for g.err == nil && read < g.acked {
			fetches := c.PollFetches(bounded)
			g.err = fetches.Err()
			fetches.EachRecord(func(r *kgo.Record) {
				if g.err == nil && (string(r.Value) != fmt.Sprint(read) || r.Offset != int64(read)) {
					g.err = fmt.Errorf("record %d came as %q at offset %d", read, r.Value, r.Offset)
				}
				read++
			})
		}
		cancel()
	}
}

// attacker is one connection that speaks raw bytes.
type attacker struct {
	t    testing.TB
	conn net.Conn
}

func attack(t testing.TB, address string) *attacker {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return &attacker{t: t, conn: conn}
}

func (a *attacker) send(b []byte) *attacker {
	a.t.Helper()
	if _, err := a.conn.Write(b); err != nil && !isCut(err) {
		a.t.Fatal(err)
	}
	return a
}

// finish tells the node that no more will come: what it has not answered by then it may forget.
func (a *attacker) finish() { _ = a.conn.(*net.TCPConn).CloseWrite() }

// isCut tells whether an error is what a closed connection gives, in one of its forms.
func isCut(err error) bool {
	var timeout net.Error
	return err != nil && (!errors.As(err, &timeout) || !timeout.Timeout())
}

// closed asserts that the node answers nothing and closes.
func (a *attacker) closed() {
	a.t.Helper()
	var b [1]byte
	if n, err := a.conn.Read(b[:]); n != 0 || !isCut(err) {
		a.t.Errorf("the connection gave %d bytes and %v, want it closed", n, err)
	}
}

// answer reads one frame, without its length. It fails for a connection that was closed.
func (a *attacker) answer() []byte {
	a.t.Helper()
	b, err := a.read()
	if err != nil {
		a.t.Fatalf("no answer: %v", err)
	}
	return b
}

func (a *attacker) read() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(a.conn, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(a.conn, b)
	return b, err
}

// ask sends a request in a version and decodes the answer.
func ask[R kmsg.Response](a *attacker, req kmsg.Request, version int16) R {
	a.t.Helper()
	a.send(frameOf(req, version))
	b := a.answer()
	resp := req.ResponseKind()
	resp.SetVersion(version)
	b = b[4:] // correlation id
	if resp.IsFlexible() && resp.Key() != 18 {
		b = b[1:] // no tags in the header
	}
	if err := resp.ReadFrom(b); err != nil {
		a.t.Fatalf("the answer does not decode: %v", err)
	}
	return resp.(R)
}

// requestFrame frames a body under a header of any key and version; flexible adds the header's empty tag section.
func requestFrame(key, version int16, flexible bool, body []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, 7)
	b = append(b, 0, 1, 'x')
	if flexible {
		b = append(b, 0)
	}
	return framed(append(b, body...))
}

func framed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}
