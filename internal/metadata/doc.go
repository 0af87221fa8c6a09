// Package metadata holds what the whole cluster agrees on: brokers, topics and partitions, configs, feature levels and
// producer-id blocks. Image is one immutable state of it, Record one change with KRaft's meaning, Delta what a set of
// changes did. The package decides nothing and does no I/O: the controller makes records, the store keeps them.
package metadata
