package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"ottla.dev/interop/gocheck"
)

func transactionChecks(r *gocheck.Run) {
	r.Check("transactions/commit-and-abort", minute, commitAndAbort)
	r.Check("transactions/empty", minute, emptyTransactions)
	r.Check("transactions/many-partitions", minute, manyPartitions)
	r.Check("transactions/failed-send", minute, failedSend)
	r.Check("transactions/fencing", minute, fencing)
	r.Check("transactions/timeout", minute, timedOut)
	r.Check("transactions/consume-transform-produce", 2*minute, chain)
	r.Check("transactions/admin", minute, transactionAdmin)
	for _, how := range []string{"stop", "kill"} {
		r.Check("transactions/restart/open/"+how, 2*minute, func(c c) { openOverRestart(c, how) })
	}
}

func transactional(c c, id string, opts ...kgo.Opt) *kgo.Client {
	return client(c, append([]kgo.Opt{kgo.TransactionalID(id), kgo.TransactionTimeout(2 * time.Minute), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
}

func begin(c c, cl *kgo.Client) { c.Must(cl.BeginTransaction(), "begin a transaction") }

func end(c c, cl *kgo.Client, how kgo.TransactionEndTry) {
	c.Must(cl.EndTransaction(c, how), "end the transaction (commit: %v)", bool(how))
}

func put(c c, cl *kgo.Client, topic string, partition int32, values ...string) error {
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, &kgo.Record{Topic: topic, Partition: partition, Value: []byte(v)})
	}
	return cl.ProduceSync(c, records...).FirstErr()
}

// ends are where a reader of that isolation finds the ends of partitions.
func ends(c c, topic string, isolation kgo.IsolationLevel) map[int32]int64 {
	adm := admin(c)
	defer adm.Close()
	list := adm.ListEndOffsets
	if isolation == kgo.ReadCommitted() {
		list = adm.ListCommittedOffsets
	}
	listed, err := list(c, topic)
	c.Must(err, "list the ends of %s", topic)
	c.Must(listed.Error(), "list the ends of %s", topic)
	found := map[int32]int64{}
	for p, o := range listed[topic] {
		found[p] = o.Offset
	}
	return found
}

// read reads to where the end is now; control records move the position, but are not returned.
func read(c c, topic string, isolation kgo.IsolationLevel) map[int32][]string {
	want := ends(c, topic, isolation)
	cl := client(c, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords(),
		kgo.FetchMaxWait(200*time.Millisecond))
	defer cl.Close()
	got, reached := map[int32][]string{}, map[int32]int64{}
	done := func() bool {
		for p, end := range want {
			if reached[p] < end {
				return false
			}
		}
		return true
	}
	for !done() {
		cl.PollFetches(c).EachRecord(func(r *kgo.Record) {
			reached[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				got[r.Partition] = append(got[r.Partition], string(r.Value))
			}
		})
		if c.Err() != nil {
			c.Fatalf("read %v of %s and reached %v of %v", got, topic, reached, want)
		}
	}
	return got
}

func wantRead(c c, topic string, isolation kgo.IsolationLevel, want map[int32][]string, when string) {
	c.Eventually(func() string {
		if got := read(c, topic, isolation); fmt.Sprint(got) != fmt.Sprint(want) { // maps print in order
			return fmt.Sprintf("isolation %v %s: want %v, got %v", isolation, when, want, got)
		}
		return ""
	})
}

// commitAndAbort has plain records between those of transactions; they wait for the transaction that is open before them.
func commitAndAbort(c c) {
	topic := newTopic(c, 3)
	cl, plain := transactional(c, gocheck.Unique("x")), client(c, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer cl.Close()
	defer plain.Close()
	committed, all := map[int32][]string{}, map[int32][]string{}
	for t := range 8 {
		before := ends(c, topic, kgo.ReadCommitted())
		begin(c, cl)
		for p := range int32(3) {
			values := []string{fmt.Sprintf("%d-%d-a", t, p), fmt.Sprintf("%d-%d-b", t, p)}
			c.Must(put(c, cl, topic, p, values...), "produce in a transaction")
			all[p] = append(all[p], values...)
			if t%2 == 0 {
				committed[p] = append(committed[p], values...)
			}
		}
		value := fmt.Sprintf("plain-%d", t)
		c.Must(put(c, plain, topic, 0, value), "produce without a transaction")
		all[0], committed[0] = append(all[0], value), append(committed[0], value)
		if now := ends(c, topic, kgo.ReadCommitted()); fmt.Sprint(now) != fmt.Sprint(before) {
			c.Fatalf("read_committed ends at %v while transaction %d is open, before it at %v", now, t, before)
		}
		wantRead(c, topic, kgo.ReadUncommitted(), all, "while a transaction is open")
		end(c, cl, t%2 == 0)
		wantRead(c, topic, kgo.ReadCommitted(), committed, fmt.Sprintf("after transaction %d", t))
	}
	wantRead(c, topic, kgo.ReadUncommitted(), all, "at the end")
}

func emptyTransactions(c c) {
	topic := newTopic(c, 1)
	cl := transactional(c, gocheck.Unique("x"))
	defer cl.Close()
	for i := range 20 {
		begin(c, cl)
		end(c, cl, i%2 == 0)
	}
	if now := ends(c, topic, kgo.ReadUncommitted()); now[0] != 0 {
		c.Fatalf("after empty transactions the partition ends at %d", now[0])
	}
	begin(c, cl)
	c.Must(put(c, cl, topic, 0, "one"), "produce")
	end(c, cl, kgo.TryCommit)
	wantRead(c, topic, kgo.ReadCommitted(), map[int32][]string{0: {"one"}}, "at the end")
}

func manyPartitions(c c) {
	const partitions = 100
	topic := newTopic(c, partitions)
	cl := transactional(c, gocheck.Unique("x"))
	defer cl.Close()
	want := map[int32][]string{}
	for _, value := range []string{"aborted", "first", "aborted too", "second"} {
		commit := !strings.HasPrefix(value, "aborted")
		begin(c, cl)
		var records []*kgo.Record
		for p := range int32(partitions) {
			records = append(records, &kgo.Record{Topic: topic, Partition: p, Value: []byte(value)})
			if commit {
				want[p] = append(want[p], value)
			}
		}
		c.Must(cl.ProduceSync(c, records...).FirstErr(), "produce")
		end(c, cl, kgo.TransactionEndTry(commit))
	}
	wantRead(c, topic, kgo.ReadCommitted(), want, "at the end")
}

// failedSend spoils a transaction with a record that the node refuses; after its abort the producer goes on.
func failedSend(c c) {
	topic := newTopic(c, 1)
	cl := transactional(c, gocheck.Unique("x"), kgo.ProducerBatchMaxBytes(6_000_000))
	defer cl.Close()
	begin(c, cl)
	c.Must(put(c, cl, topic, 0, "spoilt"), "produce")
	c.WantError(put(c, cl, topic, 0, string(noise(2<<20))), kerr.MessageTooLarge, "produce 2 MB")
	end(c, cl, kgo.TryAbort)
	begin(c, cl)
	c.Must(put(c, cl, topic, 0, "good"), "produce after the abort")
	end(c, cl, kgo.TryCommit)
	wantRead(c, topic, kgo.ReadCommitted(), map[int32][]string{0: {"good"}}, "at the end")
	wantRead(c, topic, kgo.ReadUncommitted(), map[int32][]string{0: {"spoilt", "good"}}, "at the end")
}

func isFenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch)
}

