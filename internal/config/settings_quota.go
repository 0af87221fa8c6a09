package config

// Quotas.
var quotaSettings = []Setting{
	set("quota.window.num", Int, "11", atLeast(1), ReadOnly, Later,
		"Number of time windows over which client rates are measured."),
	set("quota.window.size.seconds", Int, "1", atLeast(1), ReadOnly, Later,
		"Length in seconds of one such window."),
	set("replication.quota.window.num", Int, "11", atLeast(1), ReadOnly, Later,
		"Number of windows over which replication rates are measured."),
	set("replication.quota.window.size.seconds", Int, "1", atLeast(1), ReadOnly, Later,
		"Length in seconds of one such window."),
	set("alter.log.dirs.replication.quota.window.num", Int, "11", atLeast(1), ReadOnly, Later,
		"Number of windows over which moves between data directories are measured."),
	set("alter.log.dirs.replication.quota.window.size.seconds", Int, "1", atLeast(1), ReadOnly, Later,
		"Length in seconds of one such window."),
	set("client.quota.callback.class", Class, null, nil, ReadOnly, None,
		"Java class that decides on client quotas. Java classes cannot run in Ottla."),
	set("leader.replication.throttled.rate", Long, "9223372036854775807", atLeast(0), ClusterWide, Later,
		"Bytes per second that a leader sends of throttled replicas. Dynamic only.").dynamic(),
	set("follower.replication.throttled.rate", Long, "9223372036854775807", atLeast(0), ClusterWide, Later,
		"Bytes per second that a follower fetches of throttled replicas. Dynamic only.").dynamic(),
	set("replica.alter.log.dirs.io.max.bytes.per.second", Long, "9223372036854775807", atLeast(0), ClusterWide, Later,
		"Bytes per second that moves between data directories may take. Dynamic only.").dynamic(),
}
