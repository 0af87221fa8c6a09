package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// must runs a command that must work and gives its output.
func (s *stage) must(stdin string, args ...string) string {
	s.t.Helper()
	stdout, stderr, code := s.run(stdin, append(args, "-b", s.addr)...)
	if code != 0 {
		s.t.Fatalf("%v: exit %d, %s", args, code, stderr)
	}
	return stdout
}

// refuses runs a command that must end with this code, and gives what it says.
func (s *stage) refuses(want int, args ...string) string {
	s.t.Helper()
	_, stderr, code := s.run("", append(args, "-b", s.addr)...)
	if code != want {
		s.t.Errorf("%v: exit %d, want %d, %s", args, code, want, stderr)
	}
	return stderr
}

func TestAGroupInUse(t *testing.T) {
	s := newStage(t)
	s.must("", "topic", "create", "orders", "-p", "2")
	s.must("a\nb\nc\n", "produce", "orders", "-p", "1")
	member, err := kgo.NewClient(kgo.SeedBrokers(s.addr), kgo.ClientID("shop"), kgo.InstanceID("till-1"), kgo.ConsumerGroup("billing"), kgo.ConsumeTopics("orders"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	fetches := member.PollRecords(t.Context(), 2)
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	if err := member.CommitRecords(t.Context(), fetches.Records()...); err != nil {
		t.Fatal(err)
	}
	var described []struct {
		State   string
		Lag     int64
		Members []struct {
			Client, Instance string
			Partitions       map[string][]int32
		}
	}
	if err := json.Unmarshal([]byte(s.must("", "group", "describe", "billing", "-o", "json")), &described); err != nil {
		t.Fatal(err)
	}
	g := described[0]
	committed := int64(len(fetches.Records()))
	if g.State != "Stable" || g.Lag != 3-committed || len(g.Members) != 1 || g.Members[0].Client != "shop" || g.Members[0].Instance != "till-1" || len(g.Members[0].Partitions["orders"]) != 2 {
		t.Errorf("%+v", g)
	}
	if table := s.must("", "group", "describe", "billing", "-o", "wide"); !strings.Contains(table, "orders:0,1") || !strings.Contains(table, "till-1") {
		t.Error(table)
	}
	for _, args := range [][]string{{"group", "reset", "billing", "--to", "start"}, {"group", "reset", "billing", "--to", "start", "--execute"}, {"group", "delete", "billing"}} {
		if said := s.refuses(5, args...); !strings.Contains(said, "Stop its consumers first") {
			t.Errorf("%v: %s", args, said)
		}
	}
	s.refuses(5, "group", "delete", "billing", "--topic", "orders")
}

// pipe runs a command that goes on, and gives its output as it comes. stop interrupts it and gives the exit code.
func (s *stage) pipe(args ...string) (out io.Reader, stop func() int) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	r, w := io.Pipe()
	var errs bytes.Buffer
	root := Root()
	root.SetIn(strings.NewReader(""))
	root.SetOut(w)
	root.SetErr(&errs)
	code := make(chan int, 1)
	go func() {
		defer w.Close()
		code <- execute(ctx, root, append(args, "-b", s.addr), &errs)
	}()
	return r, func() int { cancel(); _, _ = io.Copy(io.Discard, r); return <-code }
}

func read(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("%q, want %q: %v", got, want, err)
	}
}

func TestConsumeFollowsUntilInterrupted(t *testing.T) {
	s := newStage(t)
	s.must("", "topic", "create", "orders")
	s.must("first\n", "produce", "orders")
	out, stop := s.pipe("consume", "orders", "--from", "start")
	read(t, out, "first\n")
	s.must("second\n", "produce", "orders")
	read(t, out, "second\n")
	if code := stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

func TestAGroupCommitsWhatItShowedWhenInterrupted(t *testing.T) {
	s := newStage(t)
	s.must("", "topic", "create", "orders")
	s.must("a\nb\n", "produce", "orders")
	out, stop := s.pipe("consume", "orders", "--from", "start", "--group", "g")
	read(t, out, "a\nb\n")
	// it marks records after they are out: one more round makes sure that it has
	s.must("c\n", "produce", "orders")
	read(t, out, "c\n")
	if code := stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
	s.must("d\n", "produce", "orders")
	got := s.must("", "consume", "orders", "--group", "g", "--max", "1", "--wait", "10s")
	if got != "c\n" && got != "d\n" {
		t.Errorf("goes on with %q", got)
	}
}

func TestLagIsWatched(t *testing.T) {
	s := newStage(t)
	s.must("", "topic", "create", "orders")
	s.must("", "group", "reset", "g", "--topic", "orders", "--to", "start", "--execute")
	out, stop := s.pipe("group", "lag", "g", "--watch", "100ms")
	head := "GROUP  TOPIC   PARTITIONS  LAG  MOST IN ONE  NOT KNOWN\n"
	read(t, out, head+"g      orders           1    0            0          0\n\n")
	s.must("a\n", "produce", "orders")
	deadline := time.Now().Add(20 * time.Second)
	for seen := ""; !strings.Contains(seen, "g      orders           1    1            1          0\n"); {
		part := make([]byte, 256)
		n, err := out.Read(part)
		seen += string(part[:n])
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%v\n%s", err, seen)
		}
	}
	if code := stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

func TestProduceInterruptedTellsWhatWasWritten(t *testing.T) {
	s := newStage(t)
	s.must("", "topic", "create", "orders")
	in, typed := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs bytes.Buffer
	root := Root()
	root.SetIn(in)
	root.SetOut(&out)
	root.SetErr(&errs)
	code := make(chan int, 1)
	go func() { code <- execute(ctx, root, []string{"produce", "orders", "-b", s.addr}, &errs) }()
	if _, err := io.WriteString(typed, "a\n"); err != nil {
		t.Fatal(err)
	}
	if got := s.must("", "consume", "orders", "--from", "start", "--max", "1"); got != "a\n" {
		t.Fatalf("%q", got)
	}
	cancel()
	if got := <-code; got != 130 || out.String() != "wrote 1 record to orders: partition 0 offset 0\n" {
		t.Errorf("exit %d, %q, %s", got, out.String(), errs.String())
	}
	typed.Close()
}

func TestLargeRecordsByTheTopicsLimit(t *testing.T) {
	s := newStage(t)
	s.must("", "topic", "create", "small")
	s.must("", "topic", "create", "large", "--config", "max.message.bytes=5000000")
	big := strings.Repeat("x", 3_000_000)
	if _, stderr, code := s.run(big, "produce", "small", "--whole", "-b", s.addr); code != 1 || !strings.Contains(stderr, "MESSAGE_TOO_LARGE") {
		t.Errorf("exit %d %s", code, stderr)
	}
	s.must(big, "produce", "large", "--whole")
	if got := s.must("", "consume", "large", "--from", "start", "--until", "end"); got != big+"\n" {
		t.Errorf("%d bytes came back", len(got))
	}
}
