package machine

// Transactional is a machine whose records may be part of transactions. What such a record says is not yet so: the
// machine keeps it apart until the marker tells whether it ever will be.
type Transactional interface {
	// ReplayTransactional applies a record that is in the log at offset, within the open transaction of a producer.
	ReplayTransactional(offset, producerID int64, producerEpoch int16, r Record) error
	// CompleteTransaction applies the marker that is in the log at offset: the producer's open transaction is
	// committed or aborted. There may be none.
	CompleteTransaction(offset, producerID int64, producerEpoch int16, commit bool) error
}

// Transaction is where a transactional write belongs to.
type Transaction struct {
	ID            string // the transactional id, for messages
	ProducerID    int64
	ProducerEpoch int16
	// Guard is what the verification of the partition gave, a storage.VerificationGuard; 0 where none was needed.
	Guard uint64
	// Version is the level of the feature transaction.version that the producer goes by: 2 where its requests add
	// partitions to the transaction by themselves, else 1; 0 where nothing was verified.
	Version int16
}

// Marker ends the transaction of a producer in a partition.
type Marker struct {
	ProducerID       int64
	ProducerEpoch    int16
	CoordinatorEpoch int32
	Commit           bool
	// TransactionVersion is the level of the feature transaction.version under which the marker is written; it
	// decides which epochs the log accepts.
	TransactionVersion int16
}

// AppendOptions are what a log is told of a batch beside its bytes.
type AppendOptions struct {
	// Guard comes with a batch that may begin a transaction, a storage.VerificationGuard; 0 for none.
	Guard uint64
	// TransactionVersion is the level of the feature transaction.version for batches of transactions and markers.
	TransactionVersion int16
}
