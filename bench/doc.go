// Package bench measures Ottla beside Apache Kafka and beside two bare programs that do only what the kernel makes anybody do.
//
// What counts are ratios within one run: the same machine gives figures that differ threefold from hour to hour, so the sides
// take turns, round by round, on the same load from the same client. `make bench` runs all of it; docs/benchmarks.md tells how to read it.
//
// load is the client, target starts and watches the sides, floor holds the bare programs, report turns samples into tables,
// run is the command, profile runs a load against a node inside the process and writes pprof files.
package bench
