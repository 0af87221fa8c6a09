package config

import (
	"log/slog"
	"sync"
	"sync/atomic"
)

// Live is the current configuration of a running broker.
type Live struct {
	current atomic.Pointer[Snapshot]
	log     *slog.Logger

	mu          sync.Mutex // serializes Update; guards subscribers
	subscribers []*subscriber
}

type subscriber struct{ changed func(old, new *Snapshot) }

// NewLive starts from a snapshot. The logger tells of dynamic values that are ignored because they are not valid here.
func NewLive(initial *Snapshot, log *slog.Logger) *Live {
	l := &Live{log: log}
	l.current.Store(initial)
	return l
}

// Snapshot returns the current configuration.
func (l *Live) Snapshot() *Snapshot { return l.current.Load() }

// Update installs new dynamic values: those for all brokers and those for this one, complete, as the metadata image has
// them. Values that cannot be used are logged and left out, as in Kafka: a broker does not stop for them. Subscribers
// run before Update returns, in the order of their subscription, when something changed.
func (l *Live) Update(cluster, broker map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.current.Load()
	next, warnings, err := old.WithDynamic(cluster, broker)
	for _, w := range warnings {
		l.log.Warn(w)
	}
	if err != nil {
		l.log.Error("the dynamic configuration cannot be applied; the previous one stays in effect", "error", err)
		return
	}
	if next.sameDynamic(old) {
		return
	}
	l.current.Store(next)
	for _, s := range l.subscribers {
		s.changed(old, next)
	}
}

// Subscribe calls changed on every later change, one at a time. It must not call back into Live but for Snapshot. The
// returned function ends the subscription.
func (l *Live) Subscribe(changed func(old, new *Snapshot)) (cancel func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &subscriber{changed}
	l.subscribers = append(l.subscribers, s)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for i, other := range l.subscribers {
			if other == s {
				l.subscribers = append(l.subscribers[:i:i], l.subscribers[i+1:]...)
				return
			}
		}
	}
}
