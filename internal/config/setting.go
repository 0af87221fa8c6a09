package config

import (
	"sort"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Type is the type of a setting's value, with the numbers that DescribeConfigs answers.
type Type = kmsg.ConfigType

// The types under short names, so that the declarations stay readable.
const (
	Boolean  = kmsg.ConfigTypeBoolean
	String   = kmsg.ConfigTypeString
	Int      = kmsg.ConfigTypeInt
	Short    = kmsg.ConfigTypeShort
	Long     = kmsg.ConfigTypeLong
	Double   = kmsg.ConfigTypeDouble
	List     = kmsg.ConfigTypeList
	Class    = kmsg.ConfigTypeClass
	Password = kmsg.ConfigTypePassword
)

// Scope tells where a broker setting can be changed without a restart.
type Scope int8

// The scopes, as Kafka's documentation names them.
const (
	ReadOnly    Scope = iota // only in the configuration file, flags or environment
	PerBroker                // dynamic, and may differ between brokers; not allowed as cluster-wide default
	ClusterWide              // dynamic, per broker or as cluster-wide default
)

// String names the scope as Kafka's documentation does.
func (s Scope) String() string {
	switch s {
	case PerBroker:
		return "per-broker"
	case ClusterWide:
		return "cluster-wide"
	default:
		return "read-only"
	}
}

// Effect tells what a setting does in Ottla today.
type Effect int8

// The effects. All settings are accepted, stored and described, whatever their effect.
const (
	Active Effect = iota // it does what its doc line says
	Later                // it belongs to a part of Kafka that Ottla does not have yet
	None                 // the thing that it tunes does not exist in Ottla: nothing to set
)

// String names the effect for the documentation.
func (e Effect) String() string {
	switch e {
	case Later:
		return "not yet"
	case None:
		return "no effect"
	default:
		return "yes"
	}
}

// null marks the default of a setting that has none. No value from outside can be equal to it.
const null = "\x00null"

// Setting is the declaration of one setting.
type Setting struct {
	Name    string
	Type    Type
	Default string // as text; null (see HasDefault) where there is none
	Check   Check  // nil: every value of the type
	Scope   Scope
	Effect  Effect
	Doc     string // what it does, in one or two sentences, with the unit

	// hidden settings appear in DescribeConfigs only where they are set: Kafka's internal settings and Ottla's own. So
	// Kafka's tools see Kafka's set and nothing else.
	hidden bool
	// dynamicOnly settings are accepted by AlterConfigs and not part of the static set (the replication quotas).
	dynamicOnly bool
	// required settings must be given: they have no default.
	required bool

	value Value // the parsed default
}

// HasDefault reports whether the setting has a default other than null.
func (s *Setting) HasDefault() bool { return s.Default != null }

// Sensitive reports whether the value is a secret that DescribeConfigs never shows.
func (s *Setting) Sensitive() bool { return s.Type == Password }

// Internal reports whether DescribeConfigs shows the setting only where it is set.
func (s *Setting) Internal() bool { return s.hidden }

// table is a set of settings by name, and in order.
type table struct {
	byName map[string]*Setting
	sorted []*Setting
}

func newTable(groups ...[]Setting) *table {
	t := &table{byName: map[string]*Setting{}}
	for _, group := range groups {
		for i := range group {
			s := &group[i]
			if t.byName[s.Name] != nil {
				panic("config: setting declared twice: " + s.Name)
			}
			s.value = mustParseDefault(s)
			t.byName[s.Name] = s
			t.sorted = append(t.sorted, s)
		}
	}
	sort.Slice(t.sorted, func(i, j int) bool { return t.sorted[i].Name < t.sorted[j].Name })
	return t
}

func mustParseDefault(s *Setting) Value {
	if s.Default == null {
		return Value{kind: s.Type, null: true}
	}
	v, err := parseType(s.Name, s.Default, s.Type)
	if err != nil {
		panic("config: default of " + s.Name + ": " + err.Error())
	}
	return v
}

// BrokerSettings returns the declarations of all broker settings, sorted by name. The caller must not change them.
func BrokerSettings() []*Setting { return brokerTable.sorted }

// TopicSettings returns the declarations of all topic settings, sorted by name. The caller must not change them.
func TopicSettings() []*Setting { return topicTable.sorted }

// GroupSettings returns the declarations of all group settings, sorted by name. The caller must not change them.
func GroupSettings() []*Setting { return groupTable.sorted }

// ClientMetricsSettings returns the declarations of the settings of a client-metrics subscription, sorted by name.
func ClientMetricsSettings() []*Setting { return clientMetricsTable.sorted }

// Lookup returns the declaration of a setting of the resource type, nil when there is none.
func Lookup(resource kmsg.ConfigResourceType, name string) *Setting {
	if t := tableOf(resource); t != nil {
		return t.byName[name]
	}
	return nil
}

func tableOf(resource kmsg.ConfigResourceType) *table {
	switch resource {
	case kmsg.ConfigResourceTypeTopic:
		return topicTable
	case kmsg.ConfigResourceTypeBroker:
		return brokerTable
	case kmsg.ConfigResourceTypeGroupConfig:
		return groupTable
	case kmsg.ConfigResourceTypeClientMetrics:
		return clientMetricsTable
	default:
		return nil
	}
}
