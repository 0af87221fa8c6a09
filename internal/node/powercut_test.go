package node_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

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
