package node_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/storage"
	"ottla.dev/ottla/internal/vfs"
)

// cutter is a node whose machine goes down, with a producer that speaks the protocol by hand.
type cutter struct {
	t        *testing.T
	disk     *vfs.Mem
	metadata string
	flush    string
	m        *mortal
	a        *attacker
	id       string
	version  int16 // of transactions: 2 or before
}

// eachVersion runs a test with a producer of each generation.
func eachVersion(t *testing.T, test func(t *testing.T, c *cutter)) {
	for _, version := range []int16{0, 2} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			c := &cutter{t: t, disk: vfs.NewMem(), metadata: filepath.Join(t.TempDir(), "metadata"), flush: "false", id: "cut", version: version}
			c.start()
			for _, topic := range []string{"x", "y"} {
				c.a.send(metadataFrame(topic, true)).answer()
			}
			test(t, c)
		})
	}
}

func (c *cutter) start() {
	c.t.Helper()
	c.m = startDurable(c.t, c.disk, c.metadata, c.flush)
	m := c.m
	c.t.Cleanup(func() { _ = m.Close() })
	c.a = attack(c.t, c.m.Addr())
}

// stop ends the process in the middle of everything; the page cache stays.
func (c *cutter) stop() {
	c.m.disk.Inject(func(op vfs.Op, _ string) vfs.Fault {
		if op == vfs.OpRead || op == vfs.OpReadDir || op == vfs.OpOpen || op == vfs.OpDiskUsage {
			return vfs.Fault{}
		}
		return vfs.Fault{Err: fmt.Errorf("the process was killed")}
	})
	_ = c.m.Close()
	c.m.disk.Inject(nil)
	c.m.disk.SyncAll()
	c.disk = c.m.disk.CrashClone(rand.New(rand.NewPCG(1, 1))).SameBoot(c.m.disk)
}

// powerCut ends the machine. Logs have lost what the test says.
func (c *cutter) powerCut(lose func()) {
	c.t.Helper()
	c.stop()
	lose()
	c.disk.SyncAll()
	c.disk = c.disk.CrashClone(rand.New(rand.NewPCG(1, 1)))
	c.start()
}

// keep cuts a log to its first so many batches.
func (c *cutter) keep(partition string, batches int) {
	c.t.Helper()
	name, data := c.read(partition)
	size := 0
	for range batches {
		b, _, err := record.Next(data[size:])
		if err != nil {
			c.t.Fatalf("%s has fewer than %d batches: %d bytes: %v", partition, batches, len(data), err)
		}
		size += len(b)
	}
	f, err := c.disk.OpenReadWrite(name)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(int64(size)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cutter) read(partition string) (name string, data []byte) {
	c.t.Helper()
	name = "/data/" + partition + "/00000000000000000000.log"
	f, err := c.disk.Open(name)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	size, _ := f.Size()
	data = make([]byte, size)
	if _, err := f.ReadAt(data, 0); err != nil && size > 0 {
		c.t.Fatal(err)
	}
	return name, data
}

// state is the partition of __transaction_state that has the transactional id.
func (c *cutter) state() string {
	c.t.Helper()
	for i := range 3 {
		partition := fmt.Sprint("__transaction_state-", i)
		if _, data := c.read(partition); len(data) > 0 {
			return partition
		}
	}
	c.t.Fatal("no partition has the transactional id")
	return ""
}

// write adds a record to the transaction, in each of the topics.
func (c *cutter) write(p *kmsg.InitProducerIDResponse, sequence int32, value string, topics ...string) {
	c.t.Helper()
	b := record.NewBuilder(record.CodecNone)
	b.ProducerID, b.ProducerEpoch, b.BaseSequence, b.Transactional = p.ProducerID, p.ProducerEpoch, sequence, true
	if err := b.Append(&record.Record{Timestamp: time.Now().Add(-time.Hour).UnixMilli(), Value: []byte(value)}); err != nil {
		c.t.Fatal(err)
	}
	batch, err := b.Build()
	if err != nil {
		c.t.Fatal(err)
	}
	version := int16(12)
	if c.version < 2 {
		version = 11
		for _, topic := range topics {
			addPartition(c.t, c.a, c.id, p, topic)
		}
	}
	for i, code := range produceAs(c.a, &c.id, batch, version, topics...) {
		if code != protocol.None {
			c.t.Fatalf("%s into %s: %s", value, topics[i], code.Name())
		}
	}
}

// end ends the transaction, and waits until its markers are there.
func (c *cutter) end(p *kmsg.InitProducerIDResponse, commit bool) {
	c.t.Helper()
	version := int16(5)
	if c.version < 2 {
		version = 4
	}
	endTransaction(c.t, c.a, c.id, p, commit, version)
	awaitStable(c.t, c.a, "x")
	awaitStable(c.t, c.a, "y")
}

// wantSeen checks what readers of committed records see in a topic.
func (c *cutter) wantSeen(topic string, want ...string) {
	c.t.Helper()
	awaitStable(c.t, c.a, topic)
	k, err := kgo.NewClient(kgo.SeedBrokers(c.m.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		c.t.Fatal(err)
	}
	defer k.Close()
	if err := k.ProduceSync(within(c.t), &kgo.Record{Topic: topic, Value: []byte("fence")}).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
	seen := seenUntil(c.t, c.m.Addr(), topic, "fence")
	delete(seen, "fence")
	for _, v := range want {
		if seen[v] != 1 {
			c.t.Errorf("%s is seen %d times in %s, want once", v, seen[v], topic)
		}
		delete(seen, v)
	}
	if len(seen) > 0 {
		c.t.Errorf("%v are seen in %s, and should not be", seen, topic)
	}
}

// wantFresh has the transactional id begin anew, with a producer id that it never had, and end a transaction.
func (c *cutter) wantFresh(old *kmsg.InitProducerIDResponse) *kmsg.InitProducerIDResponse {
	c.t.Helper()
	p := beginAs(c.t, c.a, c.id)
	if p.ProducerID == old.ProducerID || p.ProducerEpoch != 0 {
		c.t.Errorf("producer id %d in epoch %d, want another than %d, in epoch 0", p.ProducerID, p.ProducerEpoch, old.ProducerID)
	}
	return p
}

func (c *cutter) note() storage.StartNote {
	c.t.Helper()
	n, err := storage.ReadStartNote(c.disk, "/data")
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// awaitFinished waits until nothing is noted to be left to do.
func (c *cutter) awaitFinished() {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); c.note().Unfinished; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatal("something is left to do")
		}
	}
}