// fencing lets a second producer with the same id abort what the first had open; the first can do nothing any more.
func fencing(c c) {
	topic, id := newTopic(c, 1), gocheck.Unique("x")
	zombie, successor := transactional(c, id), transactional(c, id)
	defer zombie.Close()
	defer successor.Close()
	begin(c, zombie)
	c.Must(put(c, zombie, topic, 0, "zombie"), "produce")
	begin(c, successor)
	c.Must(put(c, successor, topic, 0, "successor"), "produce as the successor")
	if err := put(c, zombie, topic, 0, "late"); !isFenced(err) {
		c.Fatalf("a send of the fenced producer: %v", err)
	}
	if err := zombie.EndTransaction(c, kgo.TryCommit); err == nil { // franz-go does not try after that error
		c.Fatalf("the commit of the fenced producer went well")
	}
	end(c, successor, kgo.TryCommit)
	wantRead(c, topic, kgo.ReadCommitted(), map[int32][]string{0: {"successor"}}, "at the end")
	wantRead(c, topic, kgo.ReadUncommitted(), map[int32][]string{0: {"zombie", "successor"}}, "at the end")
}

// timedOut leaves a transaction open for longer than the producer allowed; the node aborts it.
func timedOut(c c) {
	topic, id := newTopic(c, 1), gocheck.Unique("x")
	slow := transactional(c, id, kgo.TransactionTimeout(time.Second))
	defer slow.Close()
	begin(c, slow)
	c.Must(put(c, slow, topic, 0, "too slow"), "produce")
	c.Eventually(func() string {
		if now := ends(c, topic, kgo.ReadCommitted()); now[0] != 2 {
			return fmt.Sprintf("the transaction is not aborted: read_committed ends at %d", now[0])
		}
		return ""
	})
	if err := slow.EndTransaction(c, kgo.TryCommit); err == nil {
		c.Fatalf("the commit of a transaction that timed out went well")
	}
	next := transactional(c, id)
	defer next.Close()
	begin(c, next)
	c.Must(put(c, next, topic, 0, "in time"), "produce after the timeout")
	end(c, next, kgo.TryCommit)
	wantRead(c, topic, kgo.ReadCommitted(), map[int32][]string{0: {"in time"}}, "at the end")
}

