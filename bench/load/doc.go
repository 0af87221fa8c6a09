// Package load is the client of the benchmarks: it speaks Kafka's protocol over plain connections, with frames that are built
// before the clock starts, so that it costs little and the same for every side.
package load
