package node

import (
	"sync/atomic"

	"ottla.dev/ottla/internal/config"
)

// perSnapshot returns what gives the value that is made of the newest settings. Coordinators ask for theirs with every call, and a look-up of
// each setting by its name would cost more than many of the calls; so a value is made once for each change of the settings.
func perSnapshot[T any](snapshot func() *config.Snapshot, of func(*config.Snapshot) T) func() T {
	type made struct {
		from  *config.Snapshot
		value T
	}
	var last atomic.Pointer[made]
	return func() T {
		s := snapshot()
		if m := last.Load(); m != nil && m.from == s {
			return m.value
		}
		m := &made{s, of(s)}
		last.Store(m)
		return m.value
	}
}
