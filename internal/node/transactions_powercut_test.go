package node_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/node"
	"ottla.dev/ottla/internal/vfs"
)

// afterPowerCut stops what is left of the node and returns the disk as the next start of the machine may find it: what was not synced is there,
// or not, as the random numbers want it.
func (m *mortal) afterPowerCut(random *rand.Rand) *vfs.Mem {
	_ = m.Close() // all that it still wants to write fails
	m.disk.Inject(nil)
	return m.disk.CrashClone(random)
}

func startDurable(t *testing.T, disk *vfs.Mem, metadata, flush string) *mortal {
	t.Helper()
	snapshot, _, err := config.Load(config.LoadOptions{
		Values: map[string]string{
			"log.dirs": "/data", "metadata.log.dir": metadata, "listeners": "PLAINTEXT://127.0.0.1:0", "transaction.state.log.num.partitions": "3",
			"ottla.flush.before.ack": flush,
		},
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

// TestTransactionsSurviveAPowerCut cuts the power at writes and syncs here and there while a producer runs transactions over two topics. Where
// everything is on stable storage before it is acknowledged (ottla.flush.before.ack), transactions must be whole as after a kill.
func TestTransactionsSurviveAPowerCut(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { cutPower(t, rand.New(rand.NewPCG(seed, 7))) })
	}
}

func cutPower(t *testing.T, random *rand.Rand) {
	disk, metadata := vfs.NewMem(), filepath.Join(t.TempDir(), "metadata")
	committed, aborted := map[string]bool{}, map[string]bool{}
	var tried int
	for life := range 20 {
		m := startDurable(t, disk, metadata, "true")
		c, err := kgo.NewClient(kgo.SeedBrokers(m.Addr()), kgo.AllowAutoTopicCreation(), kgo.TransactionalID("survivor"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		name := func(i int) string { return fmt.Sprintf("%02d-%03d", life, i) }
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		for i := range 3 { // before anything bad happens
			runTransaction(ctx, c, name(i), i%3 != 1, committed, aborted)
		}
		if ctx.Err() != nil {
			t.Fatalf("after the power cut of life %d nothing goes on", life-1)
		}
		m.dieAfter(1 + random.IntN(90))
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
		disk = m.afterPowerCut(random)
		<-closed
	}
	m := startDurable(t, disk, metadata, "true")
	defer m.Close()
	last, err := kgo.NewClient(kgo.SeedBrokers(m.Addr()), kgo.TransactionalID("survivor"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer last.Close()
	runTransaction(within(t), last, "last", true, committed, aborted)
	wantWhole(t, m.Addr(), committed, aborted, tried)
}
