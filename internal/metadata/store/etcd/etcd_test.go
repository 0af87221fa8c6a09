package etcd_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/store"
	"ottla.dev/ottla/internal/metadata/store/etcd"
	"ottla.dev/ottla/internal/metadata/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, dir string) store.Backend {
	t.Helper()
	b, err := etcd.Open(storetest.Context(t), etcd.Embedded{Dir: dir, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestEmbedded(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Cluster {
		b := open(t, t.TempDir())
		return func(t *testing.T) store.Backend { return b }
	})
}

func TestRestartKeepsTheMetadata(t *testing.T) {
	dir, ctx := t.TempDir(), storetest.Context(t)
	b := open(t, dir)
	want := fill(t, ctx, store.New(b), 10, 3)
	for range 2 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		b = open(t, dir)
		t.Logf("open again in %v", time.Since(began))
		got, err := store.New(b).Load(ctx)
		if err != nil {
			t.Fatal(err)
		}
		storetest.Same(t, got, want)
	}
}

// fill stores topics and returns the image.
func fill(t testing.TB, ctx context.Context, s *store.Store, topics, partitions int) *metadata.Image {
	t.Helper()
	lease, err := s.Lease(ctx, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	term, err := s.Campaign(ctx, lease, 1)
	if err != nil {
		t.Fatal(err)
	}
	var records []metadata.Record
	for i := range topics {
		records = append(records, storetest.Topic(fmt.Sprintf("topic-%d", i), i, partitions, 1)...)
	}
	img, delta, err := metadata.Empty().Apply(0, records...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Propose(ctx, term, img, delta); err != nil {
		t.Fatal(err)
	}
	return img
}

func TestSecondOpenIsRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if _, err := etcd.Open(storetest.Context(t), etcd.Embedded{Dir: dir}); !errors.Is(err, etcd.ErrLocked) {
		t.Fatalf("a second node opened the directory: %v", err)
	}
}

func TestTwoNodesInOneProcess(t *testing.T) {
	ctx := storetest.Context(t)
	one, two := open(t, t.TempDir()), open(t, t.TempDir())
	if _, err := one.Commit(ctx, nil, []store.Op{{Key: "a", Value: []byte("1")}}); err != nil {
		t.Fatal(err)
	}
	keys, _, err := two.Range(ctx, "")
	if err != nil || len(keys) != 0 {
		t.Fatalf("the other node has %v, %v", keys, err)
	}
}

func TestDamagedDirectory(t *testing.T) {
	damage := func(pattern string, change func(path string) error) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			files, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(files) == 0 {
				t.Fatalf("no file %s in %s: %v", pattern, dir, err)
			}
			if err := change(files[0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	overwrite := func(path string) error {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteAt(make([]byte, 16<<10), 0)
		return err
	}
	for name, change := range map[string]func(*testing.T, string){
		"database overwritten": damage("member/snap/db", overwrite),
		"database cut":         damage("member/snap/db", func(path string) error { return os.Truncate(path, 100) }),
		"database missing":     damage("member/snap/db", os.Remove),
		"log overwritten":      damage("member/wal/*.wal", overwrite),
		"log missing":          damage("member/wal/0000000000000000-*.wal", os.Remove),
	} {
		t.Run(name, func(t *testing.T) {
			dir, ctx := t.TempDir(), storetest.Context(t)
			b := open(t, dir)
			fill(t, ctx, store.New(b), 10, 1)
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			change(t, dir)
			b, err := etcd.Open(ctx, etcd.Embedded{Dir: dir, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
			if err == nil {
				defer b.Close()
				img, loadErr := store.New(b).Load(ctx)
				if loadErr == nil && img.NumTopics() == 10 {
					t.Log("all of it could be recovered")
					return
				}
				t.Fatalf("opened a damaged directory: image %+v, %v", img, loadErr)
			}
			t.Log(err)
		})
	}
}

// TestKilledAtAnyTime kills a child process that writes without end, and checks that whatever it had acknowledged is there.
func TestKilledAtAnyTime(t *testing.T) {
	if dir := os.Getenv("ETCD_TEST_CHILD"); dir != "" {
		writeUntilKilled(t, dir)
	}
	dir := t.TempDir()
	topics := 0
	for round := range 4 {
		child := exec.Command(os.Args[0], "-test.run=^TestKilledAtAnyTime$")
		child.Env = append(os.Environ(), "ETCD_TEST_CHILD="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := bufio.NewScanner(out)
		for range 5 * round { // in the first round it is killed while it starts
			if !acknowledged.Scan() {
				t.Fatal("the child ended")
			}
			if _, err := fmt.Sscanf(acknowledged.Text(), "stored %d", &topics); err != nil {
				t.Fatalf("the child says %q", acknowledged.Text())
			}
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = child.Wait()
		b := open(t, dir)
		img, err := store.New(b).Load(storetest.Context(t))
		if err != nil {
			t.Fatal(err)
		}
		if img.NumTopics() < topics {
			t.Fatalf("%d topics were acknowledged, %d are there", topics, img.NumTopics())
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if topics == 0 {
		t.Fatal("nothing was ever stored")
	}
}

func writeUntilKilled(t *testing.T, dir string) {
	ctx := context.Background()
	b, err := etcd.Open(ctx, etcd.Embedded{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(b)
	img, err := s.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	lease, err := s.Lease(ctx, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	term, err := s.Campaign(ctx, lease, 1) // the killed one's lease still lives
	if err != nil {
		t.Fatal(err)
	}
	for {
		n := img.NumTopics()
		next, delta, err := img.Apply(0, storetest.Topic(fmt.Sprintf("topic-%d", n), n, 2, 1)...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Propose(ctx, term, next, delta); err != nil {
			t.Fatal(err)
		}
		img = next
		fmt.Printf("stored %d\n", img.NumTopics())
	}
}
