package config

import (
	"maps"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/protocol"
)

// DescribeQuery is what a DescribeConfigs request asks of one resource.
type DescribeQuery struct {
	Resource  kmsg.ConfigResourceType
	Name      string            // topic, broker id ("" for the cluster-wide default), group or subscription
	Keys      []string          // none: all settings
	Synonyms  bool              // fill ConfigSynonyms
	Docs      bool              // fill Documentation
	Overrides map[string]string // the resource's own dynamic settings, from the metadata image; not for brokers
	Loggers   map[string]string // for broker loggers: logger name to level
}

// entry is one answered setting.
type entry = kmsg.DescribeConfigsResponseResourceConfig

type synonym = kmsg.DescribeConfigsResponseResourceConfigConfigSynonym

// Describe answers DescribeConfigs for one resource, sorted by name. It does not know whether a topic exists.
func (s *Snapshot) Describe(q DescribeQuery) ([]kmsg.DescribeConfigsResponseResourceConfig, error) {
	entries, err := s.describe(q)
	if err != nil {
		return nil, err
	}
	if len(q.Keys) > 0 {
		entries = slices.DeleteFunc(entries, func(e entry) bool { return !slices.Contains(q.Keys, e.Name) })
	}
	for i := range entries {
		e := &entries[i]
		e.IsDefault = e.Source == kmsg.ConfigSourceDefaultConfig
		if !q.Synonyms {
			e.ConfigSynonyms = nil
		}
		if q.Docs {
			e.Documentation = documentation(q.Resource, e.Name)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return entries, nil
}

func (s *Snapshot) describe(q DescribeQuery) ([]entry, error) {
	switch q.Resource {
	case kmsg.ConfigResourceTypeTopic:
		if err := checkTopicName(q.Name); err != nil {
			return nil, err
		}
		return s.describeTopic(q.Overrides)
	case kmsg.ConfigResourceTypeBroker:
		if q.Name == "" {
			return s.describeCluster(), nil
		}
		if err := s.checkBrokerID(q.Name, "expected "+s.idText()+" or empty string, but received "+q.Name); err != nil {
			return nil, err
		}
		return s.describeBroker(), nil
	case kmsg.ConfigResourceTypeBrokerLogger:
		if q.Name == "" {
			return nil, invalidRequest("Broker id must not be empty")
		}
		if err := s.checkBrokerID(q.Name, "expected "+s.idText()+" but received "+q.Name); err != nil {
			return nil, err
		}
		return describeLoggers(q.Loggers), nil
	case kmsg.ConfigResourceTypeClientMetrics:
		if q.Name == "" {
			return nil, invalidRequest("Client metrics subscription name must not be empty")
		}
		return describeClientMetrics(q.Overrides)
	case kmsg.ConfigResourceTypeGroupConfig:
		if q.Name == "" {
			return nil, invalidRequest("Group name must not be empty")
		}
		return s.describeGroup(q.Overrides)
	default:
		// Kafka answers the whole request so, with the text of the code.
		return nil, protocol.InvalidRequest
	}
}

func (s *Snapshot) idText() string { return strconv.Itoa(int(s.NodeID())) }

func (s *Snapshot) checkBrokerID(name, mismatch string) error {
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return invalidRequest("Broker id must be an integer, but it is: " + name)
	}
	if int32(id) != s.NodeID() {
		return invalidRequest("Unexpected broker id, " + mismatch)
	}
	return nil
}

func invalidRequest(message string) error {
	return protocol.Errorf(protocol.InvalidRequest, "%s", message)
}

// brokerType returns the type of a broker setting, a listener's too; 0 for one that is not known.
func brokerType(name string) Type {
	if setting := brokerTable.byName[name]; setting != nil {
		return setting.Type
	}
	for _, n := range brokerSynonyms(name, true) {
		if setting := brokerTable.byName[n]; setting != nil {
			return setting.Type
		}
	}
	return kmsg.ConfigTypeUnknown
}

// hiddenValue reports whether a value must not be shown: a secret, or a setting of which nothing is known.
func hiddenValue(kind Type) bool { return kind == Password || kind == kmsg.ConfigTypeUnknown }

func shown(value *string, kind Type) *string {
	if hiddenValue(kind) {
		return nil
	}
	return value
}

func (s *Snapshot) describeBroker() []entry {
	entries := make([]entry, 0, len(brokerTable.sorted))
	for _, setting := range brokerTable.sorted {
		if !setting.hidden {
			entries = append(entries, s.brokerEntry(setting.Name, s.values[setting.Name].textPtr(), nil))
		}
	}
	for name, text := range s.props {
		if setting := brokerTable.byName[name]; setting == nil || setting.hidden {
			entries = append(entries, s.brokerEntry(name, &text, nil))
		}
	}
	return entries
}

// describeCluster answers for the cluster-wide default: only what is set there.
func (s *Snapshot) describeCluster() []entry {
	fromCluster := func(y synonym) bool { return y.Source == kmsg.ConfigSourceDynamicDefaultBrokerConfig }
	var entries []entry
	for name, text := range s.cluster {
		entries = append(entries, s.brokerEntry(name, &text, fromCluster))
	}
	return entries
}

func (s *Snapshot) brokerEntry(name string, value *string, keep func(synonym) bool) entry {
	kind := brokerType(name)
	synonyms := s.synonymsOf(name, brokerSynonyms(name, true), hiddenValue(kind))
	if keep != nil {
		synonyms = slices.DeleteFunc(synonyms, func(y synonym) bool { return !keep(y) })
	}
	setting := brokerTable.byName[name]
	e := newEntry(name, shown(value, kind), kind, synonyms)
	e.ReadOnly = setting == nil || setting.Scope == ReadOnly
	return e
}

func newEntry(name string, value *string, kind Type, synonyms []synonym) entry {
	e := kmsg.NewDescribeConfigsResponseResourceConfig()
	e.Name, e.Value, e.ConfigType, e.ConfigSynonyms = name, value, kind, synonyms
	e.IsSensitive = hiddenValue(kind)
	e.Source = kmsg.ConfigSourceDefaultConfig
	if len(synonyms) > 0 {
		e.Source = synonyms[0].Source
	}
	return e
}

func newSynonym(name string, value *string, source kmsg.ConfigSource) synonym {
	y := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
	y.Name, y.Value, y.Source = name, value, source
	return y
}

// synonymsOf lists where a value comes from, the strongest first. What stands before the first entry with the asked name
// is left out: a setting that is not given itself does not show its weaker forms.
func (s *Snapshot) synonymsOf(name string, names []string, hide bool) []synonym {
	var all []synonym
	add := func(n string, value string, source kmsg.ConfigSource) {
		y := newSynonym(n, &value, source)
		if hide {
			y.Value = nil
		}
		all = append(all, y)
	}
	layers := []struct {
		props  map[string]string
		source kmsg.ConfigSource
	}{
		{s.broker, kmsg.ConfigSourceDynamicBrokerConfig},
		{s.cluster, kmsg.ConfigSourceDynamicDefaultBrokerConfig},
		{s.static, kmsg.ConfigSourceStaticBrokerConfig},
	}
	for _, layer := range layers {
		for _, n := range names {
			if value, ok := layer.props[n]; ok {
				add(n, value, layer.source)
			}
		}
	}
	for _, n := range names {
		if setting := brokerTable.byName[n]; setting != nil && setting.HasDefault() && !setting.dynamicOnly {
			add(n, setting.value.String(), kmsg.ConfigSourceDefaultConfig)
		}
	}
	for i, y := range all {
		if y.Name == name {
			return all[i:]
		}
	}
	return nil
}

func documentation(resource kmsg.ConfigResourceType, name string) *string {
	setting := Lookup(resource, name)
	if setting == nil {
		return nil
	}
	doc := setting.Doc
	switch setting.Effect {
	case Later:
		doc += " Not yet in effect in Ottla."
	case None:
		doc += " Accepted and without effect in Ottla."
	}
	return &doc
}

func describeLoggers(levels map[string]string) []entry {
	var entries []entry
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		level := levels[name]
		e := newEntry(name, &level, kmsg.ConfigTypeUnknown, nil)
		e.Source, e.IsSensitive = kmsg.ConfigSourceDynamicBrokerLoggerConfig, false
		entries = append(entries, e)
	}
	return entries
}
