// Package group holds the state of consumer groups with the classic protocol and the committed offsets of all groups,
// as a pure state machine over the records of __consumer_offsets: requests and timers go in, records and responses
// come out. JoinGroup and SyncGroup are answered later, when their phase of the rebalance ends.
//
// There is one file per request; group.go and member.go hold the state, rebalance.go the phases of a rebalance,
// offsets.go the committed offsets, pending.go and transactions.go those of transactions, records.go the schemas of the
// log. The scripts in testdata show each rule.
//
// # Surprising rules
//
// A group's record is a summary that is written when the group gets its assignment, a static member a new id, or the
// last member leaves. What happens between is not in the log: after the coordinator moved, a group that was
// rebalancing is back in its last stable generation, and its members find out by heartbeat.
//
// The group is Stable only when the assignment is committed. Until then members wait in SyncGroup, and a rebalance may
// overtake the assignment.
//
// Offsets that are committed in a transaction are kept by producer until its marker comes. Of the commits of a partition
// the one that stands last in the log holds, whether it was made in a transaction or not and whenever that ended; so
// compaction, which keeps the last, changes nothing. A deletion removes pending offsets as well, and the marker does not
// bring them back.
//
// An append that is refused changes nothing, with one exception that is Kafka's too: members that left or failed are
// gone, even if the record that says so was refused. If the coordinator then moves, they come back and time out.
//
// # Where this differs from Apache Kafka on purpose
//
// Every request is answered. Kafka forgets a JoinGroup or SyncGroup that waits when the same member sends another one
// (here: REBALANCE_IN_PROGRESS), and a SyncGroup that waits when its member leaves (here: UNKNOWN_MEMBER_ID).
//
// The first member of a new group is answered when the group's record is committed; Kafka answers at once.
//
// OffsetFetch always waits until the offsets that it saw are committed; Kafka does so only with "require stable", and
// else gives out older ones.
//
// Members are listed in the order in which they joined; Kafka's order is that of a hash table.
package group
