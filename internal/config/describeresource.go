package config

import (
	"maps"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// describeTopic answers for a topic.
func (s *Snapshot) describeTopic(overrides map[string]string) ([]entry, error) {
	values, err := s.topicValues(overrides)
	if err != nil {
		return nil, asProtocol(err)
	}
	return describeTable(topicTable, values, overrides, kmsg.ConfigSourceDynamicTopicConfig, func(setting *Setting) []synonym {
		synonyms := topicSynonyms[setting.Name]
		if synonyms == nil {
			return nil
		}
		return s.synonymsOf(synonyms[0], brokerSynonyms(synonyms[0], true), setting.Sensitive())
	}), nil
}

// describeGroup answers for a group.
func (s *Snapshot) describeGroup(overrides map[string]string) ([]entry, error) {
	values, err := s.groupValues(overrides)
	if err != nil {
		return nil, asProtocol(err)
	}
	return describeTable(groupTable, values, overrides, kmsg.ConfigSourceGroupConfig, func(setting *Setting) []synonym {
		if broker := GroupSynonym(setting.Name); broker != "" {
			return s.synonymsOf(broker, brokerSynonyms(broker, true), setting.Sensitive())
		}
		return []synonym{newSynonym(setting.Name, setting.value.textPtr(), kmsg.ConfigSourceDefaultConfig)}
	}), nil
}

// groupValues returns every group setting, the overrides over the broker's defaults.
func (s *Snapshot) groupValues(overrides map[string]string) (map[string]Value, error) {
	defaults := make(map[string]Value, len(groupTable.sorted))
	for _, setting := range groupTable.sorted {
		defaults[setting.Name] = setting.value
		if broker := GroupSynonym(setting.Name); broker != "" {
			defaults[setting.Name] = s.values[broker]
		}
	}
	return overlay(groupTable, defaults, overrides)
}

// describeClientMetrics answers for a subscription. It shows synonyms only for what is set.
func describeClientMetrics(overrides map[string]string) ([]entry, error) {
	values, err := clientMetricsValues(overrides)
	if err != nil {
		return nil, asProtocol(err)
	}
	none := func(*Setting) []synonym { return nil }
	return describeTable(clientMetricsTable, values, overrides, kmsg.ConfigSourceClientMetricsConfig, none), nil
}

func clientMetricsValues(overrides map[string]string) (map[string]Value, error) {
	defaults := make(map[string]Value, len(clientMetricsTable.sorted))
	for _, setting := range clientMetricsTable.sorted {
		defaults[setting.Name] = setting.value
	}
	return overlay(clientMetricsTable, defaults, overrides)
}

// describeTable answers for a resource whose own settings stand before defaults.
func describeTable(t *table, values map[string]Value, overrides map[string]string, source kmsg.ConfigSource, defaults func(*Setting) []synonym) []entry {
	entries := make([]entry, 0, len(t.sorted))
	for _, setting := range t.sorted {
		_, own := overrides[setting.Name]
		if setting.hidden && !own {
			continue
		}
		value := shown(values[setting.Name].textPtr(), setting.Type)
		synonyms := defaults(setting)
		if own {
			synonyms = append([]synonym{newSynonym(setting.Name, value, source)}, synonyms...)
		}
		entries = append(entries, newEntry(setting.Name, value, setting.Type, synonyms))
	}
	for name := range overrides {
		if t.byName[name] == nil { // stored by another version: named, never shown
			entries = append(entries, newEntry(name, nil, kmsg.ConfigTypeUnknown, []synonym{newSynonym(name, nil, source)}))
		}
	}
	return entries
}

// overlay parses overrides over defaults, in the order of the names. Unknown names are left out.
func overlay(t *table, defaults map[string]Value, overrides map[string]string) (map[string]Value, error) {
	values := maps.Clone(defaults)
	for _, setting := range t.sorted {
		text, ok := overrides[setting.Name]
		if !ok {
			continue
		}
		v, err := setting.parse(text)
		if err != nil {
			return nil, err
		}
		values[setting.Name] = v
	}
	return values, nil
}
