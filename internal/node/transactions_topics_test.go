package node_test

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/broker"
	"ottla.dev/ottla/internal/protocol"
)

// awaitState waits until the coordinator says that a transactional id is in a state.
func awaitState(t *testing.T, a *attacker, transactionalID, want string) {
	t.Helper()
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = []string{transactionalID}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		s := ask[*kmsg.DescribeTransactionsResponse](a, req, 0).TransactionStates[0]
		if s.State == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s stays %q (code %d, topics %+v), want %s", transactionalID, s.State, s.ErrorCode, s.Topics, want)
		}
	}
}

func deleteTopic(t *testing.T, b *broker.Broker, topic string) {
	t.Helper()
	admin := kadm.NewClient(client(t, b))
	if resp, err := admin.DeleteTopic(within(t), topic); err != nil || resp.Err != nil {
		t.Fatal(err, resp.Err)
	}
}

// TestTopicGoesUnderATransaction deletes one of two topics that a transaction has written to; it may be there again when the transaction ends.
func TestTopicGoesUnderATransaction(t *testing.T) {
	for _, again := range []bool{false, true} {
		for _, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
			b := start(t, t.TempDir(), nil)
			a := attack(t, b.Addr())
			p := client(t, b, kgo.TransactionalID("bereft"))
			if err := p.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			produceInto(t, p, []string{"goes", "stays"}, "v")
			deleteTopic(t, b, "goes")
			if again {
				if _, err := kadm.NewClient(client(t, b)).CreateTopic(within(t), 1, 1, nil, "goes"); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.EndTransaction(within(t), commit); err != nil {
				t.Fatalf("topic there again %t, commit %t: %v", again, commit, err)
			}
			want := map[kgo.TransactionEndTry]string{kgo.TryCommit: "CompleteCommit", kgo.TryAbort: "CompleteAbort"}[commit]
			awaitState(t, a, "bereft", want)
			awaitStable(t, a, "stays")
			transact(t, p, kgo.TryCommit, []string{"stays"}, "w")
			if got := committedValues(t, b, "stays", 1); !slices.Contains(got, "w") || slices.Contains(got, "v") != bool(commit) {
				t.Errorf("topic there again %t, commit %t: %v", again, commit, got)
			}
		}
	}
}

// TestTopicGrowsUnderATransaction adds partitions to a topic, and goes on in them.
func TestTopicGrowsUnderATransaction(t *testing.T) {
	b := start(t, t.TempDir(), nil)
	a := attack(t, b.Addr())
	p := client(t, b, kgo.TransactionalID("growing"), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(10*time.Millisecond), kgo.MetadataMaxAge(20*time.Millisecond))
	if err := p.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produceInto(t, p, []string{"grows"}, "v")
	if _, err := kadm.NewClient(client(t, b)).UpdatePartitions(within(t), 3, "grows"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if p.ProduceSync(within(t), &kgo.Record{Topic: "grows", Partition: 2, Value: []byte("w")}).FirstErr() == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the new partition takes no records")
		}
	}
	if err := p.EndTransaction(within(t), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	awaitState(t, a, "growing", "CompleteCommit")
	if got := committedValues(t, b, "grows", 2); !slices.Equal(got, []string{"v", "w"}) {
		t.Errorf("committed: %v", got)
	}
}

// TestTransactionStateTopicIsDeleted: whoever deletes it has the coordinator forget everything, but it must begin anew, also after a restart.
func TestTransactionStateTopicIsDeleted(t *testing.T) {
	dir := t.TempDir()
	b := startAt(t, dir, "127.0.0.1:0")
	address := b.Addr()
	p := client(t, b, kgo.TransactionalID("forgotten"))
	transact(t, p, kgo.TryCommit, []string{"t"}, "before")
	if err := p.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produceInto(t, p, []string{"u"}, "lost")
	deleteTopic(t, b, "__transaction_state")
	if err := p.EndTransaction(within(t), kgo.TryCommit); err == nil {
		t.Error("the coordinator committed a transaction that it had forgotten")
	}
	again := client(t, b, kgo.TransactionalID("forgotten"))
	transact(t, again, kgo.TryCommit, []string{"t"}, "after")
	if got := committedValues(t, b, "t", 2); !slices.Equal(got, []string{"after", "before"}) {
		t.Errorf("committed: %v", got)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = startAt(t, dir, address)
	defer b.Close()
	transact(t, again, kgo.TryCommit, []string{"t"}, "then")
	if got := committedValues(t, b, "t", 3); !slices.Equal(got, []string{"after", "before", "then"}) {
		t.Errorf("committed: %v", got)
	}
}

// TestMarkersInTheTransactionStateTopic: what does not belong there must not keep the coordinator from loading it.
func TestMarkersInTheTransactionStateTopic(t *testing.T) {
	dir := t.TempDir()
	b := startAt(t, dir, "127.0.0.1:0")
	address := b.Addr()
	p := client(t, b, kgo.TransactionalID("good"))
	transact(t, p, kgo.TryCommit, []string{"t"}, "before")
	a := attack(t, address)
	marker := kmsg.NewWriteTxnMarkersRequestMarker()
	marker.ProducerID, marker.ProducerEpoch, marker.Committed = 1234, 5, true
	marker.Topics = []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: "__transaction_state"}, {Topic: "__consumer_offsets"}}
	for partition := range int32(50) {
		for i := range marker.Topics {
			marker.Topics[i].Partitions = append(marker.Topics[i].Partitions, partition)
		}
	}
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	req.Markers = append(req.Markers, marker)
	for _, topic := range ask[*kmsg.WriteTxnMarkersResponse](a, req, 1).Markers[0].Topics {
		t.Logf("%s: %s", topic.Topic, protocol.Code(topic.Partitions[0].ErrorCode).Name())
	}
	// A transaction that lists a partition of the coordinator's own topic (Produce v12 adds before it is refused).
	id := "strange"
	q := beginAs(t, a, id)
	if code := produceAs(a, &id, inTransaction(t, q, 0), 12, "__transaction_state")[0]; code != protocol.InvalidTopicException {
		t.Errorf("produced to __transaction_state: %s", code.Name())
	}
	endTransaction(t, a, id, q, true, 5)
	awaitState(t, a, id, "CompleteCommit")
	transact(t, p, kgo.TryCommit, []string{"t"}, "between")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = startAt(t, dir, address)
	defer b.Close()
	transact(t, p, kgo.TryCommit, []string{"t"}, "after")
	if got := committedValues(t, b, "t", 3); !slices.Equal(got, []string{"after", "before", "between"}) {
		t.Errorf("committed: %v", got)
	}
}
