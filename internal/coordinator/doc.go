// Package coordinator runs state machines that are backed by the partitions of an internal topic: it loads them,
// appends what they decide, answers when that is committed, drives their timers and unloads them. A shard is one
// such partition. What the state means is in the packages below it (group, later share and txn).
//
// A shard has no goroutine and no lock that is held while it works: operations are put into its queue, and whoever
// finds the shard idle runs the queue until it is empty. So operations never overlap, a callback may submit the next
// operation, and a high watermark that moves during an append is simply the next entry of the queue.
package coordinator
