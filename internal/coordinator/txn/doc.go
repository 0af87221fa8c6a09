// Package txn is the transaction coordinator's state machine: the transactional ids of one partition of
// __transaction_state, the transaction that each of them is in, and how that ends. It behaves as Apache Kafka's
// TransactionCoordinator with its three protocol generations (levels of the feature transaction.version): 0 and 1 differ
// in the schema of the records, 2 raises the producer epoch with every transaction (KIP-890).
//
// The way of a transaction: InitProducerID gives a producer id and an epoch, which fences whoever had the last one
// (Empty). The first partition begins the transaction (Ongoing). EndTxn writes the decision (PrepareCommit or
// PrepareAbort); when that is committed the producer is answered, and markers go to every partition. When the last is
// written, so is the end of it (CompleteCommit or CompleteAbort).
//
// A transition is under way from the moment it is decided until its record is committed, and a transaction that is
// being ended until its markers are written; meanwhile everybody else gets CONCURRENT_TRANSACTIONS. What others are
// shown of a transaction (Describe, List, the verification of partitions) is what is committed.
//
// Where it differs from Kafka on purpose:
//
//   - A refused append changes nothing at all, so a fence whose record could not be written has fenced nobody. (Kafka
//     keeps the higher epoch in memory until it can be written.)
//   - A record that was appended but not committed in time still counts: its transition goes on as soon as it is
//     committed. (Kafka forgets it, which leaves memory and log apart.)
//   - Markers are retried whatever the error, unless they are fenced off; and a partition is passed over only when the
//     metadata does not have it. (Kafka stops at errors that should not be, and skips partitions without a leader.)
//   - An EndTxn of version 2 is a retry only of an end by version 2. (Kafka takes a zombie for one when its successor is
//     of version 1, and gives it that one's epoch.)
//   - After the machine went down, producer ids of before are not gone on with (Options.Lost). (Kafka goes on with what is left, as other brokers have the rest.)
//   - At level 0, clients by version 2 are refused before anything is changed. (In Kafka their ids stay busy.)
package txn
