package node_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/broker"
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/node"
	"ottla.dev/ottla/internal/vfs"
)

// startAt starts a node on a given address, so that a client finds it again.
func startAt(t *testing.T, dir, address string) *broker.Broker {
	t.Helper()
	b, err := broker.Start(t.Context(), broker.Config{DataDir: dir, Addr: address, Logger: slog.New(slog.NewTextHandler(&testLog{t: t}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestTransactionOutlivesARestart has a producer go on with its open transaction after the node came back, and end it.
func TestTransactionOutlivesARestart(t *testing.T) {
	for _, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		t.Run(fmt.Sprintf("commit %t", commit), func(t *testing.T) {
			dir := t.TempDir()
			b := startAt(t, dir, "127.0.0.1:0")
			address := b.Addr()
			p := client(t, b, kgo.TransactionalID("lasting"), kgo.TransactionTimeout(time.Minute))
			transact(t, p, kgo.TryCommit, []string{"x", "y"}, "before")
			if err := p.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			produceInto(t, p, []string{"x", "y"}, "first half")
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			b = startAt(t, dir, address)
			defer b.Close()
			produceInto(t, p, []string{"x", "y"}, "second half")
			if err := p.EndTransaction(within(t), commit); err != nil {
				t.Fatal(err)
			}
			transact(t, p, kgo.TryCommit, []string{"x", "y"}, "then")
			want := []string{"before", "first half", "second half", "then"}
			if !commit {
				want = []string{"before", "then"}
			}
			for _, topic := range []string{"x", "y"} {
				if got := committedValues(t, b, topic, len(want)); !slices.Equal(got, want) {
					t.Errorf("%s: %v, want %v", topic, got, want)
				}
			}
		})
	}
}

// mortal is a node whose disk stops at a write: what is there then is what kill -9 would leave.
type mortal struct {
	*node.Node
	disk     *vfs.Mem
	metadata string
	died     chan struct{}
}

func startMortal(t *testing.T, disk *vfs.Mem, metadata, address string) *mortal {
	t.Helper()
	snapshot, _, err := config.Load(config.LoadOptions{
		Values:   map[string]string{"log.dirs": "/data", "metadata.log.dir": metadata, "listeners": "PLAINTEXT://" + address, "transaction.state.log.num.partitions": "3"},
		Fallback: config.Standalone("/data"),
	})
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Start(t.Context(), node.Options{Config: snapshot, FS: disk, Logger: slog.New(slog.NewTextHandler(&testLog{t: t}, &slog.HandlerOptions{Level: slog.LevelError + 1}))})
	if err != nil {
		t.Fatal(err)
	}
	return &mortal{Node: n, disk: disk, metadata: metadata, died: make(chan struct{})}
}

// dieAfter lets so many more writes happen.
func (m *mortal) dieAfter(writes int) {
	var once sync.Once
	m.disk.Inject(func(op vfs.Op, name string) vfs.Fault {
		if op == vfs.OpRead || op == vfs.OpReadDir || op == vfs.OpOpen || op == vfs.OpDiskUsage {
			return vfs.Fault{}
		}
		if writes--; writes >= 0 {
			return vfs.Fault{}
		}
		once.Do(func() { close(m.died) })
		return vfs.Fault{Err: fmt.Errorf("the process was killed before it could %s %s", op, name)}
	})
}

// remains stops what is left of the node and returns the disk as the next process finds it.
func (m *mortal) remains() *vfs.Mem {
	_ = m.Close() // all that it still wants to write fails
	m.disk.Inject(nil)
	m.disk.SyncAll()
	return m.disk.CrashClone(rand.New(rand.NewPCG(1, 1))).SameBoot(m.disk)
}

// TestTransactionsSurviveAKill kills a node at writes here and there while a producer runs transactions over two topics, and looks at what
// the next one shows: every transaction whole or not at all, all that were told to be committed, none that was aborted.
func TestTransactionsSurviveAKill(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	disk, metadata := vfs.NewMem(), filepath.Join(t.TempDir(), "metadata")
	committed, aborted := map[string]bool{}, map[string]bool{}
	var tried int
	for life := range 12 {
		m := startMortal(t, disk, metadata, "127.0.0.1:0")
		c, err := kgo.NewClient(kgo.SeedBrokers(m.Addr()), kgo.AllowAutoTopicCreation(), kgo.TransactionalID("survivor"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		name := func(i int) string { return fmt.Sprintf("%02d-%03d", life, i) }
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 3 { // before anything bad happens
			runTransaction(ctx, c, name(i), i%3 != 1, committed, aborted)
		}
		m.dieAfter(1 + random.IntN(60))
		go func() {
			select {
			case <-m.died:
			case <-ctx.Done():
			}
			cancel()
		}()
		for i := 3; ctx.Err() == nil; i++ {
			runTransaction(ctx, c, name(i), i%3 != 1, committed, aborted)
			tried++
		}
		cancel()
		closed := make(chan struct{})
		go func() { c.CloseAllowingRebalance(); close(closed) }()
		disk = m.remains()
		<-closed
	}
	m := startMortal(t, disk, metadata, "127.0.0.1:0")
	defer m.Close()
	last, err := kgo.NewClient(kgo.SeedBrokers(m.Addr()), kgo.TransactionalID("survivor"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer last.Close()
	runTransaction(within(t), last, "last", true, committed, aborted)
	wantWhole(t, m.Addr(), committed, aborted, tried)
}

// wantWhole checks what is left of transactions against what their producer was told of them.
func wantWhole(t *testing.T, addr string, committed, aborted map[string]bool, tried int) {
	t.Helper()
	left, right := survivors(t, addr, "left"), survivors(t, addr, "right")
	if !slices.Equal(left, right) {
		t.Errorf("a transaction is torn:\nleft  %v\nright %v", left, right)
	}
	for v := range committed {
		if !slices.Contains(left, v) {
			t.Errorf("transaction %s was committed, and is gone", v)
		}
	}
	for _, v := range left {
		if aborted[v] {
			t.Errorf("transaction %s was aborted, and is there", v)
		}
	}
	t.Logf("%d transactions committed, %d aborted, %d tried, %d there", len(committed), len(aborted), tried, len(left))
}

// runTransaction writes a value to both topics, and notes how that ended if it is told.
func runTransaction(ctx context.Context, c *kgo.Client, value string, commit bool, committed, aborted map[string]bool) {
	if c.BeginTransaction() != nil {
		return
	}
	failed := c.ProduceSync(ctx, &kgo.Record{Topic: "left", Value: []byte(value)}, &kgo.Record{Topic: "right", Value: []byte(value)}).FirstErr() != nil
	if failed {
		_ = c.EndTransaction(ctx, kgo.TryAbort)
		return
	}
	if c.EndTransaction(ctx, kgo.TransactionEndTry(commit)) != nil {
		return
	}
	if commit {
		committed[value] = true
	} else {
		aborted[value] = true
	}
}

// survivors returns the values that are there for readers of committed records, up to that of the last transaction, in order.
func survivors(t *testing.T, address, topic string) []string {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got []string
	for !slices.Contains(got, "last") {
		for _, r := range consume(t, c, 1) {
			got = append(got, string(r.Value))
		}
	}
	return got
}