// openOverRestart has one transaction commit and one abort that are open while the node restarts.
func openOverRestart(c c, how string) {
	topic := newTopic(c, 2)
	commits, aborts := transactional(c, gocheck.Unique("x")), transactional(c, gocheck.Unique("x"))
	defer commits.Close()
	defer aborts.Close()
	send := func(when string) {
		for p := range int32(2) {
			c.Must(put(c, commits, topic, p, "committed "+when), "produce")
			c.Must(put(c, aborts, topic, p, "aborted "+when), "produce")
		}
	}
	begin(c, commits)
	begin(c, aborts)
	send("before")
	c.Restart(how)
	if now := ends(c, topic, kgo.ReadCommitted()); now[0] != 0 || now[1] != 0 {
		c.Fatalf("after the restart read_committed ends at %v", now)
	}
	send("after")
	end(c, aborts, kgo.TryAbort)
	end(c, commits, kgo.TryCommit)
	want := []string{"committed before", "committed after"}
	wantRead(c, topic, kgo.ReadCommitted(), map[int32][]string{0: want, 1: want}, "after the restart")
}

// transactionAdmin looks at a transaction, and ends it over the producer's head.
func transactionAdmin(c c) {
	topic, id := newTopic(c, 1), gocheck.Unique("x")
	adm := admin(c)
	defer adm.Close()
	cl := transactional(c, id)
	defer cl.Close()
	begin(c, cl)
	c.Must(put(c, cl, topic, 0, "a", "b"), "produce")
	described, err := adm.DescribeTransactions(c, id)
	c.Must(err, "describe the transaction")
	open := described[id]
	if open.Err != nil || open.State != "Ongoing" || open.TimeoutMillis != 120_000 || len(open.Topics) != 1 || len(open.Topics[topic]) != 1 {
		c.Fatalf("described as %+v", open)
	}
	listed, err := adm.ListTransactions(c, []int64{open.ProducerID}, []string{"Ongoing"})
	c.Must(err, "list transactions")
	if len(listed) != 1 || listed[id].ProducerID != open.ProducerID || listed[id].State != "Ongoing" {
		c.Fatalf("listed as %+v", listed)
	}
	listed, err = adm.ListTransactions(c, []int64{open.ProducerID}, []string{"CompleteCommit"})
	c.Must(err, "list transactions in another state")
	if len(listed) != 0 {
		c.Fatalf("listed in another state: %+v", listed)
	}
	var set kadm.TopicsSet
	set.Add(topic, 0)
	producer := func() kadm.DescribedProducer {
		described, err := adm.DescribeProducers(c, set)
		c.Must(err, "describe producers")
		active := described[topic].Partitions[0].ActiveProducers
		if len(active) != 1 {
			c.Fatalf("active producers are %+v", active)
		}
		return active[open.ProducerID]
	}
	if p := producer(); p.ProducerEpoch != open.ProducerEpoch || p.LastSequence != 1 || p.CurrentTxnStartOffset != 0 {
		c.Fatalf("the producer is described as %+v", p)
	}
	answers, err := adm.WriteTxnMarkers(c, kadm.TxnMarkers{ProducerID: open.ProducerID, ProducerEpoch: open.ProducerEpoch, Commit: false, Topics: set})
	c.Must(err, "write a marker")
	answers.EachPartition(func(p kadm.TxnMarkersPartitionResponse) { c.Must(p.Err, "write a marker to partition %d", p.Partition) })
	if p := producer(); p.CurrentTxnStartOffset != -1 {
		c.Fatalf("after the marker the producer is described as %+v", p)
	}
	wantRead(c, topic, kgo.ReadCommitted(), map[int32][]string{}, "after the marker")
}
