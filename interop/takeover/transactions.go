package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// transact writes transactions that commit and abort, with offsets of a group among them.
func (c *contents) transact(ctx context.Context, round int) error {
	for i, commit := range []bool{true, false, true, true, false} {
		cl, err := c.begin(ctx, fmt.Sprintf("txn-%d", i%2), round*10+i)
		if err != nil {
			return err
		}
		err = c.offsetsInTransaction(ctx, cl, fmt.Sprintf("txn-%d", i%2), int64(100*round+i))
		if err == nil {
			err = cl.EndTransaction(ctx, kgo.TransactionEndTry(commit))
		}
		c.note(ctx, cl)
		cl.Close()
		if err != nil {
			return fmt.Errorf("transaction %d: %w", i, err)
		}
	}
	return nil
}

// begin leaves a client with an open transaction that has written to two partitions.
func (c *contents) begin(ctx context.Context, id string, number int) (*kgo.Client, error) {
	cl, err := c.client(kgo.TransactionalID(id), kgo.TransactionTimeout(openTimeout))
	if err != nil {
		return nil, err
	}
	if err := cl.BeginTransaction(); err != nil {
		cl.Close()
		return nil, err
	}
	var records []*kgo.Record
	for n := range 10 {
		records = append(records, &kgo.Record{Topic: topicLedger, Partition: int32(n % 2), Key: []byte(id), Value: []byte(fmt.Sprintf("transaction %d record %d", number, n))})
	}
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		cl.Close()
		return nil, fmt.Errorf("produce in a transaction: %w", err)
	}
	return cl, nil
}

// note remembers the highest producer id.
func (c *contents) note(ctx context.Context, cl *kgo.Client) {
	if id, _, err := cl.ProducerID(ctx); err == nil {
		c.seenID = max(c.seenID, id)
	}
}

// offsetsInTransaction commits offsets of a group as part of the client's transaction.
func (c *contents) offsetsInTransaction(ctx context.Context, cl *kgo.Client, id string, at int64) error {
	producer, epoch, err := cl.ProducerID(ctx)
	if err != nil {
		return err
	}
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.Version, add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = 3, id, producer, epoch, groupInTxn
	added, err := ask[*kmsg.AddOffsetsToTxnResponse](ctx, c.addr, add)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(added.ErrorCode); err != nil {
		return fmt.Errorf("AddOffsetsToTxn: %w", err)
	}
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.Version, req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch, req.Generation = 4, id, groupInTxn, producer, epoch, -1
	t, p := kmsg.NewTxnOffsetCommitRequestTopic(), kmsg.NewTxnOffsetCommitRequestTopicPartition()
	t.Topic, p.Partition, p.Offset, p.Metadata = topicPlain, 1, at, text(id)
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	resp, err := ask[*kmsg.TxnOffsetCommitResponse](ctx, c.addr, req)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
}

// leaveOpen begins two transactions that outlive the node: one whose producer comes back, which aborts it, and one that is committed later.
func (c *contents) leaveOpen(ctx context.Context, round int) error {
	cl, err := c.begin(ctx, txnLeftOpen, 1000+round)
	if err != nil {
		return err
	}
	if err := c.offsetsInTransaction(ctx, cl, txnLeftOpen, 4711); err != nil {
		return err
	}
	c.note(ctx, cl)
	cl.Close() // which does not end the transaction
	if cl, err = c.begin(ctx, txnEndsLater, 2000+round); err != nil {
		return err
	}
	defer cl.Close()
	c.note(ctx, cl)
	c.later.id, c.later.epoch, err = cl.ProducerID(ctx)
	return err
}

// endOpen ends both on the node that found them open.
func (c *contents) endOpen(ctx context.Context) error {
	req := kmsg.NewPtrEndTxnRequest()
	req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = 4, txnEndsLater, c.later.id, c.later.epoch, true
	err := until(ctx, func() error {
		resp, err := ask[*kmsg.EndTxnResponse](ctx, c.addr, req)
		if err != nil {
			return err
		}
		return kerr.ErrorForCode(resp.ErrorCode)
	})
	if err != nil {
		return fmt.Errorf("commit what another node began: %w", err)
	}
	cl, err := c.client(kgo.TransactionalID(txnLeftOpen), kgo.TransactionTimeout(openTimeout))
	if err != nil {
		return err
	}
	defer cl.Close()
	if _, _, err := cl.ProducerID(ctx); err != nil { // it aborts what is open
		return fmt.Errorf("come back: %w", err)
	}
	c.note(ctx, cl)
	return c.settled(ctx)
}

// settled waits until no transaction is open: their markers are written after the answer.
func (c *contents) settled(ctx context.Context) error {
	return until(ctx, func() error {
		list := kmsg.NewPtrListTransactionsRequest()
		list.Version, list.StateFilters = 1, []string{"Ongoing", "PrepareCommit", "PrepareAbort"}
		resp, err := ask[*kmsg.ListTransactionsResponse](ctx, c.addr, list)
		if err != nil {
			return err
		}
		if len(resp.TransactionStates) > 0 {
			return fmt.Errorf("%d transactions are not complete", len(resp.TransactionStates))
		}
		return nil
	})
}

// changeTopics makes and deletes topics, as a node goes on living.
func (c *contents) changeTopics(ctx context.Context, round int) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	if err := createTopic(ctx, admin, 2, map[string]*string{"cleanup.policy": text("compact,delete")}, fmt.Sprintf("new-%d", round)); err != nil {
		return err
	}
	if round > 1 {
		if _, err := admin.DeleteTopic(ctx, fmt.Sprintf("new-%d", round-1)); err != nil {
			return err
		}
	}
	if err := grow(ctx, admin, 3+round); err != nil {
		return err
	}
	return altered(admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: text(fmt.Sprint(90000000 + round))}}, topicPlain))
}
