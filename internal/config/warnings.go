package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// retired are settings of older Kafka versions that many files still carry, and what became of them.
var retired = map[string]string{
	"advertised.host.name":                           "advertised.listeners took its place",
	"advertised.port":                                "advertised.listeners took its place",
	"broker.id.generation.enable":                    "node ids are given by hand in KRaft",
	"host.name":                                      "listeners took its place",
	"inter.broker.protocol.version":                  "the metadata version is a feature of the cluster now",
	"log.cleaner.delete.policy":                      "it was never in use",
	"log.message.downconversion.enable":              "Kafka 4 does not convert old message formats",
	"log.message.format.version":                     "Kafka 4 writes one message format only",
	"log.message.timestamp.difference.max.ms":        "log.message.timestamp.before.max.ms and log.message.timestamp.after.max.ms took its place",
	"message.timestamp.difference.max.ms":            "the before and after settings took its place",
	"offsets.commit.required.acks":                   "Kafka 4 always waits for all replicas",
	"port":                                           "listeners took its place",
	"reserved.broker.max.id":                         "node ids are given by hand in KRaft",
	"control.plane.listener.name":                    "controllers have listeners of their own in KRaft",
	"controlled.shutdown.max.retries":                "KRaft does not need it",
	"controlled.shutdown.retry.backoff.ms":           "KRaft does not need it",
	"eligible.leader.replicas.enable":                "it is a feature of the cluster now",
	"group.coordinator.new.enable":                   "the new coordinator is the only one",
	"leader.imbalance.per.broker.percentage":         "KRaft does not need it",
	"delegation.token.master.key":                    "delegation.token.secret.key took its place",
	"metrics.jmx.include":                            "there is no JMX here",
	"auto.include.jmx.reporter":                      "metric.reporters took its place",
	"transaction.state.log.partition.load.threshold": "it was never in use",
}

// authorizerSettings belong to Kafka's StandardAuthorizer, not to the broker.
var authorizerSettings = []string{"super.users", "allow.everyone.if.no.acl.found"}

// recognized reports whether a broker's file may hold the name without a warning about its spelling.
func recognized(name string) bool {
	if brokerTable.byName[name] != nil || slices.Contains(authorizerSettings, name) || retired[name] != "" || isZooKeeper(name) {
		return true
	}
	for _, prefix := range []string{"listener.name.", "config.providers.", "rlmm.config.", "rsm.config.", "sasl.mechanism."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func isZooKeeper(name string) bool {
	return strings.HasPrefix(name, "zookeeper.") || strings.HasPrefix(name, "password.encoder.")
}

// unknownKeys warns of every key that nothing here knows.
func unknownKeys(values map[string]given) []string {
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		origin := values[name].origin
		switch {
		case retired[name] != "":
			warnings = append(warnings, fmt.Sprintf("%s (%s) is no longer a setting: %s", name, origin, retired[name]))
		case isZooKeeper(name):
			warnings = append(warnings, fmt.Sprintf("%s (%s) is no longer a setting: there is no ZooKeeper any more", name, origin))
		case slices.Contains(authorizerSettings, name):
			warnings = append(warnings, fmt.Sprintf("%s (%s) has no effect: it belongs to an authorizer, and there is none yet", name, origin))
		case !recognized(name):
			warning := fmt.Sprintf("%s (%s) is not a known setting", name, origin)
			if near := nearest(name); near != "" {
				warning += "; did you mean " + near + "?"
			}
			warnings = append(warnings, warning)
		}
	}
	return warnings
}

// caveats warns of settings that are right and still not what they seem.
func (s *Snapshot) caveats() []string {
	var warnings []string
	if name := s.String("authorizer.class.name"); name != "" {
		warnings = append(warnings, "authorizer.class.name="+name+
			": there is no authorizer yet, so every client that can connect may do everything")
	}
	if heartbeat, session := s.Long("broker.heartbeat.interval.ms"), s.Long("broker.session.timeout.ms"); heartbeat*2 > session {
		warnings = append(warnings, fmt.Sprintf("broker.heartbeat.interval.ms (%d) is more than half of broker.session.timeout.ms (%d): "+
			"one lost heartbeat can take the broker for dead", heartbeat, session))
	}
	return warnings
}
