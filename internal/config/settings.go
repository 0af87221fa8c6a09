package config

// The declarations stand in the files settings_*.go, one file per area.
var (
	brokerTable = newTable(clusterSettings, networkSettings, serverSettings, logSettings, replicationSettings,
		quotaSettings, groupSettings, shareSettings, transactionSettings, remoteSettings, securitySettings,
		internalSettings, ottlaSettings)
	topicTable         = newTable(topicSettings, ottlaTopicSettings)
	groupTable         = newTable(groupconfigSettings)
	clientMetricsTable = newTable(clientmetricsSettings)
)

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
