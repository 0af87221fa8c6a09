package run

import (
	"fmt"
	"log/slog"
	"testing"

	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/store"
	"ottla.dev/ottla/internal/metadata/store/etcd"
	"ottla.dev/ottla/internal/metadata/store/storetest"
)

// TestOnEmbeddedEtcd runs a node on the store that it has in production, and starts it again and again.
func TestOnEmbeddedEtcd(t *testing.T) {
	snapshot, _, err := config.Load(config.LoadOptions{Fallback: config.Standalone("/tmp/none")})
	if err != nil {
		t.Fatal(err)
	}
	dir, ctx := t.TempDir(), storetest.Context(t)
	var last *metadata.Image
	for life := range byte(3) {
		log := slog.New(slog.NewTextHandler(t.Output(), nil))
		backend, err := etcd.Open(ctx, etcd.Embedded{Dir: dir, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		s := store.New(backend)
		r, err := Start(ctx, Options{Store: s, NodeID: 1, Config: func() *config.Snapshot { return snapshot }, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		n := &node{Run: r, t: t, store: s}
		n.join(life + 1)
		if last != nil && (n.Image().NumTopics() != last.NumTopics() || n.Image().ClusterID != last.ClusterID || n.Image().ControllerEpoch <= last.ControllerEpoch) {
			t.Fatalf("image %+v after %+v", n.Image(), last)
		}
		for i := range 20 {
			n.mustCreate(fmt.Sprintf("topic-%d-%d", life, i))
		}
		if leader := n.Image().Topic("topic-0-0").Partitions[0]; leader.LeaderEpoch != int32(life) {
			t.Fatalf("in life %d the leader epoch is %d", life, leader.LeaderEpoch)
		}
		last = n.Image()
		n.stop()
	}
}
