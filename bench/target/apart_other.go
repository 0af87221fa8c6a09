//go:build !linux

package target

// Apart runs f; processes are not bound to processors here.
func Apart(_ int, f func() error) error { return f() }
