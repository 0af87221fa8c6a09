// Package coordinator runs state machines that are backed by the partitions of an internal topic: it loads them,
// appends what they decide, answers when that is committed, drives their timers and unloads them. A shard is one
// such partition. What the state means is in the packages below it (group and txn, later share).
//
// A shard has no goroutine and no lock that is held while it works: operations are put into its queue, and whoever
// finds the shard idle runs the queue until it is empty. So operations never overlap, a callback may submit the next
// operation, and a high watermark that moves during an append is simply the next entry of the queue.
//
// Records may be part of a producer's transaction, as committed offsets are. Then they are written in one batch with the
// producer's id and epoch, the log decides whether it still takes them, and the machine keeps them apart. The marker that
// ends the transaction is appended by the shard too, so that it has its place among the records, and is applied at once
// like any other record: who must not see it before it is committed waits for the high watermark.
package coordinator
