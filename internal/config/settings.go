package config

// The declarations stand in the files settings_*.go, one file per area.
var (
	brokerTable        = newTable()
	topicTable         = newTable()
	groupTable         = newTable()
	clientMetricsTable = newTable()
)
