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
