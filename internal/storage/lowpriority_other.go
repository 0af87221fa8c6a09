//go:build !linux

package storage

// atLowPriority runs f; only on Linux threads have priorities of their own.
func atLowPriority(f func()) { f() }
