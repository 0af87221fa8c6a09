// Package kraft reads and writes the metadata of a cluster of Apache Kafka: the records of the log __cluster_metadata-0 and its
// snapshots (*.checkpoint). It is what lets a data directory go from Apache Kafka to Ottla and back. Everything works on bytes and on
// io/fs; the caller writes files.
package kraft
