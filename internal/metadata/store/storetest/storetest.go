// Package storetest is the one suite that every backend of the metadata store must pass.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/store"
)

// Cluster makes clients of one store, which is empty at first.
type Cluster func(t *testing.T) store.Backend

// Run runs the suite. open makes a fresh store for each test and returns a maker of its clients.
func Run(t *testing.T, open func(t *testing.T) Cluster) {
	for name, test := range map[string]func(*testing.T, Cluster){
		"RangeAndCommit":     testRangeAndCommit,
		"Conditions":         testConditions,
		"WatchInOrder":       testWatchInOrder,
		"WatchEnds":          testWatchEnds,
		"LeaseTakesItsKeys":  testLease,
		"RoundTrip":          testRoundTrip,
		"FollowEqualsLoad":   testFollow,
		"DeposedWriteFails":  testDeposed,
		"SameNodeTakesOver":  testTakeOver,
		"OtherNodeWaits":     testOtherWaits,
		"ManyTopicsAtOnce":   testManyTopics,
		"AnnouncedPresence":  testPresence,
		"StaleProposalFails": testStale,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Context returns a context that ends a test that hangs.
func Context(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func put(key, value string) store.Op { return store.Op{Key: key, Value: []byte(value)} }

func testRangeAndCommit(t *testing.T, c Cluster) {
	ctx, b := Context(t), c(t)
	r1 := must[int64](t)(b.Commit(ctx, nil, []store.Op{put("b/2", "two"), put("a", "x"), put("b/1", "one"), put("bb", "")}))
	keys, revision, err := b.Range(ctx, "b/")
	if err != nil || revision != r1 || fmt.Sprint(text(keys)) != "[b/1=one b/2=two]" || keys[0].Revision != r1 {
		t.Fatalf("range %v at %d, %v", keys, revision, err)
	}
	r2 := must[int64](t)(b.Commit(ctx, nil, []store.Op{{Key: "b/", Delete: true, Prefix: true}, {Key: "a", Delete: true}, {Key: "nothing", Delete: true}}))
	keys, revision, err = b.Range(ctx, "")
	if err != nil || r2 <= r1 || revision != r2 || fmt.Sprint(text(keys)) != "[bb=]" {
		t.Fatalf("range %v at %d, %v", keys, revision, err)
	}
}

func text(keys []store.KeyValue) []string {
	s := []string{}
	for _, kv := range keys {
		s = append(s, kv.Key+"="+string(kv.Value))
	}
	return s
}

func testConditions(t *testing.T, c Cluster) {
	ctx, b := Context(t), c(t)
	r1 := must[int64](t)(b.Commit(ctx, []store.Condition{{Key: "k", Revision: 0}}, []store.Op{put("k", "1")}))
	if _, err := b.Commit(ctx, []store.Condition{{Key: "k", Revision: 0}}, []store.Op{put("k", "2"), put("other", "2")}); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("a key that is there was taken as absent: %v", err)
	}
	if _, err := b.Commit(ctx, []store.Condition{{Key: "k", Revision: r1}, {Key: "z", Revision: r1}}, []store.Op{put("k", "2")}); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("one condition of two does not hold: %v", err)
	}
	keys, _, _ := b.Range(ctx, "")
	if fmt.Sprint(text(keys)) != "[k=1]" {
		t.Fatalf("a refused commit wrote: %v", text(keys))
	}
	must[int64](t)(b.Commit(ctx, []store.Condition{{Key: "k", Revision: r1}}, []store.Op{put("k", "3")}))
}

func testWatchInOrder(t *testing.T, c Cluster) {
	ctx, writer, watcher := Context(t), c(t), c(t)
	r1 := must[int64](t)(writer.Commit(ctx, nil, []store.Op{put("before", "1")}))
	r2 := must[int64](t)(writer.Commit(ctx, nil, []store.Op{put("a", "1"), put("b", "1")}))
	done := errors.New("done")
	var seen []string
	err := watcher.Watch(ctx, r1, func(revision int64, events []store.Event) error {
		for _, e := range events {
			seen = append(seen, fmt.Sprintf("%d:%s=%s,%t,%t", revision-r2, e.Key, e.Value, e.Created, e.Deleted))
		}
		switch {
		case len(seen) == 2: // written while the watch runs
			must[int64](t)(writer.Commit(ctx, nil, []store.Op{put("a", "2"), {Key: "b", Delete: true}}))
		case len(seen) >= 4:
			return done
		}
		return nil
	})
	want := "[0:a=1,true,false 0:b=1,true,false 1:a=2,false,false 1:b=,false,true]"
	if !errors.Is(err, done) || fmt.Sprint(seen) != want {
		t.Fatalf("%v\nseen %v\nwant %v", err, seen, want)
	}
}

func testWatchEnds(t *testing.T, c Cluster) {
	b := c(t)
	ctx, cancel := context.WithCancel(Context(t))
	ended := make(chan error, 2)
	watch := func(ctx context.Context) {
		ended <- b.Watch(ctx, 0, func(int64, []store.Event) error { return nil })
	}
	go watch(ctx)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("watch ended with %v, not by its context", err)
	}
	go watch(context.Background())
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, store.ErrClosed) {
		t.Fatalf("watch ended with %v, not by Close", err)
	}
	if _, _, err := b.Range(Context(t), ""); !errors.Is(err, store.ErrClosed) {
		t.Fatalf("a closed backend answers %v", err)
	}
}

func testLease(t *testing.T, c Cluster) {
	ctx, b := Context(t), c(t)
	lease := must[store.Lease](t)(b.Grant(ctx, 10*time.Second))
	must[int64](t)(b.Commit(ctx, nil, []store.Op{{Key: "mine", Value: []byte("1"), Lease: lease}, {Key: "taken", Value: []byte("1"), Lease: lease}, put("free", "1")}))
	must[int64](t)(b.Commit(ctx, nil, []store.Op{put("taken", "2")}))
	if err := lease.Revoke(ctx); err != nil {
		t.Fatal(err)
	}
	<-lease.Done()
	keys, _, err := b.Range(ctx, "")
	if err != nil || fmt.Sprint(text(keys)) != "[free=1 taken=2]" {
		t.Fatalf("after the lease there is %v, %v", text(keys), err)
	}
	if _, err := b.Commit(ctx, nil, []store.Op{{Key: "x", Lease: lease}}); !errors.Is(err, store.ErrLeaseLost) {
		t.Fatalf("a key was attached to an ended lease: %v", err)
	}
}

func testPresence(t *testing.T, c Cluster) {
	ctx, s := Context(t), store.New(c(t))
	lease := must[store.Lease](t)(s.Lease(ctx, 10*time.Second))
	if err := s.Announce(ctx, lease, 3, metadata.UUID{9}); err != nil {
		t.Fatal(err)
	}
	img := must[*metadata.Image](t)(s.Load(ctx))
	if img.Present[3] != (metadata.UUID{9}) {
		t.Fatalf("present are %v", img.Present)
	}
	if err := lease.Revoke(ctx); err != nil {
		t.Fatal(err)
	}
	if img := must[*metadata.Image](t)(s.Load(ctx)); len(img.Present) != 0 {
		t.Fatalf("present are %v", img.Present)
	}
}
