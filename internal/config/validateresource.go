package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// validateResource checks the complete settings of a resource, as Kafka's controller does.
func (s *Snapshot) validateResource(resource kmsg.ConfigResourceType, name string, props map[string]string) error {
	switch resource {
	case kmsg.ConfigResourceTypeTopic:
		if name == "" {
			return invalidRequest("Default topic resources are not allowed.")
		}
		if err := checkTopicName(name); err != nil {
			return err
		}
		return s.validateTopic(props)
	case kmsg.ConfigResourceTypeBroker:
		return checkBrokerName(name)
	case kmsg.ConfigResourceTypeClientMetrics:
		if name == "" {
			return invalidRequest("Subscription name can't be empty")
		}
		return validateClientMetrics(props)
	case kmsg.ConfigResourceTypeGroupConfig:
		if name == "" {
			return invalidRequest("Default group resources are not allowed.")
		}
		return s.validateGroup(props)
	default:
		return invalidRequest("Unknown resource type " + strconv.Itoa(int(resource)))
	}
}

// checkTopicName repeats the rules for topic names, because the config APIs answer with them.
func checkTopicName(name string) error {
	const maxNameBytes = 249
	bad := func(why string) error {
		return protocol.Errorf(protocol.InvalidTopicException, "Topic name is invalid: %s", why)
	}
	switch {
	case name == "":
		return bad("the empty string is not allowed")
	case name == "." || name == "..":
		return bad("'" + name + "' is not allowed")
	case len(name) > maxNameBytes:
		return bad(fmt.Sprintf("the length of '%s' is longer than the max allowed length %d", name, maxNameBytes))
	case strings.Trim(name, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-") != "":
		return bad("'" + name + "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
	}
	return nil
}

func checkBrokerName(name string) error {
	if name == "" {
		return nil
	}
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return invalidRequest("Unable to parse broker name as a base 10 number.")
	}
	if id < 0 {
		return invalidRequest("Invalid negative broker ID.")
	}
	return nil
}

// validateTopic checks the settings of a topic, and how they go together with the broker's defaults.
func (s *Snapshot) validateTopic(props map[string]string) error {
	if unknown, found := unknownName(topicTable, props); found {
		return invalidConfig("Unknown topic config name: " + unknown)
	}
	values, err := s.topicValues(props)
	if err != nil {
		return asProtocol(err)
	}
	if low, high := values["min.compaction.lag.ms"].n, values["max.compaction.lag.ms"].n; low > high {
		return invalidConfig(fmt.Sprintf("conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", low, high))
	}
	// Ottla has no remote storage, whatever remote.log.storage.system.enable says.
	if values["remote.storage.enable"].Bool() {
		return invalidConfig("Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.")
	}
	return nil
}

func unknownName(t *table, props map[string]string) (name string, found bool) {
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if t.byName[name] == nil {
			return name, true
		}
	}
	return "", false
}

// CreateTopicConfigs checks the settings of a CreateTopics request and returns them as the metadata image stores them.
// The last of several values for one name counts.
func (s *Snapshot) CreateTopicConfigs(configs []kmsg.CreateTopicsRequestTopicConfig) (map[string]string, error) {
	props := make(map[string]string, len(configs))
	var nulls []string
	for _, c := range configs {
		if c.Value == nil {
			nulls = append(nulls, c.Name)
			continue
		}
		props[c.Name] = *c.Value
	}
	if len(nulls) > 0 {
		return nil, invalidConfig("Null value not supported for topic configs: " + strings.Join(nulls, ","))
	}
	for _, value := range props {
		if len(value) > maxValueBytes {
			return nil, invalidConfig("The configuration value cannot be added because it exceeds the maximum value size of " +
				strconv.Itoa(maxValueBytes) + " bytes.")
		}
	}
	if err := s.validateTopic(props); err != nil {
		return nil, err
	}
	return props, nil
}

var clientMatchers = []string{
	"client_instance_id", "client_id", "client_software_name", "client_software_version", "client_source_address", "client_source_port",
}

func validateClientMetrics(props map[string]string) error {
	const leastMs, mostMs = 100, 3600000
	if unknown, found := unknownName(clientMetricsTable, props); found {
		return invalidRequest("Unknown client metrics configuration: " + unknown)
	}
	values, err := clientMetricsValues(props)
	if err != nil {
		return asProtocol(err)
	}
	if ms := values["interval.ms"].n; ms < leastMs || ms > mostMs {
		return invalidRequest(fmt.Sprintf("Invalid value %d for interval.ms, interval must be between 100 and 3600000 (1 hour)", ms))
	}
	for _, pattern := range values["match"].list {
		parts := splitAt(pattern, "=")
		ok := len(parts) == 2 && slices.Contains(clientMatchers, javaTrim(parts[0]))
		if ok {
			_, err := regexp.Compile(javaTrim(parts[1]))
			ok = err == nil
		}
		if !ok {
			return invalidConfig("Illegal client matching pattern: " + pattern)
		}
	}
	return nil
}
