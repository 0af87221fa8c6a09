package metadata

// Record is one change of the cluster's metadata. The types below mean what the KRaft records of the same names mean;
// ClusterRecord, ControllerRecord and BrokerPresenceRecord stand for what KRaft keeps outside its records (the quorum's
// files, its elections and the controller's heartbeat table).
type Record interface{ isRecord() }

// ClusterRecord names the cluster. It is written once, before everything else.
type ClusterRecord struct{ ClusterID string }

// ControllerRecord tells who won the election of the controller. ID is NoLeader while there is none.
type ControllerRecord struct {
	ID    int32
	Epoch int64
}

// TopicRecord creates a topic, at first without partitions.
type TopicRecord struct {
	Name    string
	TopicID UUID
}

// RemoveTopicRecord deletes a topic with its partitions and its configs.
type RemoveTopicRecord struct{ TopicID UUID }

// PartitionRecord creates a partition, or replaces all that is known of it.
type PartitionRecord struct {
	TopicID     UUID
	PartitionID int32
	Partition   Partition
}

// PartitionChangeRecord changes some fields of a partition: those that are not nil. A change of the leader raises the
// leader epoch; every change raises the partition epoch.
type PartitionChangeRecord struct {
	TopicID          UUID
	PartitionID      int32
	Leader           *int32
	LeaderRecovering *bool
	Replicas         []int32
	ISR              []int32 // not nil and empty: nobody is in sync
	ELR              []int32
	LastKnownELR     []int32
	AddingReplicas   []int32
	RemovingReplicas []int32
	Directories      []UUID
}

// ConfigRecord sets one config of a resource, or removes it (Value nil).
type ConfigRecord struct {
	Resource Resource
	Name     string
	Value    *string
}

// ResourceConfigsRecord replaces all configs of a resource. An empty map removes them.
type ResourceConfigsRecord struct {
	Resource Resource
	Configs  map[string]string
}

// RegisterBrokerRecord registers a broker, or one that comes back as a new incarnation.
type RegisterBrokerRecord struct{ Broker Broker }

// AnyBrokerEpoch stands for whatever epoch the registration has.
const AnyBrokerEpoch int64 = -1

// UnregisterBrokerRecord removes a broker's registration of that epoch.
type UnregisterBrokerRecord struct {
	BrokerID    int32
	BrokerEpoch int64
}

// BrokerRegistrationChangeRecord changes those fields of a registration that are not nil.
type BrokerRegistrationChangeRecord struct {
	BrokerID             int32
	BrokerEpoch          int64
	Fenced               *bool
	InControlledShutdown *bool
	LogDirs              []UUID
}

// BrokerPresenceRecord tells that the process of a broker is there (its lease lives) or no longer is.
type BrokerPresenceRecord struct {
	BrokerID      int32
	IncarnationID UUID
	Present       bool
}

// FeatureLevelRecord finalizes a feature at a level; level 0 removes it.
type FeatureLevelRecord struct {
	Name  string
	Level int16
}

// ProducerIDsRecord tells the first producer id that no broker has been given yet.
type ProducerIDsRecord struct {
	BrokerID       int32
	BrokerEpoch    int64
	NextProducerID int64
}

func (ClusterRecord) isRecord()                  {}
func (ControllerRecord) isRecord()               {}
func (TopicRecord) isRecord()                    {}
func (RemoveTopicRecord) isRecord()              {}
func (PartitionRecord) isRecord()                {}
func (PartitionChangeRecord) isRecord()          {}
func (ConfigRecord) isRecord()                   {}
func (ResourceConfigsRecord) isRecord()          {}
func (RegisterBrokerRecord) isRecord()           {}
func (UnregisterBrokerRecord) isRecord()         {}
func (BrokerRegistrationChangeRecord) isRecord() {}
func (BrokerPresenceRecord) isRecord()           {}
func (FeatureLevelRecord) isRecord()             {}
func (ProducerIDsRecord) isRecord()              {}
