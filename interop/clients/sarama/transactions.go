package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"ottla.dev/interop/gocheck"
)

func transactionChecks(r *gocheck.Run) {
	r.Check("transactions/commit-and-abort", minute, commitAndAbort)
	r.Check("transactions/offsets", minute, transactionalOffsets)
	r.Check("transactions/empty", minute, emptyTransactions)
	r.Check("transactions/many-partitions", minute, manyPartitions)
	r.Check("transactions/failed-send", minute, failedSend)
	r.Check("transactions/fencing", minute, fencing)
	r.Check("transactions/timeout", minute, timedOut)
	r.Check("transactions/consume-transform-produce", 2*minute, chain)
	for _, how := range []string{"stop", "kill"} {
		r.Check("transactions/restart/open/"+how, 2*minute, func(c c) { openOverRestart(c, how) })
	}
}

func transactionalConfig(id string) *sarama.Config {
	cfg := config()
	cfg.Producer.Idempotent = true
	cfg.Producer.RequiredAcks = sarama.WaitForAll
	cfg.Net.MaxOpenRequests = 1
	cfg.Producer.Transaction.ID = id
	cfg.Producer.Transaction.Timeout = 2 * time.Minute
	cfg.Producer.Transaction.Retry.Max = 300
	cfg.Producer.Transaction.Retry.Backoff = 100 * time.Millisecond
	return cfg
}

// transactional makes a producer, which takes its id from the coordinator at once.
func transactional(c c, cfg *sarama.Config) sarama.SyncProducer {
	producer, err := sarama.NewSyncProducer([]string{gocheck.Bootstrap()}, cfg)
	c.Must(err, "connect a transactional producer")
	return producer
}

func put(producer sarama.SyncProducer, topic string, partition int32, values ...string) error {
	var records []*sarama.ProducerMessage
	for _, v := range values {
		records = append(records, &sarama.ProducerMessage{Topic: topic, Partition: partition, Value: sarama.StringEncoder(v)})
	}
	err := producer.SendMessages(records)
	if failed, ok := errors.AsType[sarama.ProducerErrors](err); ok {
		return failed[0].Err
	}
	return err
}

func finish(c c, producer sarama.SyncProducer, commit bool) {
	if commit {
		c.Must(producer.CommitTxn(), "commit")
		return
	}
	c.Must(producer.AbortTxn(), "abort")
}

// ends are where a reader of that isolation finds the ends of partitions; sarama's own call asks for the high watermark only.
func ends(c c, topic string, partitions int32, isolation sarama.IsolationLevel) map[int32]int64 {
	cl := connect(c, config())
	defer cl.Close()
	found := map[int32]int64{}
	for p := range partitions {
		c.Eventually(func() string { // right after a restart the partition may have no leader yet
			end, err := endOf(cl, topic, p, isolation)
			if err != nil {
				cl.RefreshMetadata(topic)
				return fmt.Sprintf("the end of partition %d: %v", p, err)
			}
			found[p] = end
			return ""
		})
	}
	return found
}

func endOf(cl sarama.Client, topic string, partition int32, isolation sarama.IsolationLevel) (int64, error) {
	leader, err := cl.Leader(topic, partition)
	if err != nil {
		return 0, err
	}
	request := sarama.NewOffsetRequest(sarama.MaxVersion)
	request.IsolationLevel = isolation
	request.AddBlock(topic, partition, sarama.OffsetNewest, 1)
	response, err := leader.GetAvailableOffsets(request)
	if err != nil {
		return 0, err
	}
	block := response.GetBlock(topic, partition)
	if block == nil {
		return 0, errors.New("not in the answer")
	}
	if block.Err != sarama.ErrNoError {
		return 0, block.Err
	}
	return block.Offset, nil
}

