package api

import (
	"time"

	"ottla.dev/ottla/internal/coordinator/txn"
	txnservice "ottla.dev/ottla/internal/coordinator/txn/service"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/record"
	"ottla.dev/ottla/internal/replica/run"
	"ottla.dev/ottla/internal/storage"
)

// A batch that begins a producer's transaction in a partition is appended once the transaction coordinator has said that the partition
// takes part. Otherwise a batch that comes late, after its transaction has ended, would leave one open that nobody ends (KIP-890). Up to
// version 11 the producer has added the partition before, since version 12 asking is also what adds it.
//
// Meanwhile the connection reads no further request, as in Apache Kafka, where a connection waits for each answer: the next batch of
// the same producer must not overtake.

const (
	// firstAbortableVersion is the first version of Produce whose clients know TRANSACTION_ABORTABLE.
	firstAbortableVersion = 11
	// firstImplicitAddVersion is the first version of Produce that adds partitions to the transaction.
	firstImplicitAddVersion = 12
)

// TransactionVerifier is the transaction coordinator as a partition's leader needs it. On one node it is in this process.
type TransactionVerifier interface {
	// AddOrVerify adds the partitions to the producer's transaction or, with verifyOnly, tells whether they are in it. done gets a code
	// for each, at once or later. The slice is the verifier's until then.
	AddOrVerify(transactionalID string, producerID int64, producerEpoch int16, partitions []txn.TopicPartition, verifyOnly bool, done func(codes []protocol.Code))
}

// produceTarget is one partition of a produce request with transactions.
type produceTarget struct {
	p       *run.Partition
	part    *protocol.ProducePartition
	guard   storage.VerificationGuard
	refusal protocol.Code // of the verification, as the coordinator or the log gave it
}

func (t *produceTarget) batch() record.Batch { return record.Batch(t.part.Records) }

// transactional tells whether the batch belongs to a transaction.
func (t *produceTarget) transactional() bool {
	return t.batch().HasProducerID() && t.batch().IsTransactional()
}

// carriesTransactions tells whether any of the request's batches is marked as part of a transaction.
func (op *produceOp) carriesTransactions() bool {
	for i := range op.req.Topics {
		t := &op.req.Topics[i]
		for j := range t.Partitions {
			if b := t.Partitions[j].Records; len(b) >= record.HeaderSize && record.Batch(b).IsTransactional() {
				return true
			}
		}
	}
	return false
}

// transactional handles a request with batches of a transaction.
func (op *produceOp) transactional(version int16) {
	if !op.req.Transactional {
		op.refuseAll(protocol.TransactionalIDAuthorizationFailed, "")
		return
	}
	var first *produceTarget
	one := true
	for i := range op.req.Topics {
		t := &op.req.Topics[i]
		topic, unknown := op.server.topic(version, t.Name, t.ID)
		for j := range t.Partitions {
			part := &t.Partitions[j]
			p := op.find(topic, unknown, part, version)
			if p == nil {
				continue
			}
			op.targets = append(op.targets, produceTarget{p: p, part: part})
		}
	}
	for i := range op.targets {
		switch t := &op.targets[i]; {
		case !t.transactional():
		case first == nil:
			first = t
		default:
			one = one && t.batch().ProducerID() == first.batch().ProducerID() && t.batch().ProducerEpoch() == first.batch().ProducerEpoch()
		}
	}
	if !one {
		op.refuseAll(protocol.InvalidProducerIDMapping, "Transactional records contained more than one producer ID")
		return
	}
	if first != nil {
		op.verify(version, first.batch().ProducerID(), first.batch().ProducerEpoch())
	}
	for i := range op.targets {
		if t := &op.targets[i]; t.refusal == protocol.None {
			op.append(t.p, t.part, t.guard)
		} else {
			t.part.Code, t.part.ErrorMessage = verificationAnswer(t.refusal, version)
		}
	}
}

// refuseAll answers every partition of the request with one error.
func (op *produceOp) refuseAll(code protocol.Code, message string) {
	for i := range op.req.Topics {
		t := &op.req.Topics[i]
		for j := range t.Partitions {
			t.Partitions[j].Code, t.Partitions[j].ErrorMessage = code, message
		}
	}
}

