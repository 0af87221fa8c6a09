package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// requirement is a broken rule between settings. Kafka's answers carry the prefix, so ours do too; messages at start
// leave it out.
type requirement string

const requirementPrefix = "requirement failed: "

func (e requirement) Error() string { return requirementPrefix + string(e) }

// rule is one rule between settings, and what to say when it does not hold.
type rule struct {
	holds   bool
	message string
}

func firstBroken(rules ...rule) error {
	for _, r := range rules {
		if !r.holds {
			return requirement(r.message)
		}
	}
	return nil
}

// validate checks the rules between settings.
func (r *resolver) validate(s *Snapshot) error {
	if r.long("node.id") != r.long("broker.id") {
		return configError("You must set `node.id` to the same value as `broker.id`.")
	}
	if !slices.Contains(lowerAll(r.list("group.coordinator.rebalance.protocols")), "classic") {
		return configError("Disabling the 'classic' protocol is not supported.")
	}
	steps := []func(*Snapshot) error{
		r.validateGroupDefaults, r.validateLog, r.validateInternalTopics, r.validateRoles, r.validateAdvertised, r.validateConnections, r.validateEarlyListeners,
	}
	for _, step := range steps {
		if err := step(s); err != nil {
			return err
		}
	}
	return nil
}

func lowerAll(list []string) []string {
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = strings.ToLower(item)
	}
	return out
}

func (r *resolver) validateLog(s *Snapshot) error {
	retention := r.retentionMs()
	threads := r.long("log.cleaner.threads")
	if threads == 0 {
		return configError("log.cleaner.threads must be at least 1.")
	}
	wait := r.long("replica.fetch.wait.max.ms")
	return firstBroken(
		rule{r.rollMs() >= 1, "log.roll.ms must be greater than or equal to 1"},
		rule{r.rollJitterMs() >= 0, "log.roll.jitter.ms must be greater than or equal to 0"},
		rule{retention >= 1 || retention == -1, "log.retention.ms must be unlimited (-1) or, greater than or equal to 1"},
		rule{len(s.LogDirs()) > 0, "At least one log directory must be defined via log.dirs or log.dir."},
		rule{r.long("log.cleaner.dedupe.buffer.size")/threads > 1<<20,
			"log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread."},
		rule{wait <= r.long("replica.socket.timeout.ms"),
			"replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent unnecessary socket timeouts"},
		rule{wait <= r.long("replica.lag.time.max.ms"),
			"replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent frequent changes in ISR"},
		r.cordonedRule(s),
	)
}

// validateInternalTopics refuses segments of internal topics that are smaller than a topic may have. Apache Kafka accepts them here, and then
// never manages to create the topic: who joins a group, or begins a transaction, waits for ever.
func (r *resolver) validateInternalTopics(*Snapshot) error {
	segmentBytes := topicTable.byName["segment.bytes"]
	for _, name := range []string{"offsets.topic.segment.bytes", "transaction.state.log.segment.bytes"} {
		if err := segmentBytes.Check.Validate(name, r.values[name]); err != nil {
			return configErrorf("%s=%d: the topic could never be created, because segment.bytes allows %s", name, r.long(name), segmentBytes.Check)
		}
	}
	return nil
}

func (r *resolver) cordonedRule(s *Snapshot) rule {
	cordoned := r.list("cordoned.log.dirs")
	if slices.Contains(cordoned, "*") {
		return rule{len(cordoned) == 1, "When cordoned.log.dirs is set to *, it must not contain other values"}
	}
	var missing []string
	for _, dir := range cordoned {
		if !slices.Contains(s.LogDirs(), dir) {
			missing = append(missing, dir)
		}
	}
	return rule{len(missing) == 0, "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : " +
		strings.Join(missing, ", ")}
}

