package config

// Area is a part of the settings as the documentation shows them. The declarations stand in the files settings_*.go, one
// file per area.
type Area struct {
	Title    string
	Settings []Setting
}

var brokerAreas = []Area{
	{"Roles, controller and metadata", clusterSettings},
	{"Listeners and connections", networkSettings},
	{"Server", serverSettings},
	{"The log", logSettings},
	{"Replication", replicationSettings},
	{"Quotas", quotaSettings},
	{"Consumer groups and offsets", groupSettings},
	{"Share groups", shareSettings},
	{"Producers and transactions", transactionSettings},
	{"Remote storage", remoteSettings},
	{"TLS, SASL and authorization", securitySettings},
	{"Ottla's own", ottlaSettings},
	{"Kafka's internal settings", internalSettings},
}

var topicAreas = []Area{{"Topics", topicSettings}, {"Topics: Ottla's own", ottlaTopicSettings}}

// BrokerAreas returns the broker settings by area.
func BrokerAreas() []Area { return brokerAreas }

// TopicAreas returns the topic settings by area.
func TopicAreas() []Area { return topicAreas }

var (
	brokerTable        = newTable(settingsOf(brokerAreas)...)
	topicTable         = newTable(settingsOf(topicAreas)...)
	groupTable         = newTable(groupconfigSettings)
	clientMetricsTable = newTable(clientmetricsSettings)
)

func settingsOf(areas []Area) [][]Setting {
	var all [][]Setting
	for _, a := range areas {
		all = append(all, a.Settings)
	}
	return all
}

// set declares a setting; the arguments are in the order in which the documentation shows them.
func set(name string, kind Type, def string, check Check, scope Scope, effect Effect, doc string) Setting {
	return Setting{Name: name, Type: kind, Default: def, Check: check, Scope: scope, Effect: effect, Doc: doc}
}

// internal marks a setting that DescribeConfigs shows only where it is set.
func (s Setting) internal() Setting {
	s.hidden = true
	return s
}

// dynamic marks a setting that can only be given dynamically. It is shown only where it is set.
func (s Setting) dynamic() Setting {
	s.dynamicOnly, s.hidden = true, true
	return s
}

// mandatory marks a setting that must be given.
func (s Setting) mandatory() Setting {
	s.required = true
	return s
}
