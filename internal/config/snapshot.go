package config

import (
	"fmt"
	"maps"
	"time"
)

// Snapshot is the resolved configuration of one broker: what it was started with, the cluster-wide dynamic values over
// it, and its own dynamic values over these. It is immutable. The getters take a declared setting's name and panic for
// another name or type, because that is a mistake in the calling code and never in the input.
type Snapshot struct {
	static  map[string]string // what the broker was started with, synonyms filled in
	cluster map[string]string // dynamic, for all brokers
	broker  map[string]string // dynamic, for this broker

	props  map[string]string // the three merged, as Kafka merges them
	values map[string]Value  // every declared broker setting

	protocols   securityMap
	listeners   []Listener
	advertised  []Listener // without advertised.listeners the same as listeners
	interBroker Listener   // only name and protocol

	topicDefaults map[string]Value // every declared topic setting, from the broker's values
	topic         *Topic           // shared by all topics without settings of their own
}

// Value returns the parsed value of a broker setting.
func (s *Snapshot) Value(name string) Value {
	v, ok := s.values[name]
	if !ok {
		panic("config: no broker setting is named " + name)
	}
	return v
}

func (s *Snapshot) typed(name string, kinds ...Type) Value {
	v := s.Value(name)
	for _, kind := range kinds {
		if v.kind == kind {
			return v
		}
	}
	panic(fmt.Sprintf("config: %s is of type %s", name, v.kind))
}

// Int returns the value of an Int or Short; 0 for null.
func (s *Snapshot) Int(name string) int { return int(s.typed(name, Int, Short).n) }

// Long returns the value of a Long, Int or Short; 0 for null.
func (s *Snapshot) Long(name string) int64 { return s.typed(name, Long, Int, Short).n }

// Bool returns the value of a Boolean.
func (s *Snapshot) Bool(name string) bool { return s.typed(name, Boolean).n != 0 }

// Double returns the value of a Double.
func (s *Snapshot) Double(name string) float64 { return s.typed(name, Double).f }

// String returns the value of a String or Class; "" for null.
func (s *Snapshot) String(name string) string { return s.typed(name, String, Class).s }

// List returns the items of a List; nil for null. The caller must not change them.
func (s *Snapshot) List(name string) []string { return s.typed(name, List).list }

// Password returns the secret itself; "" for null.
func (s *Snapshot) Password(name string) string { return s.typed(name, Password).s }

// IsNull reports whether the setting has no value.
func (s *Snapshot) IsNull(name string) bool { return s.Value(name).null }

// IsSet reports whether the setting is given explicitly, statically or dynamically.
func (s *Snapshot) IsSet(name string) bool {
	_, ok := s.props[name]
	return ok
}

// Millis returns the duration of a setting in milliseconds; what is longer than a time.Duration holds becomes the
// longest one.
func (s *Snapshot) Millis(name string) time.Duration { return millis(s.Long(name)) }

// Seconds returns the duration of a setting in seconds.
func (s *Snapshot) Seconds(name string) time.Duration { return scaled(s.Long(name), time.Second) }

// Minutes returns the duration of a setting in minutes.
func (s *Snapshot) Minutes(name string) time.Duration { return scaled(s.Long(name), time.Minute) }

// Static returns a copy of what the broker was started with, by name.
func (s *Snapshot) Static() map[string]string { return maps.Clone(s.static) }

// NodeID returns node.id.
func (s *Snapshot) NodeID() int32 { return int32(s.Long("node.id")) }

// HasRole reports whether process.roles contains the role: "broker" or "controller".
func (s *Snapshot) HasRole(role string) bool {
	for _, r := range s.List("process.roles") {
		if r == role {
			return true
		}
	}
	return false
}

// LogDirs returns the data directories: log.dirs, or log.dir where that is not set.
func (s *Snapshot) LogDirs() []string {
	if v := s.Value("log.dirs"); !v.null {
		return v.list
	}
	return s.List("log.dir")
}

// CordonedLogDirs returns the data directories that take no new partitions; `*` stands for all of them.
func (s *Snapshot) CordonedLogDirs() []string {
	dirs := s.List("cordoned.log.dirs")
	for _, dir := range dirs {
		if dir == "*" {
			return s.LogDirs()
		}
	}
	return dirs
}
