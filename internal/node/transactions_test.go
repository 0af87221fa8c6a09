package node_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/broker"
)

// everyTransactionVersion runs a test under each level of transaction.version.
func everyTransactionVersion(t *testing.T, test func(t *testing.T, b *broker.Broker)) {
	for level := range int16(3) {
		t.Run(fmt.Sprintf("version %d", level), func(t *testing.T) {
			b := start(t, t.TempDir(), map[string]string{"group.initial.rebalance.delay.ms": "0"})
			setTransactionVersion(t, b, level)
			test(t, b)
		})
	}
}

func setTransactionVersion(t *testing.T, b *broker.Broker, level int16) {
	t.Helper()
	c := client(t, b)
	defer c.Close()
	req := kmsg.NewPtrUpdateFeaturesRequest()
	u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
	u.Feature, u.MaxVersionLevel, u.UpgradeType = "transaction.version", level, 2
	if level == 2 {
		u.UpgradeType = 1
	}
	req.FeatureUpdates = append(req.FeatureUpdates, u)
	resp, err := req.RequestWith(within(t), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		t.Fatal(err)
	}
}

// transact runs one transaction in which every topic gets the values.
func transact(t *testing.T, p *kgo.Client, end kgo.TransactionEndTry, topics []string, values ...string) {
	t.Helper()
	if err := p.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produceInto(t, p, topics, values...)
	if err := p.EndTransaction(within(t), end); err != nil {
		t.Fatal(err)
	}
}

