package controller

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

func clusterOf(t rapid.TB, racks map[int32]string, fenced ...int32) *metadata.Image {
	t.Helper()
	var records []metadata.Record
	for id, rack := range racks {
		b := metadata.Broker{ID: id, Fenced: slices.Contains(fenced, id)}
		if rack != "" {
			b.Rack = &rack
		}
		records = append(records, metadata.RegisterBrokerRecord{Broker: b})
	}
	img, _, err := metadata.Empty().Apply(1, records...)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestPlacementSpreadsLeadersAndRacks(t *testing.T) {
	img := clusterOf(t, map[int32]string{1: "a", 2: "a", 3: "b", 4: "b", 5: "c", 6: "c"})
	p, err := newPlacer(img, rand.NewChaCha8([32]byte{7}))
	if err != nil {
		t.Fatal(err)
	}
	leaders := map[int32]int{}
	for range 600 {
		ids := p.place(3)
		leaders[ids[0]]++
		racks := map[string]bool{}
		for _, id := range ids {
			racks[*img.Brokers[id].Rack] = true
		}
		if len(racks) != 3 {
			t.Fatalf("replicas %v lie on %d racks", ids, len(racks))
		}
	}
	for id, n := range leaders {
		if n < 80 || n > 120 {
			t.Errorf("broker %d leads %d of 600 partitions on 6 brokers", id, n)
		}
	}
}

func TestPlacementRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		racks := map[int32]string{}
		var fenced []int32
		for id := range int32(rapid.IntRange(1, 7).Draw(t, "brokers")) {
			racks[id] = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "rack")
			if rapid.IntRange(0, 3).Draw(t, "fenced") == 0 {
				fenced = append(fenced, id)
			}
		}
		img := clusterOf(t, racks, fenced...)
		p, err := newPlacer(img, rand.NewChaCha8([32]byte{byte(rapid.IntRange(0, 255).Draw(t, "seed"))}))
		if err != nil {
			t.Fatal(err)
		}
		replicas := rapid.IntRange(1, 8).Draw(t, "replicas")
		err = p.check(replicas)
		if possible := len(fenced) < len(racks) && replicas <= len(racks); possible != (err == nil) {
			t.Fatalf("%d replicas on %d brokers, %d of them fenced: %v", replicas, len(racks), len(fenced), err)
		}
		if err != nil {
			if protocol.CodeOf(err) != protocol.InvalidReplicationFactor {
				t.Fatal(err)
			}
			return
		}
		for range 20 {
			ids := p.place(replicas)
			if len(ids) != replicas || img.Brokers[ids[0]].Fenced {
				t.Fatalf("placed on %v; fenced are %v", ids, fenced)
			}
			if sorted := slices.Sorted(slices.Values(ids)); len(slices.Compact(sorted)) != replicas {
				t.Fatalf("placed on %v", ids)
			}
		}
	})
}
