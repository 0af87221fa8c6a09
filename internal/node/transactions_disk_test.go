package node_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/node"
	"ottla.dev/ottla/internal/vfs"
)

func startOnTwoDisks(t *testing.T, disk *vfs.Mem, metadata string) *node.Node {
	t.Helper()
	snapshot, _, err := config.Load(config.LoadOptions{
		Values:   map[string]string{"log.dirs": "/a,/b", "metadata.log.dir": metadata, "listeners": "PLAINTEXT://127.0.0.1:0", "transaction.state.log.num.partitions": "1"},
		Fallback: config.Standalone("/a"),
	})
	if err != nil {
		t.Fatal(err)
	}
	n, err := node.Start(t.Context(), node.Options{Config: snapshot, FS: disk, Logger: slog.New(slog.NewTextHandler(&testLog{t: t}, &slog.HandlerOptions{Level: slog.LevelError + 1}))})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func dirOf(t *testing.T, disk *vfs.Mem, partition string) string {
	t.Helper()
	for _, dir := range []string{"/a", "/b"} {
		if _, err := disk.Stat(dir + "/" + partition + "/partition.metadata"); err == nil {
			return dir
		}
	}
	t.Fatalf("%s is on no disk", partition)
	return ""
}

// TestDiskFailsUnderTheMarkers takes one of two disks away while a transaction with partitions on both is open. Its end is decided, the marker
// that cannot be written waits for the disk, and is there when that is.
func TestDiskFailsUnderTheMarkers(t *testing.T) {
	for _, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		disk, metadata := vfs.NewMem(), filepath.Join(t.TempDir(), "metadata")
		n := startOnTwoDisks(t, disk, metadata)
		p, err := kgo.NewClient(kgo.SeedBrokers(n.Addr()), kgo.AllowAutoTopicCreation(), kgo.TransactionalID("split"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		transact(t, p, kgo.TryCommit, []string{"one", "two", "three", "four"}, "before")
		safe := dirOf(t, disk, "__transaction_state-0")
		var staying, going string
		for _, topic := range []string{"one", "two", "three", "four"} {
			if dirOf(t, disk, topic+"-0") == safe {
				staying = topic
			} else {
				going = topic
			}
		}
		if err := p.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		produceInto(t, p, []string{staying, going}, "v")
		broken := dirOf(t, disk, going+"-0")
		disk.Inject(func(op vfs.Op, name string) vfs.Fault {
			if strings.HasPrefix(name, broken) && (op == vfs.OpWrite || op == vfs.OpSync) {
				return vfs.Fault{Err: errors.New("the disk is broken")}
			}
			return vfs.Fault{}
		})
		if err := p.EndTransaction(within(t), commit); err != nil {
			t.Fatalf("the end of the transaction: %v", err)
		}
		a := attack(t, n.Addr())
		awaitStable(t, a, staying)
		awaitState(t, a, "split", map[kgo.TransactionEndTry]string{kgo.TryCommit: "PrepareCommit", kgo.TryAbort: "PrepareAbort"}[commit])
		p.CloseAllowingRebalance()
		_ = n.Close()
		disk.Inject(nil)

		n = startOnTwoDisks(t, disk, metadata)
		awaitState(t, attack(t, n.Addr()), "split", map[kgo.TransactionEndTry]string{kgo.TryCommit: "CompleteCommit", kgo.TryAbort: "CompleteAbort"}[commit])
		last, err := kgo.NewClient(kgo.SeedBrokers(n.Addr()), kgo.TransactionalID("split"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		transact(t, last, kgo.TryCommit, []string{staying, going}, "last")
		want := []string{"before", "v", "last"}
		if !commit {
			want = []string{"before", "last"}
		}
		for _, topic := range []string{staying, going} {
			if got := survivors(t, n.Addr(), topic); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", topic, got, want)
			}
		}
		last.CloseAllowingRebalance()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestStopUnderTransactionsLeavesNothingBehind stops a node while producers are in all parts of their transactions and readers of committed records
// wait for them.
func TestStopUnderTransactionsLeavesNothingBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for range 3 {
		disk, metadata := vfs.NewMem(), filepath.Join(t.TempDir(), "metadata")
		n := startOnTwoDisks(t, disk, metadata)
		ctx, cancel := context.WithCancel(t.Context())
		var clients []*kgo.Client
		var running sync.WaitGroup
		ended := make(chan struct{})
		for i := range 8 {
			c, err := kgo.NewClient(kgo.SeedBrokers(n.Addr()), kgo.AllowAutoTopicCreation(), kgo.TransactionalID(fmt.Sprint("producer ", i)),
				kgo.ConsumeTopics("left"), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMinBytes(1<<20))
			if err != nil {
				t.Fatal(err)
			}
			clients = append(clients, c)
			running.Go(func() {
				for c.BeginTransaction() == nil {
					if c.ProduceSync(ctx, &kgo.Record{Topic: "left", Value: []byte("v")}, &kgo.Record{Topic: "right", Value: []byte("v")}).FirstErr() != nil {
						return
					}
					if c.EndTransaction(ctx, kgo.TransactionEndTry(i%2 == 0)) != nil {
						return
					}
					select {
					case ended <- struct{}{}:
					case <-ctx.Done():
					}
				}
			})
		}
		for range 3 * len(clients) {
			select {
			case <-ended:
			case <-time.After(30 * time.Second):
				t.Fatal("the producers do nothing")
			}
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		cancel()
		for _, c := range clients {
			c.CloseAllowingRebalance() // a record that was sent is waited for until then
		}
		running.Wait()
	}
	goleak.VerifyNone(t, before)
}
