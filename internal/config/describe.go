package config

import "github.com/twmb/franz-go/pkg/kmsg"

// DescribeQuery is what a DescribeConfigs request asks of one resource.
type DescribeQuery struct {
	Resource  kmsg.ConfigResourceType
	Name      string            // topic, broker id ("" for the cluster-wide default), group or subscription
	Keys      []string          // nil: all settings
	Synonyms  bool              // fill ConfigSynonyms
	Docs      bool              // fill Documentation
	Overrides map[string]string // the resource's own dynamic settings, from the metadata image
	Loggers   map[string]string // for broker loggers: logger name to level
}
