package config

import "strings"

// imageVariables are read by the start scripts of Kafka's container images and are no settings.
var imageVariables = map[string]bool{
	"KAFKA_VERSION": true, "KAFKA_HEAP_OPTS": true, "KAFKA_LOG4J_OPTS": true, "KAFKA_OPTS": true, "KAFKA_JMX_OPTS": true,
	"KAFKA_JVM_PERFORMANCE_OPTS": true, "KAFKA_GC_LOG_OPTS": true, "KAFKA_LOG4J_ROOT_LOGLEVEL": true,
	"KAFKA_LOG4J_LOGGERS": true, "KAFKA_TOOLS_LOG4J_LOGLEVEL": true, "KAFKA_JMX_HOSTNAME": true,
}

// environmentName translates KAFKA_LOG_DIRS to log.dirs as Kafka's container images do: `_` is a dot, `__` an underscore
// and `___` a hyphen.
func environmentName(variable string) (string, bool) {
	rest, ok := strings.CutPrefix(variable, "KAFKA_")
	if !ok || rest == "" || imageVariables[variable] {
		return "", false
	}
	name := strings.ReplaceAll(strings.ToLower(rest), "_", ".")
	name = strings.ReplaceAll(name, "...", "-")
	return strings.ReplaceAll(name, "..", "_"), true
}
