package store_test

import (
	"context"
	"errors"
	"testing"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/metadata/store"
	"ottla.dev/ottla/internal/metadata/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Cluster {
		m, n := store.NewMemory(), 0
		return func(t *testing.T) store.Backend {
			n++
			b := m.Client(n)
			t.Cleanup(func() { b.Close() })
			return b
		}
	})
}

func TestLostAnswerOfAProposal(t *testing.T) {
	ctx := storetest.Context(t)
	m := store.NewMemory()
	s := store.New(m.Client(1))
	lease, err := s.Lease(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	term, err := s.Campaign(ctx, lease, 1)
	if err != nil {
		t.Fatal(err)
	}
	lost := errors.New("answer lost")
	m.SetFault(func(_ int, operation string, before bool) error {
		if operation == "commit" && !before {
			return lost
		}
		return nil
	})
	img, delta, _ := metadata.Empty().Apply(0, metadata.ClusterRecord{ClusterID: "x"})
	if _, err := s.Propose(ctx, term, img, delta); !errors.Is(err, lost) {
		t.Fatalf("the proposal came to %v", err)
	}
	m.SetFault(nil)
	next, delta, _ := img.Apply(0, metadata.FeatureLevelRecord{Name: "f", Level: 1})
	if _, err := s.Propose(ctx, term, next, delta); !errors.Is(err, store.ErrStale) {
		t.Fatalf("a proposal on an image that may be old came to %v", err)
	}
	if _, err := s.Propose(ctx, term, next, delta); err != nil {
		t.Fatal(err)
	}
}

func TestCompactedHistory(t *testing.T) {
	ctx := storetest.Context(t)
	m := store.NewMemory()
	b := m.Client(1)
	for range 3 {
		if _, err := b.Commit(ctx, nil, []store.Op{{Key: "a"}}); err != nil {
			t.Fatal(err)
		}
	}
	m.Compact()
	if err := b.Watch(ctx, 2, func(int64, []store.Event) error { return nil }); !errors.Is(err, store.ErrCompacted) {
		t.Fatalf("watch from a compacted revision: %v", err)
	}
	if _, err := b.Commit(ctx, nil, []store.Op{{Key: "b"}}); err != nil {
		t.Fatal(err)
	}
	seen, cancel := context.WithCancel(ctx)
	var got []store.Event
	_ = b.Watch(seen, 3, func(_ int64, events []store.Event) error {
		got = events
		cancel()
		return nil
	})
	if len(got) != 1 || got[0].Key != "b" {
		t.Fatalf("saw %v after the compaction", got)
	}
}

func TestDamagedValues(t *testing.T) {
	for name, kv := range map[string][2]string{
		"newer value":      {"brokers/1", "\x02"},
		"empty value":      {"brokers/1", ""},
		"broker id":        {"brokers/x", "\x01"},
		"topic id":         {"topics/x", "\x01"},
		"half a topic":     {"topics/AAAAAAAAAAAAAAAAAAAAAA", "\x01\x0a\x05ab"},
		"missing parts":    {"topics/AAAAAAAAAAAAAAAAAAAAAA", "\x01\x0a\x01a\x10\x05"},
		"huge count":       {"topics/AAAAAAAAAAAAAAAAAAAAAA", "\x01\x0a\x01a\x10\xff\xff\xff\xff\x7f"},
		"part of no topic": {"partitions/AAAAAAAAAAAAAAAAAAAAAA/00001", "\x01\x1a\x00"},
		"part number":      {"partitions/AAAAAAAAAAAAAAAAAAAAAA/00000", "\x01"},
		"resource":         {"configs/a", "\x01"},
		"newer format":     {"format", "2"},
	} {
		ctx := storetest.Context(t)
		b := store.NewMemory().Client(1)
		if _, err := b.Commit(ctx, nil, []store.Op{{Key: kv[0], Value: []byte(kv[1])}}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.New(b).Load(ctx); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeysOfLaterVersionsAreSkipped(t *testing.T) {
	ctx := storetest.Context(t)
	b := store.NewMemory().Client(1)
	if _, err := b.Commit(ctx, nil, []store.Op{{Key: "acls/1", Value: []byte("?")}, {Key: "something", Value: []byte("?")}}); err != nil {
		t.Fatal(err)
	}
	if img, err := store.New(b).Load(ctx); err != nil || img.Revision != 1 {
		t.Fatalf("image %v, %v", img, err)
	}
}
