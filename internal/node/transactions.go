package node

import (
	"ottla.dev/ottla/internal/api"
	"ottla.dev/ottla/internal/config"
	"ottla.dev/ottla/internal/coordinator/txn"
	txnservice "ottla.dev/ottla/internal/coordinator/txn/service"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// transactionStateTopic is where the transaction coordinators keep their state.
const transactionStateTopic = "__transaction_state"

// transactionConfig takes the transaction coordinator's settings from the node's.
func transactionConfig(s *config.Snapshot) txn.Config {
	c := txn.DefaultConfig()
	c.MaxTimeoutMs = int32(s.Int("transaction.max.timeout.ms"))
	c.IDExpirationMs = int64(s.Int("transactional.id.expiration.ms"))
	c.AbortTimedOutIntervalMs = int64(s.Int("transaction.abort.timed.out.transaction.cleanup.interval.ms"))
	c.RemoveExpiredIntervalMs = int64(s.Int("transaction.remove.expired.transaction.cleanup.interval.ms"))
	c.LoadBufferBytes = int32(s.Int("transaction.state.log.load.buffer.size"))
	c.RequestTimeoutMs = int32(s.Int("request.timeout.ms"))
	return c
}

// openTransactions prepares the transaction coordinator, and what it needs of this node as a leader of partitions.
func (n *Node) openTransactions() {
	n.markers = &api.Markers{Replicas: n.replicas, Groups: n.groups, Clock: n.options.Clock, Logger: n.logger}
	n.producerIDs = &api.ProducerIDs{NodeID: n.options.Config.NodeID(), Controller: n.controller, Logger: n.logger, Context: n.ctx}
	n.transactions = txnservice.New(txnservice.Options{
		Clock: n.options.Clock, Logger: n.logger,
		Config: perSnapshot(n.live.Snapshot, transactionConfig),
		PartitionCount: func() int32 {
			if t := n.controller.Image().Topic(transactionStateTopic); t != nil {
				return int32(len(t.Partitions))
			}
			return int32(n.live.Snapshot().Int("transaction.state.log.num.partitions"))
		},
		NextProducerID:     n.producerIDs.NextFor,
		TransactionVersion: func() int16 { return n.controller.Image().Features[metadata.TransactionVersion] },
		GroupPartition:     n.groups.PartitionFor,
		OffsetsTopic:       offsetsTopic,
		WriteMarkers:       n.markers.Write,
		Lost:               n.lost,
		PartitionExists: func(topic string, partition int32) bool {
			return n.controller.Image().Partition(topic, partition) != nil
		},
	})
}

// verifyTransaction has the transaction coordinator confirm that a partition of the offsets topic takes part in a producer's
// transaction, before offsets are written there. done gets the guard that goes with the append.
func (n *Node) verifyTransaction(partition int32, transactionalID string, producerID int64, epoch int16, adds bool, done func(guard uint64, err error)) {
	if !adds && !n.live.Snapshot().Bool("transaction.partition.verification.enable") {
		done(0, nil)
		return
	}
	p, err := n.replicas.Partition(offsetsTopic, partition)
	if err != nil {
		done(0, err)
		return
	}
	guard, err := p.Log().StartVerification(producerID, epoch, -1, adds)
	if err != nil || guard == 0 {
		done(0, err)
		return
	}
	ask := []txn.TopicPartition{{Topic: offsetsTopic, Partition: partition}}
	n.transactions.AddOrVerify(transactionalID, producerID, epoch, ask, !adds, func(codes []protocol.Code) {
		if codes[0] != protocol.None {
			done(0, codes[0])
			return
		}
		done(uint64(guard), nil)
	})
}
