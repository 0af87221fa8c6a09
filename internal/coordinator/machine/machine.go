package machine

import "time"

// Record is one record of the log that backs a machine.
type Record struct {
	Key   []byte
	Value []byte // nil is a tombstone
}

// Machine is the state behind one partition of an internal topic. Calls never overlap.
type Machine interface {
	// Replay applies a record that is in the log at offset. Loading replays the whole log; afterwards every record
	// that the machine returned comes back here once it is appended, unless its Result says otherwise.
	// An error while loading makes the partition unavailable, so a machine skips what it may not understand.
	Replay(offset int64, r Record) error
	// Loaded is called once, after the log has been replayed and before the first request.
	Loaded(now time.Time)
	// Unloaded is called once, when this node stops being the leader: everybody who still waits is to be told.
	Unloaded(now time.Time)
}

// Result is what an operation on a machine asks for.
type Result struct {
	// Records are to be appended, all of them in one batch unless Split is set.
	Records []Record
	// Split allows the records to be spread over several batches, of which the first ones may be appended and a
	// later one refused. It is for clean-ups, which have no limit on their number of records.
	Split bool
	// SelfApplied says that the machine applies the change itself (at once, or in Done), so that appended records
	// are not replayed. Classic groups need it: their records are a summary of state that holds more than they do.
	SelfApplied bool
	// Undo, where set, is called when the log refused the records. It takes back what the operation changed in
	// advance, so that a refused append changes nothing. It comes before Done.
	Undo func(now time.Time)
	// Done, where set, is called exactly once: with nil when the records, and all that were appended before them,
	// are below the high watermark; else with the reason. An operation without records waits for the earlier ones.
	// It runs as the machine's other calls do, and must not block.
	Done func(now time.Time, err error)
}