// commitOffset commits an offset of a group with the transaction.
func (c *cutter) commitOffset(p *kmsg.InitProducerIDResponse, group string) {
	c.t.Helper()
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.CoordinatorKeys = []string{group}
	ask[*kmsg.FindCoordinatorResponse](c.a, find, 4)
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = c.id, p.ProducerID, p.ProducerEpoch, group
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch, req.Generation = c.id, group, p.ProducerID, p.ProducerEpoch, -1
	part := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	part.Offset = 7
	req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: "x", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{part}}}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		code := protocol.Code(ask[*kmsg.AddOffsetsToTxnResponse](c.a, add, 3).ErrorCode)
		if code == protocol.None {
			code = protocol.Code(ask[*kmsg.TxnOffsetCommitResponse](c.a, req, 3).Topics[0].Partitions[0].ErrorCode)
		}
		if code == protocol.None {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatal(code.Name())
		}
	}
}

// awaitOffset waits until a group's offset is stable, and returns it.
func (c *cutter) awaitOffset(group string) int64 {
	c.t.Helper()
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.RequireStable = group, true
	req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: "x", Partitions: []int32{0}}}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		resp := ask[*kmsg.OffsetFetchResponse](c.a, req, 7)
		if resp.ErrorCode == 0 && len(resp.Topics) == 1 && resp.Topics[0].Partitions[0].ErrorCode == 0 {
			return resp.Topics[0].Partitions[0].Offset
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the offset stays unstable: %+v", resp)
		}
	}
}

// TestForgottenTransactionsAreEnded loses all that the coordinator knew while partitions have its transaction open.
func TestForgottenTransactionsAreEnded(t *testing.T) {
	eachVersion(t, func(t *testing.T, c *cutter) {
		p := beginAs(t, c.a, c.id)
		c.write(p, 0, "open", "x", "y")
		c.commitOffset(p, "group")
		c.powerCut(func() { c.keep(c.state(), 0) })
		c.wantSeen("x")
		c.wantSeen("y")
		if offset := c.awaitOffset("group"); offset != -1 {
			t.Errorf("the offset that nobody has committed is %d", offset)
		}
		c.awaitFinished()
		p = c.wantFresh(p)
		c.write(p, 0, "then", "x", "y")
		c.end(p, true)
		c.wantSeen("x", "then")
	})
}

