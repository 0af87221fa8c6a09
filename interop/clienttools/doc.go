// Package clienttools compares Apache's tools that produce, consume and print log files with ours: both run with the same
// arguments against the same broker, and what they print must be the same but for times and random names.
//
// The broker is Apache Kafka, or, with OTTLA_INTEROP_TARGET=ottla, the Ottla node whose address OTTLA_INTEROP_BOOTSTRAP gives
// (and whose data directory, for kafka-dump-log, OTTLA_INTEROP_DATA). The tests have the build tag interop and need Java.
package clienttools
