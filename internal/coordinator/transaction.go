package coordinator

import (
	"time"

	"ottla.dev/ottla/internal/coordinator/machine"
	"ottla.dev/ottla/internal/protocol"
)

// The vocabulary of transactions is the machines'; it is named here for those who use the runtime.
type (
	// AppendOptions are what a log is told of a batch beside its bytes.
	AppendOptions = machine.AppendOptions
	// Transaction is where a transactional write belongs to.
	Transaction = machine.Transaction
	// Marker ends the transaction of a producer in a partition.
	Marker = machine.Marker
)

// WriteTransactional is Write for an operation whose records become part of a producer's transaction. The machine must
// be machine.Transactional.
func (r *Runtime[M]) WriteTransactional(partition int32, t Transaction, operation func(m M, now time.Time) machine.Result, refused func(err error)) {
	refused(protocol.Errorf(protocol.UnsupportedVersion, "transactional writes are not served yet"))
}

// CompleteTransaction appends the marker that ends a producer's transaction in the partition and lets the machine know.
// It is done when the marker is committed.
func (r *Runtime[M]) CompleteTransaction(partition int32, marker Marker, done func(err error)) {
	done(protocol.Errorf(protocol.UnsupportedVersion, "markers are not served yet"))
}
