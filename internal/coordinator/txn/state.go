package txn

import "math"

// State is where a transaction stands. The numbers are those of the records.
type State int8

// The states of a transaction, by Kafka's names.
const (
	Empty State = iota
	Ongoing
	PrepareCommit
	PrepareAbort
	CompleteCommit
	CompleteAbort
	Dead              // of an id that expires; never written
	PrepareEpochFence // between the raise of the epoch and PrepareAbort, which are one step here; never written
)

var stateNames = [...]string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence"}

// String returns the name of the state in Kafka's protocol.
func (s State) String() string {
	if !s.valid() {
		return "Unknown"
	}
	return stateNames[s]
}

func (s State) valid() bool { return s >= Empty && int(s) < len(stateNames) }

// parseState finds a state by its name.
func parseState(name string) (State, bool) {
	for i, n := range stateNames {
		if n == name {
			return State(i), true
		}
	}
	return 0, false
}

// isPrepared reports that the end of the transaction is decided and its markers are still to be written.
func (s State) isPrepared() bool { return s == PrepareCommit || s == PrepareAbort }

// isExpirable reports that an id in this state may be forgotten.
func (s State) isExpirable() bool { return s == Empty || s == CompleteCommit || s == CompleteAbort }

const (
	noProducerID    = -1
	noProducerEpoch = -1
	// noTimeoutMs is the timeout of a transaction that an outside coordinator ends (two-phase commit).
	noTimeoutMs = math.MaxInt32
)

// epochExhausted reports that a producer id has no epoch left for a client. The highest one is kept for fencing.
func epochExhausted(epoch int16) bool { return epoch >= math.MaxInt16-1 }

// versionWithEpochBump is the level of transaction.version from which every transaction raises the producer epoch.
const versionWithEpochBump = 2