// validateAdvertised checks the listeners of a broker against each other.
func (r *resolver) validateAdvertised(s *Snapshot) error {
	advertised := namesOf(s.AdvertisedListeners())
	if s.HasRole("broker") {
		err := firstBroken(
			rule{len(advertised) > 0, "There must be at least one broker advertised listener. Perhaps all listeners appear in controller.listener.names?"},
			rule{slices.Contains(advertised, s.interBroker.Name),
				"inter.broker.listener.name must be a listener name defined in advertised.listeners. " +
					"The valid options based on currently configured listeners are " + strings.Join(advertised, ",")},
			rule{isSubset(advertised, namesOf(s.listeners)),
				"advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. " +
					"Found " + strings.Join(advertised, ",") + ". The valid options based on the current configuration are " +
					strings.Join(namesOf(s.listeners), ",")},
		)
		if err != nil {
			return err
		}
	}
	// Kafka refuses a wildcard in `listeners` too when advertised.listeners is not set. Ottla does not need to: there a
	// client is told the address that it itself reached.
	if r.values["advertised.listeners"].null {
		return nil
	}
	for _, l := range s.advertised {
		if l.Host == "0.0.0.0" {
			return requirement("advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.")
		}
	}
	return nil
}

func (r *resolver) validateConnections(s *Snapshot) error {
	queued := r.long("queued.max.request.bytes")
	overrides, err := parsePairs("max.connections.per.ip.overrides", r.text("max.connections.per.ip.overrides"))
	if err != nil {
		return err
	}
	var wrong []string
	for _, o := range overrides {
		if _, err := strconv.ParseInt(o.value, 10, 32); err != nil {
			return configError(fmt.Sprintf("For input string: %q", o.value))
		}
		if !validHost(o.key) {
			wrong = append(wrong, o.key)
		}
	}
	idle, delay := r.long("connections.max.idle.ms"), r.long("connection.failed.authentication.delay.ms")
	err = firstBroken(
		rule{!r.interBrokerUsesSASL(s) || slices.Contains(r.saslMechanisms(s), r.text("sasl.mechanism.inter.broker.protocol")),
			"sasl.mechanism.inter.broker.protocol must be included in sasl.enabled.mechanisms when SASL is used for inter-broker communication"},
		rule{queued <= 0 || queued >= r.long("socket.request.max.bytes"),
			"queued.max.request.bytes must be larger or equal to socket.request.max.bytes"},
		rule{r.long("max.connections.per.ip") != 0 || len(overrides) > 0,
			"max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set."},
	)
	switch {
	case err != nil:
		return err
	case len(wrong) > 0:
		return configError("max.connections.per.ip.overrides contains invalid addresses : " + strings.Join(wrong, ","))
	case idle >= 0 && delay >= idle:
		return requirement(fmt.Sprintf("connection.failed.authentication.delay.ms=%d should always be less than connections.max.idle.ms=%d"+
			" to prevent failed authentication responses from timing out", delay, idle))
	}
	return nil
}

func (r *resolver) interBrokerUsesSASL(s *Snapshot) bool {
	return s.interBroker.Protocol == SASLPlaintext || s.interBroker.Protocol == SASLSSL
}

func (r *resolver) saslMechanisms(s *Snapshot) []string {
	name := "listener.name." + strings.ToLower(s.interBroker.Name) + ".sasl.enabled.mechanisms"
	if text, ok := r.props[name]; ok {
		return splitList(javaTrim(text))
	}
	return r.list("sasl.enabled.mechanisms")
}

// validHost accepts names and addresses, by their characters.
func validHost(host string) bool {
	return host != "" && strings.Trim(host, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-%._:") == ""
}

func (r *resolver) validateEarlyListeners(s *Snapshot) error {
	for _, name := range r.list("early.start.listeners") {
		if name != "" && !slices.Contains(namesOf(s.listeners), name) && !slices.Contains(r.list("controller.listener.names"), name) {
			return configError("early.start.listeners contains listener " + name +
				", but this is not contained in listeners or controller.listener.names")
		}
	}
	return nil
}

func namesOf(listeners []Listener) []string {
	names := make([]string, len(listeners))
	for i, l := range listeners {
		names[i] = l.Name
	}
	return names
}

func isSubset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(name string) bool { return !slices.Contains(all, name) })
}
