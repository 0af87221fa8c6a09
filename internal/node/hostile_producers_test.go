package node_test

import (
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
)

// sequenced is a batch of n records of an idempotent producer.
func sequenced(t *testing.T, id int64, epoch int16, sequence int32, n int) []byte {
	t.Helper()
	b := record.NewBuilder(record.CodecNone)
	b.ProducerID, b.ProducerEpoch, b.BaseSequence = id, epoch, sequence
	for range n {
		if err := b.Append(&record.Record{Timestamp: time.Now().UnixMilli(), Value: []byte("v")}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestHostileSequences goes through what a broken idempotent producer may send, in one life of a node and after a restart.
func TestHostileSequences(t *testing.T) {
	v := attacked(t, nil)
	create(t, v, "seq", nil)
	a := attack(t, v.b.Addr())
	type step struct {
		name     string
		epoch    int16
		sequence int32
		n        int
		want     protocol.Code
		offset   int64 // -1: refused
	}
	play := func(a *attacker, id int64, steps []step) {
		t.Helper()
		for _, s := range steps {
			p := produced(a, "seq", sequenced(t, id, s.epoch, s.sequence, s.n))
			if got := protocol.Code(p.ErrorCode); got != s.want || p.BaseOffset != s.offset {
				t.Errorf("%s: got %s at offset %d, want %s at %d", s.name, got.Name(), p.BaseOffset, s.want.Name(), s.offset)
			}
		}
	}
	const gap, stale = protocol.OutOfOrderSequenceNumber, protocol.InvalidProducerEpoch
	play(a, 1000, []step{
		{"first", 0, 0, 2, 0, 0},
		{"again", 0, 0, 2, 0, 0},
		{"gap", 0, 3, 1, gap, -1},
		{"back", 0, 1, 1, gap, -1},
		{"next", 0, 2, 1, 0, 2},
		{"same sequence, other count", 0, 2, 2, gap, -1},
		{"2", 0, 3, 1, 0, 3}, {"3", 0, 4, 1, 0, 4}, {"4", 0, 5, 1, 0, 5}, {"5", 0, 6, 1, 0, 6},
		{"one of the last five again", 0, 2, 1, 0, 2},
		{"older than the last five", 0, 0, 2, gap, -1},
		{"newer epoch not from 0", 1, 7, 1, gap, -1},
		{"newer epoch", 1, 0, 1, 0, 7},
		{"older epoch", 0, 7, 1, stale, -1},
	})
	play(a, 2000, []step{{"unknown producer may begin anywhere", 3, 50, 1, 0, 8}, {"and goes on from there", 3, 51, 1, 0, 9}})
	play(a, 3000, []step{
		{"last sequences", 0, math.MaxInt32 - 1, 2, 0, 10},
		{"they begin anew", 0, 0, 1, 0, 12},
		{"across the end again", 0, math.MaxInt32 - 1, 2, 0, 10},
	})
	if end := logEnd(t, v, "seq"); end != 13 {
		t.Errorf("the log ends at %d, want 13", end)
	}
}

func TestHostileSequencesAfterARestart(t *testing.T) {
	dir := t.TempDir()
	v := startVictim(t, dir, nil)
	create(t, v, "seq", nil)
	first := sequenced(t, 77, 2, 0, 3)
	if p := produced(attack(t, v.b.Addr()), "seq", first); p.ErrorCode != 0 {
		t.Fatal(protocol.Code(p.ErrorCode).Name())
	}
	if err := v.b.Close(); err != nil {
		t.Fatal(err)
	}
	v = startVictim(t, dir, nil)
	a := attack(t, v.b.Addr())
	for _, test := range []struct {
		name   string
		batch  []byte
		want   protocol.Code
		offset int64
	}{
		{"duplicate", sequenced(t, 77, 2, 0, 3), 0, 0},
		{"gap", sequenced(t, 77, 2, 9, 1), protocol.OutOfOrderSequenceNumber, -1},
		{"older epoch", sequenced(t, 77, 1, 3, 1), protocol.InvalidProducerEpoch, -1},
		{"next", sequenced(t, 77, 2, 3, 1), 0, 3},
	} {
		if p := produced(a, "seq", test.batch); protocol.Code(p.ErrorCode) != test.want || p.BaseOffset != test.offset {
			t.Errorf("%s: got %s at %d, want %s at %d", test.name, protocol.Code(p.ErrorCode).Name(), p.BaseOffset, test.want.Name(), test.offset)
		}
	}
	// Ids that were given out before the restart are not given again.
	seen := map[int64]bool{}
	for range 3 {
		resp := ask[*kmsg.InitProducerIDResponse](a, kmsg.NewPtrInitProducerIDRequest(), 4)
		if seen[resp.ProducerID] || resp.ErrorCode != 0 {
			t.Errorf("producer id %d, error %d", resp.ProducerID, resp.ErrorCode)
		}
		seen[resp.ProducerID] = true
	}
}
