package group

// offset is a committed offset.
type offset struct {
	committed   int64
	leaderEpoch int32 // -1 when not known
	metadata    string
	commitMs    int64
	expireMs    int64    // -1 unless an old client asked for an expiry of its own
	topicID     [16]byte // zero for offsets committed in transactions or before Kafka 4.1
	at          int64    // where the record is in the log
}

// offsetStore holds offsets by group, topic and partition.
type offsetStore = partitionMap[offset]
