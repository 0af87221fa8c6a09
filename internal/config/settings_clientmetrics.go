package config

// Client metrics.
var clientmetricsSettings = []Setting{
	set("interval.ms", Int, "300000", nil, ClusterWide, Later,
		"Milliseconds between two pushes of metrics by a client, from 100 to 3600000."),
	set("match", List, "", listCheck{allowNone: true}, ClusterWide, Later,
		"Which clients the subscription is for, as `name=regular expression`, comma-separated; empty: all."),
	set("metrics", List, "", listCheck{allowNone: true}, ClusterWide, Later,
		"Prefixes of the metrics that clients push; `*` for all, empty for none."),
}
