package golden

import (
	"sort"
	"strings"
)

// listKeys names the lists whose order says nothing, with the fields that tell their elements apart. In recordings they are sorted
// by these; in comparisons elements are paired by them. Lists that are not here keep Kafka's order.
var listKeys = map[string][]string{
	"ApiVersions.ApiKeys":                                      {"ApiKey"},
	"ApiVersions.SupportedFeatures":                            {"Name"},
	"ApiVersions.FinalizedFeatures":                            {"Name"},
	"Produce.Topics":                                           {"Topic", "TopicID"},
	"Produce.Topics.Partitions":                                {"Partition"},
	"ListOffsets.Topics":                                       {"Topic"},
	"ListOffsets.Topics.Partitions":                            {"Partition"},
	"Metadata.Brokers":                                         {"NodeID"},
	"Metadata.Topics":                                          {"Topic", "TopicID"},
	"Metadata.Topics.Partitions":                               {"Partition"},
	"DescribeTopicPartitions.Topics.Partitions":                {"Partition"},
	"DescribeCluster.Brokers":                                  {"NodeID"},
	"CreateTopics.Topics":                                      {"Topic"},
	"CreateTopics.Topics.Configs":                              {"Name"},
	"DeleteTopics.Topics":                                      {"Topic", "TopicID"},
	"CreatePartitions.Topics":                                  {"Topic"},
	"DeleteRecords.Topics":                                     {"Topic"},
	"DeleteRecords.Topics.Partitions":                          {"Partition"},
	"OffsetForLeaderEpoch.Topics":                              {"Topic"},
	"OffsetForLeaderEpoch.Topics.Partitions":                   {"Partition"},
	"DescribeConfigs.Resources":                                {"ResourceType", "ResourceName"},
	"DescribeConfigs.Resources.Configs":                        {"Name"},
	"AlterConfigs.Resources":                                   {"ResourceType", "ResourceName"},
	"IncrementalAlterConfigs.Resources":                        {"ResourceType", "ResourceName"},
	"ListConfigResources.ConfigResources":                      {"Type", "Name"},
	"FindCoordinator.Coordinators":                             {"Key"},
	"JoinGroup.Members":                                        {"InstanceID", "ProtocolMetadata"},
	"OffsetCommit.Topics":                                      {"Topic", "TopicID"},
	"OffsetCommit.Topics.Partitions":                           {"Partition"},
	"OffsetFetch.Topics":                                       {"Topic"},
	"OffsetFetch.Topics.Partitions":                            {"Partition"},
	"OffsetFetch.Groups":                                       {"Group"},
	"OffsetFetch.Groups.Topics":                                {"Topic", "TopicID"},
	"OffsetFetch.Groups.Topics.Partitions":                     {"Partition"},
	"OffsetDelete.Topics":                                      {"Topic"},
	"OffsetDelete.Topics.Partitions":                           {"Partition"},
	"ListGroups.Groups":                                        {"Group"},
	"DescribeGroups.Groups":                                    {"Group"},
	"DescribeGroups.Groups.Members":                            {"InstanceID", "ProtocolMetadata", "ClientID"},
	"DeleteGroups.Groups":                                      {"Group"},
	"DescribeProducers.Topics":                                 {"Topic"},
	"DescribeProducers.Topics.Partitions":                      {"Partition"},
	"DescribeProducers.Topics.Partitions.ActiveProducers":      {"ProducerID", "ProducerEpoch"},
	"DescribeLogDirs.Dirs":                                     {"Dir"},
	"AddPartitionsToTxn.Topics":                                {"Topic"},
	"AddPartitionsToTxn.Topics.Partitions":                     {"Partition"},
	"AddPartitionsToTxn.Transactions":                          {"TransactionalID"},
	"AddPartitionsToTxn.Transactions.Topics":                   {"Topic"},
	"AddPartitionsToTxn.Transactions.Topics.Partitions":        {"Partition"},
	"TxnOffsetCommit.Topics":                                   {"Topic", "TopicID"},
	"TxnOffsetCommit.Topics.Partitions":                        {"Partition"},
	"WriteTxnMarkers.Markers.Topics":                           {"Topic"},
	"WriteTxnMarkers.Markers.Topics.Partitions":                {"Partition"},
	"ListTransactions.TransactionStates":                       {"TransactionalID"},
	"ListTransactions.UnknownStateFilters":                     {}, // names
	"DescribeTransactions.TransactionStates.Topics":            {"Topic"},
	"DescribeTransactions.TransactionStates.Topics.Partitions": {}, // numbers
	"UpdateFeatures.Results":                                   {"Feature"},
	"DescribeLogDirs.Dirs.Topics":                              {"Topic"},
	"DescribeLogDirs.Dirs.Topics.Partitions":                   {"Partition"},
}

// keysOf returns the keys of a list at a path of field names without indexes.
func keysOf(api string, fields []string) []string {
	return listKeys[api+"."+strings.Join(fields, ".")]
}

// elementKey is an element's key as text, "" where it has no such field.
func elementKey(v any, keys []string, text func(any) string) string {
	o, ok := v.(*Object)
	if !ok {
		return ""
	}
	var parts []string
	for _, k := range keys {
		if value, ok := o.Get(k); ok && value != nil {
			parts = append(parts, text(value))
		}
	}
	return strings.Join(parts, ",")
}

// sortLists puts the lists with keys into the order of their keys; ties, where ids are masked, by the rest of the element. Numbers
// sort as numbers. The fields of a key are kept in recordings even where they hold what an absent field would.
func sortLists(api string, fields []string, v any, text func(any) string) {
	switch v := v.(type) {
	case *Object:
		for i := range v.Fields {
			sortLists(api, append(fields[:len(fields):len(fields)], v.Fields[i].Name), v.Fields[i].Value, text)
		}
	case []any:
		for _, e := range v {
			sortLists(api, fields, e, text)
		}
		keys := keysOf(api, fields)
		if keys == nil {
			return
		}
		for _, e := range v {
			keepKeys(e, keys)
		}
		sort.SliceStable(v, func(i, j int) bool {
			a, b := elementKey(v[i], keys, text), elementKey(v[j], keys, text)
			if a != b {
				return lessNatural(a, b)
			}
			return text(v[i]) < text(v[j])
		})
	}
}

func keepKeys(v any, keys []string) {
	o, ok := v.(*Object)
	if !ok {
		return
	}
	for i := range o.Fields {
		if f := &o.Fields[i]; len(keys) == 1 && f.Name == keys[0] {
			f.Default = false
		}
	}
}

// lessNatural orders numbers by value when both texts are numbers of the same sign, else by their letters.
func lessNatural(a, b string) bool {
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	if digits(a) && digits(b) && len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}
