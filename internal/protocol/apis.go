package protocol

// API is one request type of Kafka's protocol with the versions that this node serves.
type API struct {
	Key      int16
	Name     string // as Apache Kafka spells it
	Min, Max int16
}

// The API keys that the code names. The full list stands in Served.
const (
	KeyProduce                 int16 = 0
	KeyFetch                   int16 = 1
	KeyListOffsets             int16 = 2
	KeyMetadata                int16 = 3
	KeyOffsetCommit            int16 = 8
	KeyOffsetFetch             int16 = 9
	KeyFindCoordinator         int16 = 10
	KeyJoinGroup               int16 = 11
	KeyHeartbeat               int16 = 12
	KeyLeaveGroup              int16 = 13
	KeySyncGroup               int16 = 14
	KeyDescribeGroups          int16 = 15
	KeyListGroups              int16 = 16
	KeyAPIVersions             int16 = 18
	KeyCreateTopics            int16 = 19
	KeyDeleteTopics            int16 = 20
	KeyDeleteRecords           int16 = 21
	KeyInitProducerID          int16 = 22
	KeyOffsetForLeaderEpoch    int16 = 23
	KeyAddPartitionsToTxn      int16 = 24
	KeyAddOffsetsToTxn         int16 = 25
	KeyEndTxn                  int16 = 26
	KeyWriteTxnMarkers         int16 = 27
	KeyTxnOffsetCommit         int16 = 28
	KeyDescribeConfigs         int16 = 32
	KeyAlterConfigs            int16 = 33
	KeyDescribeLogDirs         int16 = 35
	KeyCreatePartitions        int16 = 37
	KeyDeleteGroups            int16 = 42
	KeyIncrementalAlterConfigs int16 = 44
	KeyOffsetDelete            int16 = 47
	KeyUpdateFeatures          int16 = 57
	KeyDescribeCluster         int16 = 60
	KeyDescribeProducers       int16 = 61
	KeyDescribeTransactions    int16 = 65
	KeyListTransactions        int16 = 66
	KeyListConfigResources     int16 = 74
	KeyDescribeTopicPartitions int16 = 75
)

// Served lists every API that a node answers, in the order of the keys. What a later capability brings is added here when it
// works, never before: clients take this list at its word. docs/compatibility.md is compared with it by a test.
var Served = []API{
	// Versions 0 to 2 of Produce are advertised, as by Apache Kafka (KAFKA-18659: librdkafka reads them as "has a broker of
	// 0.10"), and refused, as there: they carry only message formats that no broker of the 4 line accepts.
	{KeyProduce, "Produce", 0, 13},
	{KeyFetch, "Fetch", 4, 18},
	{KeyListOffsets, "ListOffsets", 1, 11},
	{KeyMetadata, "Metadata", 0, 13},
	{KeyOffsetCommit, "OffsetCommit", 2, 10},
	{KeyOffsetFetch, "OffsetFetch", 1, 10},
	{KeyFindCoordinator, "FindCoordinator", 0, 6},
	{KeyJoinGroup, "JoinGroup", 0, 9},
	{KeyHeartbeat, "Heartbeat", 0, 4},
	{KeyLeaveGroup, "LeaveGroup", 0, 5},
	{KeySyncGroup, "SyncGroup", 0, 5},
	{KeyDescribeGroups, "DescribeGroups", 0, 6},
	{KeyListGroups, "ListGroups", 0, 5},
	{KeyAPIVersions, "ApiVersions", 0, 4},
	{KeyCreateTopics, "CreateTopics", 2, 7},
	{KeyDeleteTopics, "DeleteTopics", 1, 6},
	{KeyDeleteRecords, "DeleteRecords", 0, 2},
	{KeyInitProducerID, "InitProducerId", 0, 5},
	{KeyOffsetForLeaderEpoch, "OffsetForLeaderEpoch", 2, 4},
	{KeyAddPartitionsToTxn, "AddPartitionsToTxn", 0, 5},
	{KeyAddOffsetsToTxn, "AddOffsetsToTxn", 0, 4},
	{KeyEndTxn, "EndTxn", 0, 5},
	{KeyWriteTxnMarkers, "WriteTxnMarkers", 1, 2},
	{KeyTxnOffsetCommit, "TxnOffsetCommit", 0, 5},
	{KeyDescribeConfigs, "DescribeConfigs", 1, 4},
	{KeyAlterConfigs, "AlterConfigs", 0, 2},
	{KeyDescribeLogDirs, "DescribeLogDirs", 1, 5},
	{KeyCreatePartitions, "CreatePartitions", 0, 3},
	{KeyDeleteGroups, "DeleteGroups", 0, 2},
	{KeyIncrementalAlterConfigs, "IncrementalAlterConfigs", 0, 1},
	{KeyOffsetDelete, "OffsetDelete", 0, 0},
	{KeyUpdateFeatures, "UpdateFeatures", 0, 2},
	{KeyDescribeCluster, "DescribeCluster", 0, 2},
	{KeyDescribeProducers, "DescribeProducers", 0, 0},
	{KeyDescribeTransactions, "DescribeTransactions", 0, 0},
	{KeyListTransactions, "ListTransactions", 0, 2},
	{KeyListConfigResources, "ListConfigResources", 0, 1},
	{KeyDescribeTopicPartitions, "DescribeTopicPartitions", 0, 0},
}

var servedByKey = func() map[int16]API {
	m := make(map[int16]API, len(Served))
	for _, a := range Served {
		m[a.Key] = a
	}
	return m
}()

// Lookup returns the served API of a key.
func Lookup(key int16) (API, bool) {
	a, ok := servedByKey[key]
	return a, ok
}

// Serves tells whether the version is one that the node answers.
func (a API) Serves(version int16) bool { return version >= a.Min && version <= a.Max }
