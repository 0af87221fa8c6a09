// Package store keeps the cluster's metadata in an ordered key-value store: which keys there are and how their values are
// coded, guarded proposals, watching, leases and the election of the controller. A Backend is the engine: memory for
// tests and simulation, etcd (embedded or external) for real.
package store
