// Package compact decides what log compaction keeps: which of a broker's logs is cleaned next and how far, which records of a batch
// stay, when tombstones and transaction markers may go, which segments become one, and how fast it may all be done.
//
// Everything here is pure: no files, no clock, no goroutines. Storage reads batches, asks, and writes.
package compact
