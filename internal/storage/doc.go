// Package storage keeps the logs of one broker in Apache Kafka's files: per partition a directory of segments with
// their offset and time indexes, the producers' state and the leader epochs; per log directory the checkpoints.
//
// A Log is one partition, a Manager all partitions of a broker. Nothing here knows of replication or requests: a Log is
// told its high watermark and asked to append, read, truncate. Reads take no lock that an append holds while it writes.
package storage
