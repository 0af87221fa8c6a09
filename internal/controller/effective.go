package controller

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/config"
)

// effectiveConfigs returns what CreateTopics (version 5 and later) answers of a new topic's configs.
func effectiveConfigs(env Env, topic string, overrides map[string]string) ([]kmsg.CreateTopicsResponseTopicConfig, error) {
	described, err := env.Config.Describe(config.DescribeQuery{Resource: kmsg.ConfigResourceTypeTopic, Name: topic, Overrides: overrides})
	if err != nil {
		return nil, err
	}
	configs := make([]kmsg.CreateTopicsResponseTopicConfig, 0, len(described))
	for _, d := range described {
		c := kmsg.NewCreateTopicsResponseTopicConfig()
		c.Name, c.ReadOnly, c.Source, c.IsSensitive = d.Name, d.ReadOnly, int8(d.Source), d.IsSensitive
		if !d.IsSensitive {
			c.Value = d.Value
		}
		configs = append(configs, c)
	}
	return configs, nil
}