func produceInto(t *testing.T, p *kgo.Client, topics []string, values ...string) {
	t.Helper()
	var records []*kgo.Record
	for _, topic := range topics {
		for i, v := range values {
			records = append(records, &kgo.Record{Topic: topic, Key: fmt.Append(nil, i), Value: []byte(v)})
		}
	}
	if err := p.ProduceSync(within(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func TestTransactionsAreWholeOrNotThere(t *testing.T) {
	everyTransactionVersion(t, func(t *testing.T, b *broker.Broker) {
		topics := []string{"left", "right"}
		p := client(t, b, kgo.TransactionalID("whole"))
		for round := range 5 {
			transact(t, p, kgo.TryAbort, topics, "no", "never", fmt.Sprint("nothing", round))
			transact(t, p, kgo.TryCommit, topics, fmt.Sprint("a", round), fmt.Sprint("b", round), fmt.Sprint("c", round))
		}
		want := "a0 a1 a2 a3 a4 b0 b1 b2 b3 b4 c0 c1 c2 c3 c4"
		for _, topic := range topics {
			if got := strings.Join(committedValues(t, b, topic, 15), " "); got != want {
				t.Errorf("%s: committed %s, want %s", topic, got, want)
			}
			if got := allValues(t, b, topic, 30); len(got) != 30 {
				t.Errorf("%s: %d records in all, want 30: %v", topic, len(got), got)
			}
		}
	})
}

// committedValues consumes n records read_committed, and then for a while in which none may come.
func committedValues(t *testing.T, b *broker.Broker, topic string, n int) []string {
	t.Helper()
	return consumeValues(t, b, kgo.ReadCommitted(), topic, n)
}

func allValues(t *testing.T, b *broker.Broker, topic string, n int) []string {
	t.Helper()
	return consumeValues(t, b, kgo.ReadUncommitted(), topic, n)
}

func consumeValues(t *testing.T, b *broker.Broker, level kgo.IsolationLevel, topic string, n int) []string {
	t.Helper()
	c := client(t, b, kgo.FetchIsolationLevel(level), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer c.Close()
	var got []string
	for _, r := range consume(t, c, n) {
		got = append(got, string(r.Value))
	}
	got = append(got, more(t, c)...)
	slices.Sort(got)
	return got
}

// more polls what else there is.
func more(t *testing.T, c *kgo.Client) (got []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	for {
		f := c.PollFetches(ctx)
		if ctx.Err() != nil {
			return got
		}
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
}

func TestOpenTransactionHoldsBackCommittedReaders(t *testing.T) {
	everyTransactionVersion(t, func(t *testing.T, b *broker.Broker) {
		topics := []string{"held"}
		plain := client(t, b, kgo.DefaultProduceTopic("held"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		p := client(t, b, kgo.TransactionalID("holds"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		c := client(t, b, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeTopics("held"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(20*time.Second))
		produceInto(t, plain, topics, "before")
		if got := consume(t, c, 1); string(got[0].Value) != "before" {
			t.Fatalf("got %s", got[0].Value)
		}
		if err := p.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		produceInto(t, p, topics, "inside")
		produceInto(t, plain, topics, "after")
		if got := more(t, c); len(got) != 0 {
			t.Fatalf("read_committed shows %v while the transaction is open", got)
		}
		adm := kadm.NewClient(plain)
		stable, err := adm.ListCommittedOffsets(within(t), "held")
		if err != nil {
			t.Fatal(err)
		}
		end, err := adm.ListEndOffsets(within(t), "held")
		if err != nil {
			t.Fatal(err)
		}
		if s, e := stable["held"][0].Offset, end["held"][0].Offset; s != 1 || e != 3 {
			t.Fatalf("last stable offset %d, high watermark %d; want 1, 3", s, e)
		}
		began := time.Now()
		if err := p.EndTransaction(within(t), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		got := consume(t, c, 2)
		if string(got[0].Value) != "inside" || string(got[1].Value) != "after" {
			t.Fatalf("got %s, %s", got[0].Value, got[1].Value)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Fatalf("the waiting reader was woken %v after the end of the transaction", took)
		}
	})
}

func TestNewerProducerFencesTheOlder(t *testing.T) {
	everyTransactionVersion(t, func(t *testing.T, b *broker.Broker) {
		topics := []string{"fenced"}
		old := client(t, b, kgo.TransactionalID("one"))
		transact(t, old, kgo.TryCommit, topics, "first")
		if err := old.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		produceInto(t, old, topics, "zombie")
		newer := client(t, b, kgo.TransactionalID("one"))
		transact(t, newer, kgo.TryCommit, topics, "second")
		err := old.ProduceSync(within(t), &kgo.Record{Topic: "fenced", Value: []byte("too late")}).FirstErr()
		endErr := old.EndTransaction(within(t), kgo.TryCommit)
		if err == nil && endErr == nil {
			t.Fatal("the older producer was not fenced")
		}
		for _, err := range []error{err, endErr} {
			if err != nil && !errors.Is(err, kerr.InvalidProducerEpoch) && !errors.Is(err, kerr.ProducerFenced) && !errors.Is(err, kerr.TransactionAbortable) &&
				!errors.Is(err, kerr.OperationNotAttempted) { // what franz-go says of the end of a transaction in which something was fenced
				t.Errorf("the older producer got %v", err)
			}
		}
		if got := strings.Join(committedValues(t, b, "fenced", 2), " "); got != "first second" {
			t.Fatalf("committed %s", got)
		}
	})
}

// TestConsumeTransformProduce moves records exactly once, while sessions end in the middle of it.
func TestConsumeTransformProduce(t *testing.T) {
	everyTransactionVersion(t, func(t *testing.T, b *broker.Broker) {
		const n = 120
		feed := client(t, b, kgo.DefaultProduceTopic("in"))
		var want []string
		for i := range n {
			want = append(want, fmt.Sprintf("%04d", i))
			feed.Produce(within(t), kgo.KeyStringRecord(want[i], want[i]), nil)
		}
		if err := feed.Flush(within(t)); err != nil {
			t.Fatal(err)
		}
		client(t, b, kgo.DefaultProduceTopic("out")) // nobody has to create it
		moved := 0
		for life := 0; moved < n; life++ {
			if life > 50 {
				t.Fatalf("%d of %d records moved", moved, n)
			}
			moved += moveSome(t, b, life)
		}
		got := committedValues(t, b, "out", n)
		if !slices.Equal(got, want) {
			t.Fatalf("got %d records: %v", len(got), got)
		}
	})
}

// moveSome runs a session for a few transactions, every third of them aborted, and leaves without a word in the middle of one.
func moveSome(t *testing.T, b *broker.Broker, life int) (moved int) {
	t.Helper()
	s, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(b.Addr()), kgo.AllowAutoTopicCreation(), kgo.TransactionalID("mover"), kgo.ConsumerGroup("movers"),
		kgo.ConsumeTopics("in"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.SessionTimeout(6*time.Second), kgo.MaxConcurrentFetches(1), kgo.FetchMaxPartitionBytes(300))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for round := range 4 {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		records := s.PollRecords(ctx, 10).Records()
		cancel()
		if len(records) == 0 {
			return moved
		}
		if err := s.Begin(); err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			s.Produce(within(t), &kgo.Record{Topic: "out", Key: r.Key, Value: r.Value}, nil)
		}
		if round == 3 && life%2 == 0 {
			_ = s.Client().Flush(within(t))
			return moved // the transaction stays open: the next life fences it
		}
		committed, err := s.End(within(t), kgo.TransactionEndTry(round%3 != 1))
		if err != nil {
			t.Fatalf("life %d, round %d: %v", life, round, err)
		}
		if committed {
			moved += len(records)
		}
	}
	return moved
}
