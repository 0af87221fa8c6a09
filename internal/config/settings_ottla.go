package config

const flushBeforeAckDoc = "Whether a produce request is answered only when its records are on stable storage. Waiting partitions share one flush."

// Ottla's own settings. Their names begin with `ottla.`, so that no later Kafka setting can collide.
var ottlaSettings = []Setting{
	set("ottla.disk.min.free.bytes", Long, "536870912", atLeast(0), ClusterWide, Active,
		"Free bytes on a data directory's disk below which produce requests are refused, while fetching, deleting and administration go on. 0 switches this off.").internal(),
	set("ottla.flush.before.ack", Boolean, "false", nil, ClusterWide, Active, flushBeforeAckDoc).internal(),
}

// Ottla's own settings of a topic.
var ottlaTopicSettings = []Setting{
	set("ottla.flush.before.ack", Boolean, "false", nil, ClusterWide, Active, flushBeforeAckDoc).internal(),
}
