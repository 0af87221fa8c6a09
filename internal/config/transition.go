package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// threadSettings may change by a factor of two at once, so that a typing error does not stop a broker.
var threadSettings = []string{
	"background.threads", "num.io.threads", "num.network.threads", "num.recovery.threads.per.data.dir", "num.replica.fetchers",
	"remote.log.manager.copier.thread.pool.size", "remote.log.manager.expiration.thread.pool.size",
	"remote.log.manager.follower.thread.pool.size", "remote.log.reader.threads",
}

// checkTransition tells whether a running broker can change from s to next.
func (s *Snapshot) checkTransition(next *Snapshot) error {
	if maps.Equal(s.props, next.props) {
		return nil
	}
	for _, check := range []func(*Snapshot) error{s.checkThreads, s.checkCleanerThreads, s.checkLocalRetention, s.checkListenerChange} {
		if err := check(next); err != nil {
			// The text is Kafka's, its Java class name included: tools and people search for it.
			return configError("Invalid value org.apache.kafka.common.config.ConfigException: " + err.Error() +
				" for configuration Invalid dynamic configuration")
		}
	}
	return nil
}

func (s *Snapshot) checkThreads(next *Snapshot) error {
	for _, name := range threadSettings {
		old, value := s.Long(name), next.Long(name)
		text := fmt.Sprintf("Dynamic thread count update validation failed for %s=%d, value should ", name, value)
		switch {
		case value == old:
		case value < old/2:
			return configError(fmt.Sprintf("%sbe at least half the current value %d", text, old))
		case value > old*2:
			return configError(fmt.Sprintf("%snot be greater than double the current value %d", text, old))
		}
	}
	return nil
}

// checkCleanerThreads is checkThreads for the log cleaner, which has words of its own in Kafka.
func (s *Snapshot) checkCleanerThreads(next *Snapshot) error {
	const text = "Log cleaner threads "
	switch old, value := s.Long("log.cleaner.threads"), next.Long("log.cleaner.threads"); {
	case value < 1:
		return configError(text + "should be at least 1")
	case value < old/2:
		return configError(fmt.Sprintf("%scannot be reduced to less than half the current value %d", text, old))
	case value > old*2:
		return configError(fmt.Sprintf("%scannot be increased to more than double the current value %d", text, old))
	}
	return nil
}

// checkLocalRetention keeps what stays on local disk within what is kept at all.
func (s *Snapshot) checkLocalRetention(next *Snapshot) error {
	retentionMs, localMs := next.topicDefaults["retention.ms"].n, next.Long("log.local.retention.ms")
	if err := localWithin("log.local.retention.ms", "log.retention.ms", localMs, retentionMs); err != nil {
		return err
	}
	return localWithin("log.local.retention.bytes", "log.retention.bytes", next.Long("log.local.retention.bytes"), next.Long("log.retention.bytes"))
}

func localWithin(localName, name string, local, retention int64) error {
	const asRetention, unlimited = -2, -1
	switch {
	case retention <= unlimited || local == asRetention:
		return nil
	case local == unlimited:
		return invalid(localName, "-1", fmt.Sprintf("Value must not be -1 as %s value is set as %d.", name, retention))
	case local > retention:
		return invalid(localName, fmt.Sprint(local), fmt.Sprintf("Value must not be more than %s property value: %d", name, retention))
	}
	return nil
}

// checkListenerChange keeps what clients were told: an advertised listener stays, and a listener keeps its security.
func (s *Snapshot) checkListenerChange(next *Snapshot) error {
	if !s.listenersChange(next) {
		return nil
	}
	oldNames, newNames := namesOf(s.listeners), namesOf(next.listeners)
	advertised := namesOf(s.AdvertisedListeners())
	if !isSubset(advertised, newNames) {
		return configError(fmt.Sprintf("Advertised listeners '%s' must be a subset of listeners '%s'", javaSet(advertised), javaSet(newNames)))
	}
	for _, name := range newNames {
		if !slices.Contains(oldNames, name) {
			continue
		}
		if s.protocols[name] != next.protocols[name] {
			return configError("Security protocol cannot be updated for existing listener ListenerName(" + name + ")")
		}
		prefix := "listener.name." + strings.ToLower(name) + "."
		if !maps.Equal(fixedListenerProps(s.props, prefix), fixedListenerProps(next.props, prefix)) {
			return configError("Configs cannot be updated dynamically for existing listener ListenerName(" + name +
				"), restart broker or create a new listener for update")
		}
	}
	return nil
}

// listenersChange reports whether a setting of listeners differs. Settings of one listener alone do not count, as in
// Kafka: they take effect when the listener opens next.
func (s *Snapshot) listenersChange(next *Snapshot) bool {
	for _, setting := range brokerTable.sorted {
		name := setting.Name
		counts := setting.Scope == PerBroker && name != "cordoned.log.dirs" || isListenerLimit(name)
		old, hadOld := s.props[name]
		value, has := next.props[name]
		if counts && (hadOld != has || old != value) {
			return true
		}
	}
	return false
}

// fixedListenerProps returns a listener's own settings that cannot change while it is open.
func fixedListenerProps(props map[string]string, prefix string) map[string]string {
	out := map[string]string{}
	for name, value := range props {
		base, ok := strings.CutPrefix(name, prefix)
		if ok && !isSecurity(base) && !isListenerLimit(base) {
			out[base] = value
		}
	}
	return out
}

func javaSet(names []string) string { return "Set(" + strings.Join(names, ", ") + ")" }
