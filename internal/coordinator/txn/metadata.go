package txn

import "math"

// metadata is what a record says of a transactional id. It is never changed: every transition makes a new one.
type metadata struct {
	state         State
	producerID    int64
	producerEpoch int16
	timeoutMs     int32
	topics        []TopicPartitions // what takes part in the transaction
	startMs       int64             // when the transaction began; -1 where there is none
	updatedMs     int64

	// previousProducerID is the producer id before the last transition.
	previousProducerID int64
	// nextProducerID follows the producer id, whose epochs are exhausted, when the transaction is complete.
	nextProducerID int64
	// clientVersion is the level of transaction.version that the client went by; the markers are written by it too.
	clientVersion int16

	// lastProducerEpoch is the epoch before the current one. It is in no record, so that a retry of InitProducerId
	// that reaches the next coordinator is fenced, as in Kafka.
	lastProducerEpoch int16
}

// newMetadata is how a transactional id begins, before its first record.
func newMetadata(producerID int64, timeoutMs int32, nowMs int64) *metadata {
	return &metadata{
		state: Empty, producerID: producerID, producerEpoch: noProducerEpoch, timeoutMs: timeoutMs, startMs: -1, updatedMs: nowMs,
		previousProducerID: noProducerID, nextProducerID: noProducerID, lastProducerEpoch: noProducerEpoch,
	}
}

// to begins a transition: a copy in a new state.
func (md *metadata) to(state State) *metadata {
	next := *md
	next.state = state
	next.previousProducerID = md.producerID
	return &next
}

// initialized is the state after InitProducerID.
func (md *metadata) initialized(producerID int64, producerEpoch, lastProducerEpoch int16, timeoutMs int32, nowMs int64) *metadata {
	next := md.to(Empty)
	next.producerID, next.producerEpoch, next.lastProducerEpoch = producerID, producerEpoch, lastProducerEpoch
	next.timeoutMs = timeoutMs
	next.topics = nil
	next.startMs, next.updatedMs = -1, nowMs
	return next
}

// added is the state with more partitions.
func (md *metadata) added(partitions []TopicPartition, clientVersion int16, nowMs int64) *metadata {
	next := md.to(Ongoing)
	if md.state != Ongoing {
		next.startMs = nowMs
	}
	next.topics = with(md.topics, partitions)
	next.updatedMs = nowMs
	next.clientVersion = clientVersion
	return next
}

// prepared is the decision about the end of a transaction. With version 2 it raises the epoch; nextProducerID is there
// when that exhausts the epochs. A transaction that no partition was added to begins with its end.
func (md *metadata) prepared(commit bool, clientVersion int16, nextProducerID int64, nowMs int64) *metadata {
	next := md.to(PrepareAbort)
	if commit {
		next.state = PrepareCommit
	}
	if clientVersion >= versionWithEpochBump {
		if md.producerEpoch < math.MaxInt16 {
			next.producerEpoch++
		}
		next.lastProducerEpoch = md.producerEpoch
	}
	if md.state != Ongoing {
		next.startMs = nowMs
	}
	next.nextProducerID = nextProducerID
	next.updatedMs = nowMs
	next.clientVersion = clientVersion
	return next
}

// fenced is the decision to abort on behalf of somebody else than the producer, before version 2: the epoch is raised,
// so that the producer is locked out. From version 2 on every decision does that.
func (md *metadata) fenced(nowMs int64) *metadata {
	next := md.prepared(false, 0, noProducerID, nowMs)
	if md.producerEpoch < math.MaxInt16 {
		next.producerEpoch++
	}
	next.lastProducerEpoch = noProducerEpoch
	return next
}

// completed is the end of a transaction, when all markers are there. When the epochs are exhausted it is the next
// producer id's turn; the last epoch stays the one that the client saw last.
func (md *metadata) completed(nowMs int64) *metadata {
	next := md.to(CompleteAbort)
	if md.state == PrepareCommit {
		next.state = CompleteCommit
	}
	if md.clientVersion >= versionWithEpochBump && md.nextProducerID != noProducerID {
		next.producerID, next.producerEpoch = md.nextProducerID, 0
	}
	next.nextProducerID = noProducerID
	next.topics = nil
	next.updatedMs = nowMs
	return next
}
