package config

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var errPending = errors.New("config: under construction")

// Load resolves a static configuration. The warnings are for the person who starts the broker: unknown keys with the
// nearest known one, settings that do nothing here.
func Load(o LoadOptions) (*Snapshot, []string, error) { return nil, nil, errPending }

// WithDynamic returns a snapshot with other dynamic values.
func (s *Snapshot) WithDynamic(cluster, broker map[string]string) (*Snapshot, []string, error) {
	return nil, nil, errPending
}

func (s *Snapshot) sameDynamic(o *Snapshot) bool { return false }

func (s *Snapshot) listenersWhere(all []Listener, controller bool) []Listener { return nil }

// Topic returns the effective settings of a topic from its own settings, as the metadata image has them. Topics without
// own settings share one value.
func (s *Snapshot) Topic(overrides map[string]string) (*Topic, error) { return nil, errPending }

// Describe answers DescribeConfigs for one resource, sorted by name. It does not know whether a topic exists.
func (s *Snapshot) Describe(q DescribeQuery) ([]kmsg.DescribeConfigsResponseResourceConfig, error) {
	return nil, errPending
}

// PrepareIncrementalAlter is the broker's part of IncrementalAlterConfigs: what the broker that receives the request
// checks, before the controller decides. current are the resource's settings in the metadata image.
func (s *Snapshot) PrepareIncrementalAlter(resource kmsg.ConfigResourceType, name string, current map[string]string, ops []kmsg.IncrementalAlterConfigsRequestResourceConfig) error {
	return errPending
}

// IncrementalAlter is the controller's part of IncrementalAlterConfigs: it returns the resource's new settings. current
// is not changed.
func (s *Snapshot) IncrementalAlter(resource kmsg.ConfigResourceType, name string, current map[string]string, ops []kmsg.IncrementalAlterConfigsRequestResourceConfig) (map[string]string, error) {
	return nil, errPending
}

// PrepareAlter is the broker's part of AlterConfigs.
func (s *Snapshot) PrepareAlter(resource kmsg.ConfigResourceType, name string, configs []kmsg.AlterConfigsRequestResourceConfig) error {
	return errPending
}

// Alter is the controller's part of AlterConfigs: the given settings replace all that the resource has.
func (s *Snapshot) Alter(resource kmsg.ConfigResourceType, name string, current map[string]string, configs []kmsg.AlterConfigsRequestResourceConfig) (map[string]string, error) {
	return nil, errPending
}

// CreateTopicConfigs checks the settings of a CreateTopics request and returns them as the metadata image stores them.
func (s *Snapshot) CreateTopicConfigs(configs []kmsg.CreateTopicsRequestTopicConfig) (map[string]string, error) {
	return nil, errPending
}