// wantRead reads all values, and no more within a little time.
func wantRead(c c, topic string, isolation sarama.IsolationLevel, want map[int32][]string, partitions int32, when string) {
	cfg := config()
	cfg.Consumer.IsolationLevel = isolation
	count := 0
	for _, values := range want {
		count += len(values)
	}
	got := map[int32][]string{}
	for p, messages := range readAll(c, cfg, topic, partitions, count) {
		for _, m := range messages {
			got[p] = append(got[p], string(m.Value))
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) { // maps print in order
		c.Fatalf("%s: want %v, got %v", when, want, got)
	}
}

// commitAndAbort has plain records between those of transactions; they wait for the transaction that is open before them.
func commitAndAbort(c c) {
	topic := newTopic(c, 3)
	producer := transactional(c, transactionalConfig(gocheck.Unique("x")))
	defer producer.Close()
	committed, all := map[int32][]string{}, map[int32][]string{}
	for t := range 6 {
		before := ends(c, topic, 3, sarama.ReadCommitted)
		c.Must(producer.BeginTxn(), "begin")
		for p := range int32(3) {
			values := []string{fmt.Sprintf("%d-%d-a", t, p), fmt.Sprintf("%d-%d-b", t, p)}
			c.Must(put(producer, topic, p, values...), "produce in a transaction")
			all[p] = append(all[p], values...)
			if t%2 == 0 {
				committed[p] = append(committed[p], values...)
			}
		}
		plain := fmt.Sprintf("plain-%d", t)
		c.Must(send(c, config(), []*sarama.ProducerMessage{record(topic, 0, []byte(plain))}), "produce without a transaction")
		all[0], committed[0] = append(all[0], plain), append(committed[0], plain)
		if now := ends(c, topic, 3, sarama.ReadCommitted); fmt.Sprint(now) != fmt.Sprint(before) {
			c.Fatalf("read_committed ends at %v while transaction %d is open, before it at %v", now, t, before)
		}
		wantRead(c, topic, sarama.ReadUncommitted, all, 3, "read_uncommitted while a transaction is open")
		finish(c, producer, t%2 == 0)
		wantRead(c, topic, sarama.ReadCommitted, committed, 3, fmt.Sprintf("read_committed after transaction %d", t))
	}
	wantRead(c, topic, sarama.ReadUncommitted, all, 3, "read_uncommitted at the end")
}

func wantOffset(c c, adm sarama.ClusterAdmin, group, topic string, want int64) {
	c.Eventually(func() string {
		if got := offsets(c, adm, group, topic, 0)[0].Offset; got != want {
			return fmt.Sprintf("the group committed %d, want %d", got, want)
		}
		return ""
	})
}

// transactionalOffsets are there when their transaction commits, not before.
func transactionalOffsets(c c) {
	topic, group := newTopic(c, 1), gocheck.Unique("g")
	adm := admin(c)
	defer adm.Close()
	producer := transactional(c, transactionalConfig(gocheck.Unique("x")))
	defer producer.Close()
	add := func(offset int64) {
		c.Must(producer.BeginTxn(), "begin")
		c.Must(producer.AddOffsetsToTxn(map[string][]*sarama.PartitionOffsetMetadata{topic: {{Partition: 0, Offset: offset}}}, group), "add offsets")
	}
	add(5)
	if got := offsets(c, adm, group, topic, 0)[0].Offset; got != -1 {
		c.Fatalf("the group has offset %d while the transaction is open", got)
	}
	finish(c, producer, true)
	wantOffset(c, adm, group, topic, 5)
	add(9)
	finish(c, producer, false)
	wantOffset(c, adm, group, topic, 5)
	add(7)
	c.Must(put(producer, topic, 0, "with offsets"), "produce")
	finish(c, producer, true)
	wantOffset(c, adm, group, topic, 7)
	wantRead(c, topic, sarama.ReadCommitted, map[int32][]string{0: {"with offsets"}}, 1, "at the end")
}

func emptyTransactions(c c) {
	topic := newTopic(c, 1)
	producer := transactional(c, transactionalConfig(gocheck.Unique("x")))
	defer producer.Close()
	for i := range 20 {
		c.Must(producer.BeginTxn(), "begin")
		finish(c, producer, i%2 == 0)
	}
	if now := ends(c, topic, 1, sarama.ReadUncommitted); now[0] != 0 {
		c.Fatalf("after empty transactions the partition ends at %d", now[0])
	}
	c.Must(producer.BeginTxn(), "begin")
	c.Must(put(producer, topic, 0, "one"), "produce")
	finish(c, producer, true)
	wantRead(c, topic, sarama.ReadCommitted, map[int32][]string{0: {"one"}}, 1, "at the end")
}

func manyPartitions(c c) {
	const partitions = 100
	topic := newTopic(c, partitions)
	producer := transactional(c, transactionalConfig(gocheck.Unique("x")))
	defer producer.Close()
	want := map[int32][]string{}
	for _, value := range []string{"aborted", "first", "aborted too", "second"} {
		commit := !strings.HasPrefix(value, "aborted")
		c.Must(producer.BeginTxn(), "begin")
		var records []*sarama.ProducerMessage
		for p := range int32(partitions) {
			records = append(records, &sarama.ProducerMessage{Topic: topic, Partition: p, Value: sarama.StringEncoder(value)})
			if commit {
				want[p] = append(want[p], value)
			}
		}
		c.Must(producer.SendMessages(records), "produce")
		finish(c, producer, commit)
	}
	wantRead(c, topic, sarama.ReadCommitted, want, partitions, "at the end")
}

// failedSend spoils a transaction with a record that the node refuses; after its abort the producer goes on.
func failedSend(c c) {
	topic := newTopic(c, 1)
	cfg := transactionalConfig(gocheck.Unique("x"))
	cfg.Producer.MaxMessageBytes = 6_000_000
	producer := transactional(c, cfg)
	defer producer.Close()
	c.Must(producer.BeginTxn(), "begin")
	c.Must(put(producer, topic, 0, "spoilt"), "produce")
	large := make([]byte, 2<<20)
	rand.Read(large)
	c.WantError(put(producer, topic, 0, string(large)), sarama.ErrMessageSizeTooLarge, "produce 2 MB")
	finish(c, producer, false)
	c.Must(producer.BeginTxn(), "begin again")
	c.Must(put(producer, topic, 0, "good"), "produce after the abort")
	finish(c, producer, true)
	wantRead(c, topic, sarama.ReadCommitted, map[int32][]string{0: {"good"}}, 1, "read_committed")
	wantRead(c, topic, sarama.ReadUncommitted, map[int32][]string{0: {"spoilt", "good"}}, 1, "read_uncommitted")
}

func isFenced(err error) bool {
	return errors.Is(err, sarama.ErrProducerFenced) || errors.Is(err, sarama.ErrInvalidProducerEpoch)
}

// fencing lets a second producer with the same id abort what the first had open; the first can do nothing any more.
func fencing(c c) {
	topic, id := newTopic(c, 1), gocheck.Unique("x")
	zombie := transactional(c, transactionalConfig(id))
	defer zombie.Close()
	c.Must(zombie.BeginTxn(), "begin")
	c.Must(put(zombie, topic, 0, "zombie"), "produce")
	successor := transactional(c, transactionalConfig(id))
	defer successor.Close()
	c.Must(successor.BeginTxn(), "begin as the successor")
	c.Must(put(successor, topic, 0, "successor"), "produce as the successor")
	if err := put(zombie, topic, 0, "late"); err == nil {
		c.Fatalf("a send of the fenced producer went well")
	}
	if zombie.TxnStatus()&(sarama.ProducerTxnFlagFatalError|sarama.ProducerTxnFlagAbortableError) == 0 {
		c.Fatalf("the fenced producer has status %s", zombie.TxnStatus())
	}
	if err := zombie.CommitTxn(); err == nil {
		c.Fatalf("the commit of the fenced producer went well")
	}
	finish(c, successor, true)
	wantRead(c, topic, sarama.ReadCommitted, map[int32][]string{0: {"successor"}}, 1, "read_committed")
	wantRead(c, topic, sarama.ReadUncommitted, map[int32][]string{0: {"zombie", "successor"}}, 1, "read_uncommitted")
}

// timedOut leaves a transaction open for longer than the producer allowed; the node aborts it.
func timedOut(c c) {
	topic, id := newTopic(c, 1), gocheck.Unique("x")
	cfg := transactionalConfig(id)
	cfg.Producer.Transaction.Timeout = time.Second
	cfg.Producer.Transaction.Retry.Max = 5
	slow := transactional(c, cfg)
	defer slow.Close()
	c.Must(slow.BeginTxn(), "begin")
	c.Must(put(slow, topic, 0, "too slow"), "produce")
	c.Eventually(func() string {
		if now := ends(c, topic, 1, sarama.ReadCommitted); now[0] != 2 {
			return fmt.Sprintf("the transaction is not aborted: read_committed ends at %d", now[0])
		}
		return ""
	})
	if err := slow.CommitTxn(); !isFenced(err) {
		c.Fatalf("the commit of a transaction that timed out: %v", err)
	}
	next := transactional(c, transactionalConfig(id))
	defer next.Close()
	c.Must(next.BeginTxn(), "begin after the timeout")
	c.Must(put(next, topic, 0, "in time"), "produce after the timeout")
	finish(c, next, true)
	wantRead(c, topic, sarama.ReadCommitted, map[int32][]string{0: {"in time"}}, 1, "at the end")
}

// openOverRestart has one transaction commit and one abort that are open while the node restarts.
func openOverRestart(c c, how string) {
	topic := newTopic(c, 2)
	commits, aborts := transactional(c, transactionalConfig(gocheck.Unique("x"))), transactional(c, transactionalConfig(gocheck.Unique("x")))
	defer commits.Close()
	defer aborts.Close()
	put := func(when string) {
		for p := range int32(2) {
			c.Must(put(commits, topic, p, "committed "+when), "produce %s the restart", when)
			c.Must(put(aborts, topic, p, "aborted "+when), "produce %s the restart", when)
		}
	}
	c.Must(commits.BeginTxn(), "begin")
	c.Must(aborts.BeginTxn(), "begin")
	put("before")
	c.Restart(how)
	if now := ends(c, topic, 2, sarama.ReadCommitted); now[0] != 0 || now[1] != 0 {
		c.Fatalf("after the restart read_committed ends at %v", now)
	}
	put("after")
	finish(c, aborts, false)
	finish(c, commits, true)
	want := []string{"committed before", "committed after"}
	wantRead(c, topic, sarama.ReadCommitted, map[int32][]string{0: want, 1: want}, 2, "after the restart")
}