// TestLostMarkersAreWrittenAgain loses the marker of a transaction of which the coordinator knows how it ended.
func TestLostMarkersAreWrittenAgain(t *testing.T) {
	eachVersion(t, func(t *testing.T, c *cutter) {
		for _, commit := range []bool{true, false} {
			p := beginAs(t, c.a, c.id)
			c.write(p, 0, fmt.Sprint("first, commit ", commit), "x", "y")
			c.end(p, commit)
			p = beginAs(t, c.a, c.id)
			c.write(p, 0, fmt.Sprint("second, only on x, commit ", commit), "x")
			c.end(p, true)
		}
		c.powerCut(func() { c.keep("y-0", 3) })
		c.wantSeen("x", "first, commit true", "second, only on x, commit true", "second, only on x, commit false")
		c.wantSeen("y", "first, commit true")
		c.powerCut(func() { c.keep("y-0", 1) })
		c.wantSeen("y", "first, commit true")
	})
}

// TestLostMarkerIsThatOfItsOwnTransaction has several transactions of one producer in a partition, and loses what comes after the data of each. Before version 2 they
// all have one epoch, and what tells them apart is when they were decided.
func TestLostMarkerIsThatOfItsOwnTransaction(t *testing.T) {
	for kept, want := range [][]string{{}, {"second"}, {"second"}, {"second", "fourth"}} {
		t.Run(fmt.Sprint("transaction ", kept+1), func(t *testing.T) {
			eachVersion(t, func(t *testing.T, c *cutter) {
				p := beginAs(t, c.a, c.id)
				for i, value := range []string{"first", "second", "third", "fourth"} {
					sequence := int32(0)
					if c.version < 2 {
						sequence = int32(i)
					}
					c.write(p, sequence, value, "y")
					c.end(p, i%2 == 1)
					time.Sleep(2 * time.Millisecond) // they are told apart by milliseconds
				}
				c.powerCut(func() { c.keep("y-0", 2*kept+1) })
				c.wantSeen("y", want...)
			})
		})
	}
}

// TestUndecidedTransactionIsNotTakenForTheOneBefore loses the newest of what the coordinator knew, so that its last decision is about a transaction of which the
// partitions have the marker already, and the next one is open in them.
func TestUndecidedTransactionIsNotTakenForTheOneBefore(t *testing.T) {
	for _, kept := range []struct {
		name    string
		batches int
	}{{"up to the decision", 3}, {"up to the completion", 4}, {"up to the next beginning", 5}} {
		t.Run(kept.name, func(t *testing.T) {
			eachVersion(t, func(t *testing.T, c *cutter) {
				p := beginAs(t, c.a, c.id)
				c.write(p, 0, "decided", "x")
				c.end(p, true)
				old, sequence := *p, int32(0)
				if c.version < 2 {
					sequence = 1
				}
				c.write(p, sequence, "undecided", "x")
				c.powerCut(func() { c.keep(c.state(), kept.batches) })
				c.wantSeen("x", "decided")
				c.awaitFinished()
				c.wantFresh(&old)
			})
		})
	}
}

// TestDecisionDoesNotEndTheOneBefore loses in a partition all after the data of a transaction that was aborted, while the coordinator is about to commit the next one.
func TestDecisionDoesNotEndTheOneBefore(t *testing.T) {
	eachVersion(t, func(t *testing.T, c *cutter) {
		p := beginAs(t, c.a, c.id)
		c.write(p, 0, "aborted", "y")
		c.end(p, false)
		if c.version < 2 {
			p = beginAs(t, c.a, c.id) // with another epoch, as in version 2
		}
		c.write(p, 0, "committed", "x", "y")
		c.end(p, true)
		kept := 6
		if c.version < 2 {
			kept = 8 // there is a record for each partition that is added, and for the epoch
		}
		c.powerCut(func() {
			c.keep(c.state(), kept)
			c.keep("y-0", 1)
		})
		c.wantSeen("x", "committed")
		c.wantSeen("y")
	})
}

// TestDecisionIsDoneWhereItComesTooLate has partitions know later epochs than the decision that the coordinator still has.
func TestDecisionIsDoneWhereItComesTooLate(t *testing.T) {
	eachVersion(t, func(t *testing.T, c *cutter) {
		p := beginAs(t, c.a, c.id)
		c.write(p, 0, "first", "x", "y")
		c.end(p, true)
		for i := range 3 {
			p = beginAs(t, c.a, c.id)
			c.write(p, 0, fmt.Sprint("later ", i), "x")
			c.end(p, true)
		}
		kept := 3
		if c.version < 2 {
			kept = 4 // there is a record for each partition that is added
		}
		c.powerCut(func() {
			c.keep(c.state(), kept)
			c.keep("y-0", 1)
		})
		c.wantSeen("x", "first", "later 0", "later 1", "later 2")
		c.wantSeen("y", "first")
		p = c.wantFresh(p)
		c.write(p, 0, "then", "x", "y")
		c.end(p, true)
		c.wantSeen("y", "first", "then")
	})
}

