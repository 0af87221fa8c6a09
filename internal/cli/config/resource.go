// Package config holds `ottla config`: one file per verb, and the settings of one resource as the other commands use them too.
package config

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/cli/output"
)

// Resource is what has settings.
type Resource struct {
	Type kmsg.ConfigResourceType
	Name string
}

// String names the resource for people.
func (r Resource) String() string {
	switch {
	case r.Type == kmsg.ConfigResourceTypeBroker && r.Name == "":
		return "cluster"
	case r.Type == kmsg.ConfigResourceTypeBroker:
		return "broker " + r.Name
	case r.Type == kmsg.ConfigResourceTypeTopic:
		return "topic " + r.Name
	case r.Type == kmsg.ConfigResourceTypeGroupConfig:
		return "group " + r.Name
	}
	return fmt.Sprintf("%v %s", r.Type, r.Name)
}

// Topic is the resource of a topic.
func Topic(name string) Resource { return Resource{kmsg.ConfigResourceTypeTopic, name} }

// Broker is the resource of a broker.
func Broker(id string) Resource { return Resource{kmsg.ConfigResourceTypeBroker, id} }

// Cluster is the resource of the defaults that hold for all brokers.
var Cluster = Resource{kmsg.ConfigResourceTypeBroker, ""}

// Setting is one setting of a resource.
type Setting struct {
	Name      string  `json:"name"`
	Value     *string `json:"value"`     // null: none, or not shown because it is secret
	Otherwise *string `json:"otherwise"` // what would hold if it was not set here
	Source    string  `json:"source"`
	ReadOnly  bool    `json:"read_only,omitempty"`
	Sensitive bool    `json:"sensitive,omitempty"`
	Doc       string  `json:"doc,omitempty"`
}

// IsDefault says that nobody has set it.
func (s Setting) IsDefault() bool { return s.Source == sourceNames[kmsg.ConfigSourceDefaultConfig] }

// Shown is the value for people.
func (s Setting) Shown() string {
	if s.Sensitive {
		return "(hidden)"
	}
	return Shown(s.Name, s.Value)
}

// Shown writes a value for people.
func Shown(name string, value *string) string {
	switch {
	case value == nil:
		return "-"
	case *value == "":
		return `""`
	}
	return output.SettingValue(name, *value)
}

var sourceNames = map[kmsg.ConfigSource]string{
	kmsg.ConfigSourceDynamicTopicConfig:         "topic",
	kmsg.ConfigSourceDynamicBrokerConfig:        "broker",
	kmsg.ConfigSourceDynamicDefaultBrokerConfig: "cluster",
	kmsg.ConfigSourceStaticBrokerConfig:         "start of the broker",
	kmsg.ConfigSourceDefaultConfig:              "default",
	kmsg.ConfigSourceGroupConfig:                "group",
}

// Describe asks for all settings of a resource, sorted by name.
func Describe(ctx context.Context, client *kgo.Client, resource Resource) ([]Setting, error) {
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.IncludeSynonyms, request.IncludeDocumentation = true, true
	wanted := kmsg.NewDescribeConfigsRequestResource()
	wanted.ResourceType, wanted.ResourceName = resource.Type, resource.Name
	request.Resources = append(request.Resources, wanted)
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, output.About(resource.String(), err, "")
	}
	settings := []Setting{}
	for _, r := range response.Resources {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			return nil, output.About(resource.String(), err, deref(r.ErrorMessage))
		}
		for _, c := range r.Configs {
			settings = append(settings, setting(c))
		}
	}
	slices.SortFunc(settings, func(a, b Setting) int { return cmp.Compare(a.Name, b.Name) })
	return settings, nil
}

func setting(c kmsg.DescribeConfigsResponseResourceConfig) Setting {
	s := Setting{Name: c.Name, Value: c.Value, ReadOnly: c.ReadOnly, Sensitive: c.IsSensitive, Doc: deref(c.Documentation)}
	var ok bool
	if s.Source, ok = sourceNames[c.Source]; !ok {
		s.Source = strings.ToLower(c.Source.String())
	}
	if c.Source == kmsg.ConfigSourceDefaultConfig {
		s.Otherwise = c.Value
	}
	for _, synonym := range c.ConfigSynonyms {
		if synonym.Source != c.Source {
			s.Otherwise = inUnitOf(c.Name, synonym.Name, synonym.Value)
			break
		}
	}
	return s
}

// inUnitOf converts the value of a setting that stands for another one in a coarser unit: log.retention.hours for retention.ms.
func inUnitOf(name, synonym string, value *string) *string {
	units := map[string]int64{".minutes": 60_000, ".hours": 3_600_000}
	for suffix, ms := range units {
		if value == nil || !strings.HasSuffix(name, ".ms") || !strings.HasSuffix(synonym, suffix) {
			continue
		}
		if n, err := strconv.ParseInt(*value, 10, 32); err == nil {
			if n >= 0 {
				n *= ms
			}
			text := strconv.FormatInt(n, 10)
			return &text
		}
	}
	return value
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Find returns the setting of that name.
func Find(settings []Setting, name string) (Setting, bool) {
	at := slices.IndexFunc(settings, func(s Setting) bool { return s.Name == name })
	if at < 0 {
		return Setting{}, false
	}
	return settings[at], true
}

// Sheet is the table of settings.
func Sheet(settings []Setting) *output.Sheet {
	sheet := output.NewSheet(output.Left("SETTING"), output.Left("VALUE"), output.Left("SET BY"), output.Left("OTHERWISE"), output.Left("MEANING").InWide())
	for _, s := range settings {
		otherwise := Shown(s.Name, s.Otherwise)
		switch {
		case s.IsDefault():
			otherwise = ""
		case s.Otherwise == nil && s.Source == sourceNames[kmsg.ConfigSourceDynamicTopicConfig]:
			otherwise = "as the broker has it" // for a few settings brokers do not tell
		}
		sheet.Row(s.Name, s.Shown(), s.Source, otherwise, s.Doc)
	}
	return sheet
}
