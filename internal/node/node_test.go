package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/broker"
)

func start(t *testing.T, dir string, properties map[string]string) *broker.Broker {
	t.Helper()
	b, err := broker.Start(t.Context(), broker.Config{DataDir: dir, Addr: "127.0.0.1:0", Properties: properties, Logger: slog.New(slog.NewTextHandler(&testLog{t: t}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return b
}

// testLog writes a node's log into the test's.
type testLog struct{ t *testing.T }

func (l *testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func client(t *testing.T, b *broker.Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addr()), kgo.AllowAutoTopicCreation()}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// consume reads n records.
func consume(t *testing.T, c *kgo.Client, n int) []*kgo.Record {
	t.Helper()
	ctx := within(t)
	var got []*kgo.Record
	for len(got) < n {
		f := c.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v", len(got), n, err)
		}
		got = append(got, f.Records()...)
	}
	return got
}

func TestProduceAndConsumeAcrossARestart(t *testing.T) {
	dir := t.TempDir()
	var value = bytes.Repeat([]byte("x"), 1000)
	const n = 500
	for round := range 2 {
		b := start(t, dir, nil)
		p := client(t, b, kgo.DefaultProduceTopic("events"))
		for i := range n {
			p.Produce(within(t), &kgo.Record{Key: fmt.Append(nil, round*n+i), Value: value}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		if err := p.Flush(within(t)); err != nil {
			t.Fatal(err)
		}
		c := client(t, b, kgo.ConsumeTopics("events"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		got := consume(t, c, (round+1)*n)
		for i, r := range got {
			if string(r.Key) != fmt.Sprint(i) || r.Offset != int64(i) || !bytes.Equal(r.Value, value) {
				t.Fatalf("record %d: key %s at offset %d", i, r.Key, r.Offset)
			}
		}
		p.Close()
		c.Close()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGroupResumesAfterARestart(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir, nil)
	p := client(t, b, kgo.DefaultProduceTopic("work"))
	produce := func(p *kgo.Client, values ...string) {
		t.Helper()
		for _, v := range values {
			if err := p.ProduceSync(within(t), kgo.StringRecord(v)).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	produce(p, "a", "b", "c")
	group := []kgo.Opt{kgo.ConsumerGroup("workers"), kgo.ConsumeTopics("work"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit()}
	c := client(t, b, group...)
	got := consume(t, c, 3)
	if err := c.CommitRecords(within(t), got[0], got[1]); err != nil {
		t.Fatal(err)
	}
	c.Close()
	p.Close()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = start(t, dir, nil)
	produce(client(t, b, kgo.DefaultProduceTopic("work")), "d")
	got = consume(t, client(t, b, group...), 2)
	if string(got[0].Value) != "c" || string(got[1].Value) != "d" {
		t.Fatalf("resumed at %s, then %s; want c, d", got[0].Value, got[1].Value)
	}
}

func TestTopicsComeAndGo(t *testing.T) {
	b := start(t, t.TempDir(), nil)
	adm := kadm.NewClient(client(t, b))
	ctx := within(t)
	retention := "1000"
	for range 2 { // the same name again gets a new, empty topic
		if _, err := adm.CreateTopic(ctx, 3, 1, map[string]*string{"retention.ms": &retention}, "short"); err != nil {
			t.Fatal(err)
		}
		if err := client(t, b).ProduceSync(ctx, &kgo.Record{Topic: "short", Partition: 0, Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		ends, err := adm.ListEndOffsets(ctx, "short")
		if err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		ends.Each(func(o kadm.ListedOffset) { sum += o.Offset })
		if sum != 1 || len(ends["short"]) != 3 {
			t.Fatalf("end offsets %+v", ends)
		}
		if _, err := adm.DeleteTopic(ctx, "short"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := adm.CreateTopic(ctx, 1, 2, nil, "two-copies"); err == nil || !strings.Contains(err.Error(), "INVALID_REPLICATION_FACTOR") {
		t.Fatalf("two copies on one node: %v", err)
	}
}

func TestSecondNodeOnADirectoryIsTold(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, nil)
	_, err := broker.Start(t.Context(), broker.Config{DataDir: dir, Addr: "127.0.0.1:0"})
	if err == nil || !strings.Contains(err.Error(), dir) {
		t.Fatalf("got %v, want an error that names the directory and who holds it", err)
	}
}

func TestManyNodesInOneProcess(t *testing.T) {
	for i := range 3 {
		b := start(t, t.TempDir(), nil)
		if err := client(t, b).ProduceSync(within(t), &kgo.Record{Topic: "t", Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDurableBeforeAck(t *testing.T) {
	b := start(t, t.TempDir(), map[string]string{"ottla.flush.before.ack": "true"})
	c := client(t, b, kgo.DefaultProduceTopic("safe"), kgo.ConsumeTopics("safe"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for i := range 20 {
		if err := c.ProduceSync(within(t), &kgo.Record{Value: fmt.Append(nil, i)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	consume(t, c, 20)
}

func TestWildcardListenerTellsClientsTheAddressTheyReached(t *testing.T) {
	b, err := broker.Start(t.Context(), broker.Config{DataDir: t.TempDir(), Addr: "0.0.0.0:0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	_, port, err := net.SplitHostPort(b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "127.0.0.7"} {
		c, err := kgo.NewClient(kgo.SeedBrokers(net.JoinHostPort(host, port)))
		if err != nil {
			t.Fatal(err)
		}
		brokers, err := kadm.NewClient(c).ListBrokers(within(t))
		c.Close()
		if err != nil {
			t.Fatal(err)
		}
		if len(brokers) != 1 || brokers[0].Host != host || fmt.Sprint(brokers[0].Port) != port {
			t.Fatalf("a client that reached %s:%s was told %+v", host, port, brokers)
		}
	}
}

func TestAdvertisedListenersAreTold(t *testing.T) {
	b := start(t, t.TempDir(), map[string]string{"advertised.listeners": "PLAINTEXT://broker.example:19092"})
	c, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	req := kmsg.NewPtrMetadataRequest()
	resp, err := req.RequestWith(within(t), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Brokers) != 1 || resp.Brokers[0].Host != "broker.example" || resp.Brokers[0].Port != 19092 {
		t.Fatalf("told %+v", resp.Brokers)
	}
}

func TestSettingsChangeWithoutARestart(t *testing.T) {
	b := start(t, t.TempDir(), nil)
	c := client(t, b, kgo.RecordRetries(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
	adm := kadm.NewClient(c)
	ctx := within(t)
	produce := func() error {
		return c.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: make([]byte, 2000)}).FirstErr()
	}
	if err := produce(); err != nil {
		t.Fatal(err)
	}
	alter := func(op kadm.IncrementalOp, topic, name, value string) {
		t.Helper()
		change := []kadm.AlterConfig{{Op: op, Name: name, Value: &value}}
		var err error
		if topic != "" {
			_, err = adm.AlterTopicConfigs(ctx, change, topic)
		} else {
			_, err = adm.AlterBrokerConfigs(ctx, change)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	alter(kadm.SetConfig, "", "message.max.bytes", "1000") // cluster-wide
	if err := produce(); !errors.Is(err, kerr.MessageTooLarge) {
		t.Fatalf("a record beyond the cluster-wide limit: %v", err)
	}
	alter(kadm.SetConfig, "t", "max.message.bytes", "5000") // the topic's own goes first
	if err := produce(); err != nil {
		t.Fatal(err)
	}
	alter(kadm.SetConfig, "", "ottla.disk.min.free.bytes", strconv.FormatInt(math.MaxInt64/2, 10))
	if err := produce(); err == nil {
		t.Fatal("a record was taken although the disk is said to be full")
	}
	alter(kadm.DeleteConfig, "", "ottla.disk.min.free.bytes", "")
	if err := produce(); err != nil {
		t.Fatal(err)
	}
}

func TestDataDirectoryWithACommaIsRefused(t *testing.T) {
	_, err := broker.Start(t.Context(), broker.Config{DataDir: filepath.Join(t.TempDir(), "a,b"), Addr: "127.0.0.1:0"})
	if err == nil || !strings.Contains(err.Error(), "comma") {
		t.Fatalf("got %v: log.dirs would name two directories", err)
	}
}

// TestStopWhileClientsAreBusy stops a node in the middle of produces, fetches, commits and rebalances. It must not wait for them.
func TestStopWhileClientsAreBusy(t *testing.T) {
	for range 2 {
		b := start(t, t.TempDir(), map[string]string{"group.initial.rebalance.delay.ms": "0"})
		ctx, cancel := context.WithCancel(t.Context())
		var busy sync.WaitGroup
		var clients []*kgo.Client
		first := make(chan struct{}, 100)
		for i := range 4 {
			p := client(t, b, kgo.DefaultProduceTopic("busy"), kgo.ProducerLinger(0))
			busy.Go(func() {
				for ctx.Err() == nil {
					if p.ProduceSync(ctx, kgo.StringRecord("x")).FirstErr() == nil {
						select {
						case first <- struct{}{}:
						default:
						}
					}
				}
			})
			c := client(t, b, kgo.ConsumeTopics("busy"), kgo.ConsumerGroup(fmt.Sprint("group", i%2)), kgo.AutoCommitInterval(100*time.Millisecond))
			clients = append(clients, p, c)
			busy.Go(func() {
				for ctx.Err() == nil {
					c.PollFetches(ctx)
				}
			})
		}
		for range 100 {
			<-first
		}
		closed := make(chan error, 1)
		go func() { closed <- b.Close() }()
		select {
		case err := <-closed:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(30 * time.Second):
			stacks := make([]byte, 1<<20)
			t.Fatalf("the node does not stop:\n%s", stacks[:runtime.Stack(stacks, true)])
		}
		cancel()
		for _, c := range clients {
			c.Close() // a produce that is under way ends with its client
		}
		busy.Wait()
	}
}
