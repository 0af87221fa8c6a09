package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/store"
)

// elect makes a client the controller.
func elect(t testing.TB, ctx context.Context, s *store.Store, id int32) (*store.Term, store.Lease) {
	t.Helper()
	lease := must[store.Lease](t)(s.Lease(ctx, 10*time.Second))
	return must[*store.Term](t)(s.Campaign(ctx, lease, id)), lease
}

// propose applies records to an image and stores the change.
func propose(ctx context.Context, s *store.Store, term *store.Term, img *metadata.Image, records ...metadata.Record) (*metadata.Image, error) {
	next, delta, err := img.Apply(0, records...)
	if err != nil {
		return nil, err
	}
	revision, err := s.Propose(ctx, term, next, delta)
	if err != nil {
		return nil, err
	}
	next.Revision = revision
	return next, nil
}

func testDeposed(t *testing.T, c Cluster) {
	ctx, one, two := Context(t), store.New(c(t)), store.New(c(t))
	term, lease := elect(t, ctx, one, 1)
	img := must[*metadata.Image](t)(propose(ctx, one, term, metadata.Empty(), metadata.ClusterRecord{ClusterID: "x"}))
	if err := lease.Revoke(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := propose(ctx, one, term, img, metadata.FeatureLevelRecord{Name: "f", Level: 1}); !errors.Is(err, store.ErrDeposed) {
		t.Fatalf("without its lease a controller wrote: %v", err)
	}
	next, _ := elect(t, ctx, two, 2)
	if next.Epoch <= term.Epoch {
		t.Fatalf("epoch %d after %d", next.Epoch, term.Epoch)
	}
	if _, err := propose(ctx, one, term, img, metadata.FeatureLevelRecord{Name: "f", Level: 1}); !errors.Is(err, store.ErrDeposed) {
		t.Fatalf("a deposed controller wrote: %v", err)
	}
	must[*metadata.Image](t)(propose(ctx, two, next, img, metadata.FeatureLevelRecord{Name: "g", Level: 1}))
	loaded := must[*metadata.Image](t)(one.Load(ctx))
	if loaded.Features["f"] != 0 || loaded.Features["g"] != 1 || loaded.ControllerID != 2 || loaded.ControllerEpoch != next.Epoch {
		t.Fatalf("image %+v", loaded)
	}
}

func testTakeOver(t *testing.T, c Cluster) {
	ctx, killed, again := Context(t), store.New(c(t)), store.New(c(t))
	old, _ := elect(t, ctx, killed, 1)
	term, _ := elect(t, ctx, again, 1) // does not wait for the first one's lease
	if term.Epoch <= old.Epoch {
		t.Fatalf("epoch %d after %d", term.Epoch, old.Epoch)
	}
	if _, err := propose(ctx, killed, old, metadata.Empty(), metadata.ClusterRecord{ClusterID: "x"}); !errors.Is(err, store.ErrDeposed) {
		t.Fatalf("the earlier process wrote: %v", err)
	}
	if err := killed.Resign(ctx, old); err != nil {
		t.Fatal(err)
	}
	must[*metadata.Image](t)(propose(ctx, again, term, metadata.Empty(), metadata.ClusterRecord{ClusterID: "y"}))
}

func testOtherWaits(t *testing.T, c Cluster) {
	ctx, one, two := Context(t), store.New(c(t)), store.New(c(t))
	first, _ := elect(t, ctx, one, 1)
	lease := must[store.Lease](t)(two.Lease(ctx, 10*time.Second))
	won := make(chan *store.Term, 1)
	go func() {
		term, err := two.Campaign(ctx, lease, 2)
		if err != nil {
			t.Error(err)
		}
		won <- term
	}()
	// The first can still write, whether the second waits already or not.
	img := must[*metadata.Image](t)(propose(ctx, one, first, metadata.Empty(), metadata.ClusterRecord{ClusterID: "x"}))
	must[*metadata.Image](t)(propose(ctx, one, first, img, metadata.FeatureLevelRecord{Name: "f", Level: 1}))
	select {
	case term := <-won:
		t.Fatalf("two controllers: %+v", term)
	default:
	}
	if err := one.Resign(ctx, first); err != nil {
		t.Fatal(err)
	}
	if term := <-won; term == nil || term.Epoch <= first.Epoch {
		t.Fatalf("term %+v after %+v", term, first)
	}
	early, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := one.Campaign(early, lease, 1); err == nil {
		t.Fatal("a cancelled campaign was won")
	}
}

// testStale: an older proposal of the same term, of which nobody knows the outcome, comes after a newer one.
func testStale(t *testing.T, c Cluster) {
	ctx, s := Context(t), store.New(c(t))
	term, _ := elect(t, ctx, s, 1)
	late := *term
	img := must[*metadata.Image](t)(propose(ctx, s, term, metadata.Empty(), metadata.ClusterRecord{ClusterID: "x"}))
	if _, err := propose(ctx, s, &late, metadata.Empty(), metadata.ClusterRecord{ClusterID: "late"}); !errors.Is(err, store.ErrStale) {
		t.Fatalf("the late proposal came to %v", err)
	}
	revision, err := s.Sync(ctx)
	if err != nil || revision != img.Revision {
		t.Fatalf("sync says %d, %v; the last proposal was stored at %d", revision, err, img.Revision)
	}
	must[*metadata.Image](t)(propose(ctx, s, &late, img, metadata.FeatureLevelRecord{Name: "f", Level: 1}))
}
