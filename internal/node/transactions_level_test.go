package node_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestLevelChangesUnderTransactions raises and lowers transaction.version while producers of both generations have transactions open.
func TestLevelChangesUnderTransactions(t *testing.T) {
	for _, levels := range [][2]int16{{0, 2}, {1, 2}, {2, 1}, {2, 0}} {
		t.Run(fmt.Sprintf("%d to %d", levels[0], levels[1]), func(t *testing.T) {
			dir := t.TempDir()
			b := startAt(t, dir, "127.0.0.1:0")
			address, topics := b.Addr(), []string{"moved"}
			setTransactionVersion(t, b, levels[0])
			p := client(t, b, kgo.TransactionalID("moves"))
			transact(t, p, kgo.TryCommit, topics, "a")
			if err := p.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			produceInto(t, p, topics, "b")
			setTransactionVersion(t, b, levels[1])
			produceInto(t, p, topics, "c")
			want := []string{"a", "b", "c", "d", "e"}
			err := p.EndTransaction(within(t), kgo.TryCommit)
			if levels == [2]int16{2, 0} {
				// As in Apache Kafka: a record of level 0 has no room for what a producer of level 2 needs. The next of the id aborts.
				if want = []string{"a", "d", "e"}; !errors.Is(err, kerr.UnsupportedVersion) {
					t.Fatalf("the transaction that was open: %v, want %v", err, kerr.UnsupportedVersion)
				}
			} else if err != nil {
				t.Fatalf("the transaction that was open: %v", err)
			}
			p.Close()
			// The next producer of the id learns the new level, and the one after a restart reads what the older wrote.
			next := client(t, b, kgo.TransactionalID("moves"))
			transact(t, next, kgo.TryAbort, topics, "never")
			transact(t, next, kgo.TryCommit, topics, "d")
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			b = startAt(t, dir, address)
			defer b.Close()
			transact(t, next, kgo.TryCommit, topics, "e")
			if got := committedValues(t, b, "moved", len(want)); !slices.Equal(got, want) {
				t.Fatalf("committed %v", got)
			}
		})
	}
}
