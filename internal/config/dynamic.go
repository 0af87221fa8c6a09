package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// WithDynamic returns a snapshot with other dynamic values: those for all brokers and those for this one. What a broker
// cannot use is left out with a warning, as in Kafka, because another version or another tool may have stored it. An
// error means that the values, each right for itself, do not go together.
func (s *Snapshot) WithDynamic(cluster, broker map[string]string) (*Snapshot, []string, error) {
	cluster, warnings := usable(cluster, false)
	broker, more := usable(broker, true)
	warnings = append(warnings, more...)
	props := maps.Clone(s.static)
	override(props, cluster)
	override(props, broker)
	warnings = append(warnings, clampIntervals(props)...)
	next, err := resolve(props)
	if err != nil {
		return nil, warnings, err
	}
	next.static, next.cluster, next.broker = s.static, cluster, broker
	return next, warnings, nil
}

func (s *Snapshot) sameDynamic(o *Snapshot) bool {
	return maps.Equal(s.cluster, o.cluster) && maps.Equal(s.broker, o.broker)
}

// usable returns the dynamic values that a broker takes, and warnings about the others.
func usable(props map[string]string, perBroker bool) (map[string]string, []string) {
	out := make(map[string]string, len(props))
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if err := checkDynamic(map[string]string{name: props[name]}, perBroker); err != nil {
			warnings = append(warnings, fmt.Sprintf("dynamic setting %s is ignored: %v", name, err))
			continue
		}
		out[name] = props[name]
	}
	return out, warnings
}

// checkDynamic tells whether these settings can be changed on a running broker, and their values be read.
func checkDynamic(props map[string]string, perBroker bool) error {
	names := slices.Sorted(maps.Keys(props))
	if bad := selected(names, isReadOnly); len(bad) > 0 {
		return configError("Cannot update these configs dynamically: " + javaList(bad))
	}
	if bad := selected(names, isSecurity); len(bad) > 0 {
		return configError("These security configs can be dynamically updated only per-listener using the listener prefix: " + javaList(bad))
	}
	for _, name := range names {
		base := name
		if b, ok := listenerBase(name); ok {
			base = b
		}
		if setting := brokerTable.byName[base]; setting != nil && setting.Scope != ReadOnly {
			if _, err := setting.parse(props[name]); err != nil {
				return err
			}
		}
	}
	if bad := selected(names, isPerBroker); len(bad) > 0 && !perBroker {
		return configError("Cannot update these configs at default cluster level, broker id must be specified: " + javaList(bad))
	}
	return nil
}

func selected(names []string, keep func(string) bool) []string {
	var out []string
	for _, name := range names {
		if keep(name) {
			out = append(out, name)
		}
	}
	return out
}

func isReadOnly(name string) bool {
	setting := brokerTable.byName[name]
	return setting != nil && setting.Scope == ReadOnly
}

// isSecurity names the keys and certificates, which are dynamic only under a listener's prefix.
func isSecurity(name string) bool {
	return strings.HasPrefix(name, "ssl.keystore.") || strings.HasPrefix(name, "ssl.truststore.") || name == "ssl.key.password"
}

func isPerBroker(name string) bool {
	if base, ok := listenerBase(name); ok {
		return !isListenerLimit(base)
	}
	setting := brokerTable.byName[name]
	return setting != nil && setting.Scope == PerBroker
}

// isListenerLimit names the settings that a listener may have for itself in the cluster-wide default too.
func isListenerLimit(name string) bool {
	return name == "max.connections" || name == "max.connection.creation.rate" || name == "num.network.threads"
}

// clampIntervals moves the assignment intervals between their bounds, which may have been set later.
func clampIntervals(props map[string]string) []string {
	var warnings []string
	for _, kind := range []string{"consumer", "share", "streams"} {
		name := "group." + kind + ".assignment.interval.ms"
		text, ok := props[name]
		if !ok {
			continue
		}
		value, err := parseType(name, text, Int)
		if err != nil {
			continue // resolve reports it
		}
		low, errLow := intOf(props, "group."+kind+".min.assignment.interval.ms")
		high, errHigh := intOf(props, "group."+kind+".max.assignment.interval.ms")
		if errLow != nil || errHigh != nil {
			continue
		}
		clamped := min(max(value.n, low), high)
		if clamped != value.n {
			warnings = append(warnings, fmt.Sprintf("%s=%d lies outside of what the broker allows; %d is used", name, value.n, clamped))
			props[name] = fmt.Sprint(clamped)
		}
	}
	return warnings
}

func intOf(props map[string]string, name string) (int64, error) {
	text, ok := props[name]
	if !ok {
		return brokerTable.byName[name].value.n, nil
	}
	v, err := parseType(name, text, Int)
	return v.n, err
}
