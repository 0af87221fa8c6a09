// Package group holds the state of consumer groups with the classic protocol and the committed offsets of all groups,
// as a pure state machine over the records of __consumer_offsets: requests and timers go in, records and responses
// come out. JoinGroup and SyncGroup are answered later, when their phase of the rebalance ends.
//
// There is one file per request; group.go and member.go hold the state, rebalance.go the phases of a rebalance,
// offsets.go the committed offsets, records.go the schemas of the log.
package group
