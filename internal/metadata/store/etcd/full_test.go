package etcd

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"ottla.dev/ottla/internal/metadata/store"
)

// TestFullQuota fills the quota, and checks that the store says so, loses nothing and takes writes again once it has
// more room.
func TestFullQuota(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	b, err := Open(ctx, Embedded{Dir: dir, QuotaBytes: 2 << 20})
	if err != nil {
		t.Fatal(err)
	}
	stored := 0
	value := make([]byte, 200<<10)
	for ; stored < 100; stored++ {
		if _, err = b.Commit(ctx, nil, []store.Op{{Key: fmt.Sprintf("k%03d", stored), Value: value}}); err != nil {
			break
		}
	}
	if !errors.Is(err, store.ErrFull) || stored < 3 {
		t.Fatalf("after %d values of 200 KiB: %v", stored, err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err = Open(ctx, Embedded{Dir: dir, QuotaBytes: 64 << 20}); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	keys, _, err := b.Range(ctx, "k")
	if err != nil || len(keys) < stored {
		t.Fatalf("%d keys of %d are there, %v", len(keys), stored, err)
	}
	if _, err := b.Commit(ctx, nil, []store.Op{{Key: "more"}}); err != nil {
		t.Fatal(err)
	}
}

func TestNoRoomOnDisk(t *testing.T) {
	if err := checkRoom(t.TempDir(), []store.Op{{Key: "a"}}); err != nil {
		t.Skip("the disk is full:", err)
	}
	if err := checkRoom("/proc", []store.Op{{Key: "a"}}); !errors.Is(err, store.ErrFull) { // a file system without any room
		t.Fatalf("a commit to a full disk: %v", err)
	}
}

// TestLeaseThatEndsElsewhere: the owner of a lease learns that it is over, although it did not end it.
func TestLeaseThatEndsElsewhere(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b, err := Open(ctx, Embedded{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	lost, err := b.Grant(ctx, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := b.Grant(ctx, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.(*client).etcd.Revoke(ctx, lost.(*lease).id); err != nil {
		t.Fatal(err)
	}
	select {
	case <-lost.Done():
	case <-ctx.Done():
		t.Fatal("the end of the lease was not noticed")
	}
	select {
	case <-kept.Done():
		t.Fatal("the other lease ended too")
	default:
	}
	if _, err := b.Commit(ctx, nil, []store.Op{{Key: "a", Lease: kept}}); err != nil {
		t.Fatalf("a lease that is kept alive: %v", err)
	}
}
