package etcd_test

import (
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/etcd/server/v3/embed"

	"ottla.dev/ottla/internal/metadata/store"
	"ottla.dev/ottla/internal/metadata/store/etcd"
	"ottla.dev/ottla/internal/metadata/store/storetest"
)

// startExternal runs an etcd with its usual limits, reached over a unix socket, and returns its address.
func startExternal(t *testing.T) string {
	dir := t.TempDir()
	address := url.URL{Scheme: "unix", Path: filepath.Join(dir, "client.sock")}
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel = filepath.Join(dir, "data"), "panic"
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{address}, []url.URL{address}
	cfg.ListenPeerUrls = []url.URL{{Scheme: "unix", Path: filepath.Join(dir, "peer.sock")}}
	cfg.TickMs, cfg.ElectionMs = 10, 50
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	<-e.Server.ReadyNotify()
	return address.String()
}

func TestExternal(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server for each test of the suite")
	}
	storetest.Run(t, func(t *testing.T) storetest.Cluster {
		address := startExternal(t)
		return func(t *testing.T) store.Backend {
			b, err := etcd.Connect(storetest.Context(t), etcd.External{Endpoints: []string{address}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { b.Close() })
			return b
		}
	})
}

func TestTwoClustersInOneExternalEtcd(t *testing.T) {
	address, ctx := startExternal(t), storetest.Context(t)
	var backends []store.Backend
	for _, prefix := range []string{"/one/", "/two/"} {
		b, err := etcd.Connect(ctx, etcd.External{Endpoints: []string{address}, Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		backends = append(backends, b)
	}
	fill(t, ctx, store.New(backends[0]), 10, 1)
	img, err := store.New(backends[1]).Load(ctx)
	if err != nil || img.NumTopics() != 0 || img.ControllerID != -1 {
		t.Fatalf("the second cluster sees %+v, %v", img, err)
	}
}

func TestExternalThatDoesNotAnswer(t *testing.T) {
	began := time.Now()
	_, err := etcd.Connect(storetest.Context(t), etcd.External{Endpoints: []string{"unix://" + filepath.Join(t.TempDir(), "nobody.sock")}, DialTimeout: 300 * time.Millisecond})
	if err == nil || time.Since(began) > 10*time.Second {
		t.Fatalf("connected to nobody after %v: %v", time.Since(began), err)
	}
	t.Log(err)
}
