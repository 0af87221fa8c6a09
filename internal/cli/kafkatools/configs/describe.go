package configs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/kafkatools/admin"
	"ottla.dev/ottla/internal/cli/kafkatools/tool"
)

// sourceNames are the sources of settings as Java names them.
var sourceNames = map[kmsg.ConfigSource]string{
	kmsg.ConfigSourceDynamicTopicConfig:         "DYNAMIC_TOPIC_CONFIG",
	kmsg.ConfigSourceDynamicBrokerConfig:        "DYNAMIC_BROKER_CONFIG",
	kmsg.ConfigSourceDynamicDefaultBrokerConfig: "DYNAMIC_DEFAULT_BROKER_CONFIG",
	kmsg.ConfigSourceStaticBrokerConfig:         "STATIC_BROKER_CONFIG",
	kmsg.ConfigSourceDefaultConfig:              "DEFAULT_CONFIG",
	kmsg.ConfigSourceDynamicBrokerLoggerConfig:  "DYNAMIC_BROKER_LOGGER_CONFIG",
	kmsg.ConfigSourceClientMetricsConfig:        "DYNAMIC_CLIENT_METRICS_CONFIG",
	kmsg.ConfigSourceGroupConfig:                "DYNAMIC_GROUP_CONFIG",
}

func sourceName(s kmsg.ConfigSource) string {
	if name, ok := sourceNames[s]; ok {
		return name
	}
	return "UNKNOWN"
}

func (c *command) describeResources(ctx context.Context) error {
	kind, all := c.types[0], c.Has(c.all)
	names := c.names[:min(1, len(c.names))]
	if len(names) == 1 && !all {
		exists, err := c.exists(ctx, kind, names[0])
		if err != nil {
			return err
		}
		if !exists {
			c.Printf("The %s '%s' doesn't exist and doesn't have dynamic config.\n", singular(kind), names[0])
			return nil
		}
	}
	if len(names) == 0 {
		var err error
		if names, err = c.allNames(ctx, kind); err != nil {
			return err
		}
	}
	for _, name := range names {
		scope := "Dynamic"
		if all {
			scope = "All"
		}
		if name == "" {
			c.Printf("Default configs for %s in the cluster are:\n", kind)
		} else {
			c.Printf("%s configs for %s %s are:\n", scope, singular(kind), name)
		}
		entries, err := c.entries(ctx, kind, name, !all)
		if err != nil {
			return err
		}
		for _, e := range entries {
			c.Println(entryText(e))
		}
	}
	return nil
}

func entryText(e admin.ConfigEntry) string {
	synonyms := make([]string, len(e.ConfigSynonyms))
	for i, s := range e.ConfigSynonyms {
		synonyms[i] = fmt.Sprintf("%s:%s=%s", sourceName(s.Source), s.Name, valueText(s.Value))
	}
	return fmt.Sprintf("  %s=%s sensitive=%t synonyms={%s}", e.Name, valueText(e.Value), e.IsSensitive, strings.Join(synonyms, ", "))
}

func valueText(v *string) string {
	if v == nil {
		return "null"
	}
	return *v
}

// dynamicSources is the source of the settings that are an entity's own; loggers have one source only.
func dynamicSource(kind, name string) kmsg.ConfigSource {
	switch {
	case kind == topics:
		return kmsg.ConfigSourceDynamicTopicConfig
	case kind == brokers && name == "":
		return kmsg.ConfigSourceDynamicDefaultBrokerConfig
	case kind == brokers:
		return kmsg.ConfigSourceDynamicBrokerConfig
	case kind == clientMetrics:
		return kmsg.ConfigSourceClientMetricsConfig
	case kind == groups:
		return kmsg.ConfigSourceGroupConfig
	}
	return kmsg.ConfigSourceUnknown
}

// entries describes an entity's settings, sorted by name, all or only its own.
func (c *command) entries(ctx context.Context, kind, name string, dynamicOnly bool) ([]admin.ConfigEntry, error) {
	if kind == topics {
		if err := checkTopicName(name); err != nil {
			return nil, err
		}
	}
	r := admin.Resource{Type: resourceTypes[kind], Name: name}
	results, err := admin.DescribeConfigs(ctx, c.client, []admin.Resource{r}, true)
	if err != nil {
		return nil, fromCluster(err)
	}
	if results[r].Err != nil {
		return nil, fromCluster(results[r].Err)
	}
	entries := results[r].Entries
	if source := dynamicSource(kind, name); dynamicOnly && source != kmsg.ConfigSourceUnknown {
		entries = slices.DeleteFunc(entries, func(e admin.ConfigEntry) bool { return e.Source != source })
	}
	slices.SortFunc(entries, func(a, b admin.ConfigEntry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

func (c *command) exists(ctx context.Context, kind, name string) (bool, error) {
	if kind == topics {
		if err := checkTopicName(name); err != nil {
			return false, err
		}
	}
	if name == "" && (kind == brokers || kind == brokerLoggers) {
		return true, nil
	}
	names, err := c.allNames(ctx, kind)
	return slices.Contains(names, name), err
}

// allNames lists the entities of a type; for brokers and their loggers the cluster-wide default comes last.
func (c *command) allNames(ctx context.Context, kind string) ([]string, error) {
	switch kind {
	case topics:
		names, err := admin.TopicNames(ctx, c.client, true)
		return names, fromCluster(err)
	case clientMetrics:
		names, err := admin.ListConfigResources(ctx, c.client, resourceTypes[kind])
		slices.Sort(names)
		return names, fromCluster(err)
	case groups:
		return c.groupNames(ctx)
	}
	nodes, err := admin.Brokers(ctx, c.client)
	var names []string
	for _, n := range nodes {
		names = append(names, strconv.Itoa(int(n.ID)))
	}
	return append(names, ""), fromCluster(err)
}

// groupNames lists the groups that exist and those that only have settings.
func (c *command) groupNames(ctx context.Context) ([]string, error) {
	listed, err := admin.ListGroups(ctx, c.client, admin.GroupQuery{})
	if err != nil {
		return nil, fromCluster(err)
	}
	configured, err := admin.ListConfigResources(ctx, c.client, kmsg.ConfigResourceTypeGroupConfig)
	const clusterAuthorizationFailed = 31
	if err != nil && !admin.Unsupported(err) && tool.CodeOf(err) != clusterAuthorizationFailed {
		return nil, fromCluster(err)
	}
	for _, g := range listed {
		configured = append(configured, g.ID)
	}
	slices.Sort(configured)
	return slices.Compact(configured), nil
}

// checkTopicName refuses names that no topic can have.
func checkTopicName(name string) error {
	const maxLength = 249
	problem := ""
	switch {
	case name == "":
		problem = "the empty string is not allowed"
	case name == "." || name == "..":
		problem = "'" + name + "' is not allowed"
	case len(name) > maxLength:
		problem = fmt.Sprintf("the length of '%s' is longer than the max allowed length %d", name, maxLength)
	case strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	}):
		problem = "'" + name + "' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
	default:
		return nil
	}
	return tool.Errorf("Topic name is invalid: %s", problem)
}