// verify asks the coordinator about the partitions in which the producer has no open transaction. While the transaction before is
// still being ended it asks again, for a short time: to the client that would cost more.
func (op *produceOp) verify(version int16, producerID int64, producerEpoch int16) {
	s, adds := op.server, version >= firstImplicitAddVersion
	cfg := s.Config.Snapshot()
	if !adds && !cfg.Bool("transaction.partition.verification.enable") {
		return
	}
	if !op.beginVerification(producerID, producerEpoch, adds) {
		return
	}
	began, timeout := s.Clock.Now(), cfg.Millis("request.timeout.ms")
	retryFor, backoff := min(cfg.Millis("add.partitions.to.txn.retry.backoff.max.ms"), timeout), cfg.Millis("add.partitions.to.txn.retry.backoff.ms")
	for {
		op.askCoordinator(producerID, producerEpoch, version, timeout)
		if !adds || !op.concurrent() || s.Clock.Now().Sub(began) >= retryFor {
			return
		}
		op.sleep(backoff)
		if !op.beginVerification(producerID, producerEpoch, adds) {
			return
		}
	}
}

// beginVerification has the logs note that batches are being verified. It reports whether the coordinator has to be asked.
func (op *produceOp) beginVerification(producerID int64, producerEpoch int16, adds bool) bool {
	op.ask = op.ask[:0]
	for i := range op.targets {
		t := &op.targets[i]
		if t.guard, t.refusal = 0, protocol.None; !t.transactional() {
			continue
		}
		guard, err := t.p.Log().StartVerification(producerID, producerEpoch, t.batch().BaseSequence(), adds)
		if err != nil {
			t.refusal = op.server.storageError("produce", t.p.TopicPartition, err)
			continue
		}
		if t.guard = guard; guard != 0 {
			op.ask = append(op.ask, txn.TopicPartition{Topic: t.p.Topic, Partition: t.p.TopicPartition.Partition})
		}
	}
	return len(op.ask) > 0
}

// askCoordinator waits for what the coordinator says. A coordinator that does not answer in time is like a broken connection to it.
func (op *produceOp) askCoordinator(producerID int64, producerEpoch int16, version int16, timeout time.Duration) {
	answered := make(chan []protocol.Code, 1)
	op.server.Verifier.AddOrVerify(string(op.req.TransactionalID), producerID, producerEpoch, op.ask, version < firstImplicitAddVersion, func(codes []protocol.Code) {
		answered <- codes
	})
	var codes []protocol.Code
	select {
	case codes = <-answered:
	default:
		late := make(chan struct{})
		timer := op.server.Clock.AfterFunc(timeout, func() { close(late) })
		select {
		case codes = <-answered:
		case <-late:
			op.ask = nil // the verifier may still look at it
		}
		timer.Stop()
	}
	next := 0
	for i := range op.targets {
		t := &op.targets[i]
		if t.guard == 0 {
			continue
		}
		if t.refusal = protocol.NetworkException; next < len(codes) {
			t.refusal = txnservice.LeaderCode(codes[next], version >= firstAbortableVersion)
		}
		next++
	}
}

func (op *produceOp) concurrent() bool {
	for i := range op.targets {
		if op.targets[i].refusal == protocol.ConcurrentTransactions {
			return true
		}
	}
	return false
}

func (op *produceOp) sleep(d time.Duration) {
	over := make(chan struct{})
	op.server.Clock.AfterFunc(d, func() { close(over) })
	<-over
}

// verificationAnswer translates why a batch was not verified into what producers understand. What passes by itself is told as
// NOT_ENOUGH_REPLICAS, which makes also the older ones try again without asking for metadata.
func verificationAnswer(code protocol.Code, version int16) (protocol.Code, string) {
	switch code {
	case protocol.InvalidTxnState:
		return code, "Partition was not added to the transaction"
	case protocol.ConcurrentTransactions:
		if version >= firstImplicitAddVersion {
			return code, ""
		}
	case protocol.NetworkException, protocol.CoordinatorLoadInProgress, protocol.CoordinatorNotAvailable, protocol.NotCoordinator:
	default:
		return code, ""
	}
	return protocol.NotEnoughReplicas, "Unable to verify the partition has been added to the transaction. Underlying error: " + code.Name()
}