// TestNoEpochIsGivenTwice loses what the coordinator knew of the newest epochs, whose first batches look like those of the next producer.
func TestNoEpochIsGivenTwice(t *testing.T) {
	eachVersion(t, func(t *testing.T, c *cutter) {
		var p *kmsg.InitProducerIDResponse
		for i := range 3 {
			p = beginAs(t, c.a, c.id)
			c.write(p, 0, fmt.Sprint("before ", i), "x")
			c.end(p, true)
		}
		c.powerCut(func() { c.keep(c.state(), 1) })
		// It must not be forgotten when the node starts again, whether in order or not.
		if err := c.m.Close(); err != nil {
			t.Fatal(err)
		}
		c.start()
		c.stop()
		c.start()
		p = c.wantFresh(p)
		for i := range 4 {
			c.write(p, 0, fmt.Sprint("after ", i), "x")
			c.end(p, true)
			if c.version < 2 {
				next := beginAs(t, c.a, c.id)
				if next.ProducerID != p.ProducerID || next.ProducerEpoch != p.ProducerEpoch+1 {
					t.Errorf("after %d/%d comes %d/%d", p.ProducerID, p.ProducerEpoch, next.ProducerID, next.ProducerEpoch)
				}
				p = next
			}
		}
		c.wantSeen("x", "before 0", "before 1", "before 2", "after 0", "after 1", "after 2", "after 3")
	})
}

// TestEndOfAProcessIsNoPowerCut has transactions go on where nothing can be lost: after the end of a process only, and where everything is on stable storage.
func TestEndOfAProcessIsNoPowerCut(t *testing.T) {
	eachVersion(t, func(t *testing.T, c *cutter) {
		p := beginAs(t, c.a, c.id)
		c.write(p, 0, "first half", "x")
		c.stop()
		c.start()
		c.write(p, 1, "second half", "x")
		if err := c.m.Close(); err != nil {
			t.Fatal(err)
		}
		c.disk.SyncAll()
		c.disk = c.disk.CrashClone(rand.New(rand.NewPCG(1, 1))) // the machine was stopped in order too
		c.start()
		c.write(p, 2, "third half", "x")
		c.end(p, true)
		c.wantSeen("x", "first half", "second half", "third half")
		if n := c.note(); n.LostBelow != 0 || n.BootID != c.disk.BootID() {
			t.Errorf("noted: %+v", n)
		}
	})
}

func TestPowerCutIsNoLossWithFlush(t *testing.T) {
	eachVersion(t, func(t *testing.T, c *cutter) {
		if err := c.m.Close(); err != nil {
			t.Fatal(err)
		}
		c.flush = "true"
		c.start()
		p := beginAs(t, c.a, c.id)
		c.write(p, 0, "first half", "x")
		c.powerCut(func() {})
		c.write(p, 1, "second half", "x")
		c.end(p, true)
		c.wantSeen("x", "first half", "second half")
		if n := c.note(); n.LostBelow != 0 || !n.Flushed {
			t.Errorf("noted: %+v", n)
		}
		// A topic that does without takes the promise away.
		alter := kmsg.NewPtrIncrementalAlterConfigsRequest()
		resource := kmsg.NewIncrementalAlterConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, "y"
		change := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		change.Name, change.Value = "ottla.flush.before.ack", kmsg.StringPtr("false")
		resource.Configs = append(resource.Configs, change)
		alter.Resources = append(alter.Resources, resource)
		if resp := ask[*kmsg.IncrementalAlterConfigsResponse](c.a, alter, 1); resp.Resources[0].ErrorCode != 0 {
			t.Fatal(protocol.Code(resp.Resources[0].ErrorCode).Name())
		}
		if n := c.note(); n.Flushed {
			t.Errorf("noted: %+v", n)
		}
	})
}

// TestUnknownStopIsAPowerCut starts on directories that do not tell, as those of an older version or of Apache Kafka.
func TestUnknownStopIsAPowerCut(t *testing.T) {
	eachVersion(t, func(t *testing.T, c *cutter) {
		p := beginAs(t, c.a, c.id)
		c.write(p, 0, "open", "x")
		c.stop()
		if err := c.disk.Remove("/data/ottla-start"); err != nil {
			t.Fatal(err)
		}
		c.start()
		c.wantSeen("x")
		c.wantFresh(p)
		if n := c.note(); n.LostBelow <= p.ProducerID {
			t.Errorf("noted: %+v", n)
		}
	})
}
