package group

// RequestContext is what the coordinator needs to know of a request beside its body.
type RequestContext struct {
	ClientID   string
	ClientHost string // as Java prints an address: "/127.0.0.1"
}

// Topics tells which topics exist.
type Topics interface {
	// TopicName returns the name of the topic with the id.
	TopicName(id [16]byte) (name string, ok bool)
	// TopicID returns the id of the topic with the name.
	TopicID(name string) (id [16]byte, ok bool)
	// HasPartition reports whether the topic exists and has the partition.
	HasPartition(name string, partition int32) bool
}

// DeletedTopic is a topic whose offsets are to be removed.
type DeletedTopic struct {
	Name string
	ID   [16]byte
}
